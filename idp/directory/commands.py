"""The command line of the directory: groups."""

import json

import click

from idp.database import db
from idp.directory import conditions, groups
from idp.directory.contacts import InvalidValue

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


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
