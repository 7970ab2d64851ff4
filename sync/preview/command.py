"""``tessera group preview``: what a group's condition would do, before it does."""

import json

import click

from idp.database import db, reading
from idp.directory import conditions, groups
from idp.directory.difference import Edited
from sync import preview, scope


@click.command("preview")
@click.argument("key", required=False)
@click.option(
    "--condition",
    metavar="JSON",
    help="The condition to try, as for `tessera group create`; the group's own when not given.",
)
@click.option(
    "--selects",
    type=click.Choice(groups.SELECTS),
    help="Among whom it looks; the group's own when not given, and people without a group.",
)
@click.option(
    "--list", "who", type=click.Choice(preview.LISTS), help="Print the names of one of the lists."
)
@click.option("--search", default="", help="Of the list only names, addresses and ids with this.")
@click.option("--after", default="", metavar="KEY", help="Of the list what comes after this one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def preview_command(
    key: str | None,
    condition: str | None,
    selects: str | None,
    who: preview.Who | None,
    search: str,
    after: str,
    as_json: bool,
) -> None:
    """Say what a group would be with another condition, without changing anything.

    KEY is the group's; without it a new group is tried. Counts who joins, who leaves, and who
    matches but would not reach Higher Logic, and why.
    """
    with reading():
        edited = _edited(key, condition, selects)
        sentence = conditions.sentence(edited.condition)
        counts = preview.counts(edited)
        page = preview.page(edited, who, search=search, after=after) if who is not None else None
        db.session.rollback()
    if as_json:
        shown = counts.as_json() | {"sentence": sentence}
        if page is not None:
            shown["rows"] = [row._asdict() for row in page.rows]
            shown["after"] = page.after
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    click.echo(f"{sentence}:")
    click.echo(f"{counts.sentence}. {counts.syncing:,} of {counts.members:,} would sync.")
    if counts.held:
        click.echo(f"The removals would be held back: {counts.held}.")
    if counts.shared:
        click.echo(f"{counts.shared:,} of them share an e-mail address with another who syncs.")
    if page is None:
        return
    for row in page.rows:
        why = f" ({scope.REASONS[row.reason].lower()})" if row.reason else ""
        click.echo("\t".join(_plain(part) for part in (row.key, row.title, row.email)) + why)
    if page.after:
        click.echo(f"More: --after {_plain(page.after)}", err=True)


def _edited(key: str | None, condition: str | None, selects: str | None) -> Edited:
    group = groups.find(key) if key is not None else None
    if key is not None and group is None:
        raise click.ClickException(f"There is no group with the key {key}.")
    try:
        tree = conditions.from_json(condition) if condition is not None else None
    except conditions.InvalidCondition as error:
        raise click.ClickException(str(error)) from None
    if group is not None:
        return Edited(tree or group.condition, selects or group.selects, group.id)
    if tree is None:
        raise click.UsageError("Give a group's key, a --condition, or both.")
    return Edited(tree, selects or "people")


def _plain(text: str) -> str:
    # A name must not move the cursor of the terminal.
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
