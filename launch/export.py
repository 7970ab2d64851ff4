"""``tessera export``: the panel's lists as files, on the command line."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from idp import audit, exporting
from idp.audit import exporting as audit_exporting
from idp.database import db
from idp.directory import exporting as directory
from idp.directory import groups
from idp.exporting import Table
from idp.oauth import client_export
from sync.standing import exporting as sync_exporting

TABLES: dict[str, Callable[[], Table]] = {
    "people": directory.people,
    "companies": directory.companies,
    "groups": directory.groups,
    "fields": directory.custom_fields,
    "clients": client_export.clients,
    "audit": audit_exporting.events,
    "waiting": sync_exporting.waiting,
}

OF_A_GROUP = {"members": directory.members, "past-members": directory.past_members}


@click.command("export")
@click.argument("what", type=click.Choice([*TABLES, *OF_A_GROUP]))
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="The file to write; - is standard output.",
)
@click.option("--group", "group_key", help="The group whose members are meant, by its key.")
def export_command(what: str, output: Path, group_key: str | None) -> None:
    """Export a list as CSV.

    UTF-8, for any spreadsheet. People and companies can be imported again as they are, which
    changes nothing. What is `waiting` is what Higher Logic has not taken yet, and why.
    """
    if (what in OF_A_GROUP) != (group_key is not None):
        raise click.UsageError("--group goes with members and past-members, and they with it.")
    table = _table(what, group_key)
    number = 0
    if str(output) == "-":
        number = _write(table, sys.stdout.fileno())
    else:
        # Written whole under another name first: a file that is there is a whole one.
        descriptor, draft = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            number = _write(table, descriptor)
            os.replace(draft, output)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
            raise
    audit.record(audit.Event.EXPORTED, group_key or "", what=table.name, rows=number)
    db.session.commit()
    click.echo(f"{number:,} rows written.", err=True)


def _table(what: str, group_key: str | None) -> Table:
    if group_key is None:
        return TABLES[what]()
    group = groups.find(group_key)
    if group is None:
        raise click.ClickException(f"There is no group {group_key!r}.")
    return OF_A_GROUP[what](group)


def _write(table: Table, descriptor: int) -> int:
    number = table.count()
    with os.fdopen(descriptor, "wb", closefd=descriptor > 2) as file:
        for piece in exporting.lines(table):
            file.write(piece)
    return number
