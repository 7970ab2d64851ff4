"""The command line of the directory: imports and groups."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from idp.database import db
from idp.directory import conditions, groups, importing
from idp.directory.contacts import InvalidValue

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@click.command("import")
@click.argument("kind", type=click.Choice(["companies", "people"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything, keep nothing.")
@click.option(
    "--new-fields/--no-new-fields",
    default=True,
    show_default=True,
    help="Make custom fields of columns that are no field yet.",
)
@JSON_OPTION
def import_command(kind: str, file: Path, dry_run: bool, new_fields: bool, as_json: bool) -> None:
    """Import companies or people from a CSV file (companies first).

    Every row is loaded or named with its row number, column and reason. A second import of the
    same file changes nothing. The exit code is 0 also when rows were refused: the report says
    which.
    """
    console = Console(stderr=True)
    try:
        with Progress(
            TextColumn("Importing " + kind),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
        ) as progress:
            task = progress.add_task(kind, total=None)
            report = importing.run(
                "companies" if kind == "companies" else "people",
                file,
                dry_run=dry_run,
                new_fields=new_fields,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    except importing.ImportFailed as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
        return
    _print(report)


def _print(report: importing.Report) -> None:
    console = Console(highlight=False)
    if report.dry_run:
        console.print("Dry run: nothing was kept.")
    console.print(
        f"{report.rows:,} rows: {report.created:,} created, {report.updated:,} updated, "
        f"{report.unchanged:,} unchanged, {report.refused_count:,} refused."
    )
    for suggested in report.suggested_fields:
        made = "now a custom field" if suggested.created else "no field: it could be a custom field"
        console.print(f"Column {suggested.column!r} is {made} ({suggested.kind}).", markup=False)
    if report.refused:
        table = Table("Row", "Column", "Value", "Reason", title="Refused", title_justify="left")
        for refusal in report.refused:
            table.add_row(
                str(refusal.row),
                _plain(refusal.column),
                _plain(refusal.value[:60]),
                _plain(f"{refusal.reason}: {refusal.message}"),
            )
        console.print(table)


def _plain(text: str) -> str:
    # What a file holds must neither be markup here nor move the cursor of the terminal.
    return "".join(one if one.isprintable() else "\ufffd" for one in text).replace("[", "\\[")


@click.group("group")
def group_command() -> None:
    """Groups: what becomes a community or a security group."""


@group_command.command("create")
@click.argument("name")
@click.option("--type", "type_", type=click.Choice(["community", "security"]), required=True)
@click.option(
    "--condition",
    required=True,
    metavar="JSON",
    help="""Which people: '{"field": "member_status", "op": "is", "value": "Current"}', or a block
    '{"all": [rule, …]}', "any" or "none". A field is named by its key or its label, its company's
    as "company.city"; docs/conditions.md has the operators.""",
)
@click.option("--sync", is_flag=True, help="Switch the sync to Higher Logic on.")
@click.option("--key", help="An existing integration key; made when not given.")
@click.option(
    "--selects",
    type=click.Choice(groups.SELECTS),
    default="people",
    show_default=True,
    help="Among whom the condition looks.",
)
@JSON_OPTION
def create_group(
    name: str,
    type_: groups.GroupType,
    condition: str,
    sync: bool,
    key: str | None,
    selects: str,
    as_json: bool,
) -> None:
    """Make a group of everybody whom a condition selects."""
    try:
        tree = conditions.from_json(condition)
        group = groups.create(name, tree, type=type_, sync=sync, key=key, selects=selects)
        db.session.commit()
    except (conditions.InvalidCondition, InvalidValue) as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(
            json.dumps(
                {
                    "key": group.key,
                    "name": group.name,
                    "type": group.type,
                    "sync": group.sync,
                    "condition": group.condition,
                    "sentence": conditions.sentence(group.condition),
                },
                ensure_ascii=False,
            )
        )
        return
    click.echo(f"{group.name} ({group.type_name}): {conditions.sentence(group.condition)}")
    click.echo(f"Key: {group.key}")
