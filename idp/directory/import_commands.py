"""The command line of imports: `tessera import` and `tessera import-mappings`."""

import csv
import json
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from idp.database import db
from idp.directory import importing
from idp.directory.contacts import InvalidValue
from idp.directory.importing import (
    IGNORE,
    MADE_OF,
    ColumnMapping,
    GuardTripped,
    ImportFailed,
    Kind,
    ReadingOptions,
    Report,
    Target,
    formulas,
    named,
)
from idp.directory.importing.reading import ENCODING_NAMES, SEPARATOR_NAMES

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
KIND = click.Choice(["companies", "people"])
_SEPARATORS = {name: separator for separator, name in SEPARATOR_NAMES.items()}
_NEW = "new:"
INTERRUPTED = 130  # as a shell says of a program that Ctrl-C ended


@click.command("import")
@click.argument("kind", type=KIND)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything, keep nothing.")
@click.option(
    "--new-fields/--no-new-fields",
    default=True,
    show_default=True,
    help="Make custom fields of columns that are no field yet.",
)
@click.option("--mapping", "mapping_name", metavar="NAME", help="A kept mapping of the columns.")
@click.option(
    "--column",
    "given",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Where one column goes: first_name, a custom field's key, new:KIND, or nothing to leave "
    "it out. Several times.",
)
@click.option("--separator", type=click.Choice(list(_SEPARATORS)), help="Default: found out.")
@click.option("--encoding", type=click.Choice(list(ENCODING_NAMES)), help="Default: found out.")
@click.option("--sheet", help="The sheet of an Excel workbook. Default: the first.")
@click.option(
    "--absent",
    type=click.Choice(["leave", "deactivate"]),
    default="leave",
    show_default=True,
    help="What becomes of those who are not in the file.",
)
@click.option("--allow", is_flag=True, help="Let it take away what it would ask about.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write every refused row and remark into a CSV file.",
)
@JSON_OPTION
def import_command(
    kind: Kind,
    file: Path,
    dry_run: bool,
    new_fields: bool,
    mapping_name: str | None,
    given: tuple[str, ...],
    separator: str | None,
    encoding: Any,
    sheet: str | None,
    absent: Any,
    allow: bool,
    report_file: Path | None,
    as_json: bool,
) -> None:
    """Import companies or people from a CSV or Excel file (companies first).

    Every row is loaded or named with its row number, column and reason. A second import of the
    same file changes nothing. The exit code is 0 also when rows were refused: the report says
    which. Ctrl-C ends it after the rows at hand; what is written stays.
    """
    reading = ReadingOptions(encoding, _SEPARATORS[separator] if separator else None, sheet)
    with _told_to_stop() as stop, tempfile.TemporaryDirectory() as folder, _progress(kind) as show:
        options: dict[str, Any] = {
            "dry_run": dry_run,
            "new_fields": new_fields,
            "reading": reading,
            "absent": absent,
            "progress": show,
            "cancelled": stop.is_set,
            "findings": Path(folder) / "findings",
            "owners": True,  # who has the command line has the whole database
        }
        try:
            options["mapping"] = _mapping(kind, file, reading, mapping_name, given, new_fields)
            report = _run(kind, file, options, allow)
        except (ImportFailed, InvalidValue) as error:
            raise click.ClickException(str(error)) from None
        except GuardTripped as tripped:
            raise click.ClickException(
                f"{tripped} Nothing is changed. If that is meant, repeat it with --allow."
            ) from None
        if report_file is not None:
            _write_report(Path(folder) / "findings", report_file)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        _print(report)
    if report.cancelled:
        raise SystemExit(INTERRUPTED)


def _run(kind: Kind, file: Path, options: dict[str, Any], allow: bool) -> Report:
    try:
        return importing.run(kind, file, **options)
    except GuardTripped as tripped:
        if not allow:
            raise
        return importing.run(kind, file, **options, allow=tripped.report.losses)


def _mapping(
    kind: Kind,
    file: Path,
    reading: ReadingOptions,
    name: str | None,
    given: tuple[str, ...],
    new_fields: bool,
) -> ColumnMapping | None:
    """The mapping that the options say; ``None`` when they say nothing. Raises ``InvalidValue``."""
    if name is None and not given:
        return None
    if name is not None:
        kept = named.find(kind, name)
        if kept is None:
            raise InvalidValue("mapping", "unknown_mapping", f"No mapping of {kind} is {name!r}.")
        mapping = kept.mapping
        named.used(kept)
        db.session.commit()
    else:
        mapping = importing.inspect(kind, file, reading).mapping
        if not new_fields:
            columns = {
                column: IGNORE if target.to == "new" else target
                for column, target in mapping.columns.items()
            }
            mapping = replace(mapping, columns=columns)
    columns = dict(mapping.columns)
    for one in given:
        column, sign, field = one.rpartition("=")
        if not sign:
            raise InvalidValue("column", "invalid_column", f"{one!r} is not COLUMN=FIELD.")
        columns[column] = _target(kind, column, field.strip())
    return replace(mapping, columns=columns)


def _target(kind: Kind, column: str, field: str) -> Target:
    if not field:
        return IGNORE
    if field in MADE_OF[kind]:
        return Target("field", field)
    if field.startswith(_NEW):
        # A kind that is none is the mapping's to refuse.
        return Target("new", column, kind=field.removeprefix(_NEW), new_choices=True)  # type: ignore[arg-type]
    return Target("custom", field)


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, once; a second one ends the program."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(_number: int, _frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(kind: str) -> Iterator[Any]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(f"Reading {kind}", total=None)

        def show(done: int, total: int) -> None:
            words = f"Importing {kind}" if done else f"Reading {kind}"
            progress.update(
                task, description=words, completed=done or total, total=total if done else None
            )

        yield show


def _write_report(findings: Path, to: Path) -> None:
    # With the mark, Excel reads UTF-8.
    with to.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["Row", "Column", "Value", "Taken", "Reason", "What is to be said"])
        for what, one in importing.read_findings(findings):
            cells = (one.row, one.column, one.value, "yes" if what == "remark" else "no")
            lines.writerow(formulas.safe(str(cell)) for cell in (*cells, one.reason, one.message))


def _print(report: Report) -> None:
    console = Console(highlight=False)
    if report.dry_run:
        console.print("Dry run: nothing was kept.")
    if report.cancelled:
        console.print(f"Cancelled: {report.rows_done:,} of {report.rows:,} rows were done.")
    console.print(
        f"{report.rows:,} rows: {report.created:,} created, {report.updated:,} updated, "
        f"{report.unchanged:,} unchanged, {report.refused_count:,} refused."
    )
    if report.guard_tripped:
        console.print(f"It would ask first: {report.losses.sentence()}", markup=False)
    for suggested in report.suggested_fields:
        made = "now a custom field" if suggested.created else "no field: it could be a custom field"
        console.print(f"Column {suggested.column!r} is {made} ({suggested.kind}).", markup=False)
    for title, found in (("Refused", report.refused), ("Remarks", report.remarks)):
        if not found:
            continue
        table = Table("Row", "Column", "Value", "Reason", title=title, title_justify="left")
        for one in found:
            table.add_row(
                str(one.row),
                _plain(one.column),
                _plain(one.value[:60]),
                _plain(f"{one.reason}: {one.message}"),
            )
        console.print(table)


def _plain(text: str) -> str:
    # What a file holds must neither be markup here nor move the cursor of the terminal.
    return "".join(one if one.isprintable() else "\ufffd" for one in text).replace("[", "\\[")


@click.group("import-mappings")
def import_mappings_command() -> None:
    """Kept mappings: which column of a file goes where."""


@import_mappings_command.command("list")
@JSON_OPTION
def list_mappings(as_json: bool) -> None:
    """List the kept mappings."""
    kept = [one for kind in MADE_OF for one in named.all_of(kind)]
    if as_json:
        click.echo(
            json.dumps(
                [{"kind": one.kind, "name": one.name, "mapping": one.document} for one in kept],
                ensure_ascii=False,
            )
        )
        return
    for one in kept:
        click.echo(f"{one.kind}: {one.name} ({len(one.mapping.columns)} columns)")


@import_mappings_command.command("delete")
@click.argument("kind", type=KIND)
@click.argument("name")
def delete_mapping(kind: Kind, name: str) -> None:
    """Delete a kept mapping; what was imported with it stays."""
    kept = named.find(kind, name)
    if kept is None:
        raise click.ClickException(f"No mapping of {kind} is {name!r}.")
    named.delete(kept)
    db.session.commit()
    click.echo(f"{name} is deleted.")
