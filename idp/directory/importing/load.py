"""Loading a file: read, check, and write in chunks that each commit whole."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from sqlalchemy import text

from idp import audit
from idp.database import db
from idp.directory import fields
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField
from idp.directory.importing import columns, rows
from idp.directory.importing.report import Report
from idp.directory.importing.rows import Row, RowRefused
from idp.directory.importing.write import CompanyWriter, PeopleWriter

Kind = Literal["companies", "people"]
Table = list[dict[str, str]]

CHUNK = 500
LARGEST_FILE = 500 * 1024 * 1024
LARGEST_CELL = 100_000
MOST_COLUMNS = 300


class ImportFailed(Exception):
    """The file as a whole cannot be imported; the text says why."""


def run(
    kind: Kind,
    path: Path,
    *,
    dry_run: bool = False,
    new_fields: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Import a CSV file (UTF-8, with or without its mark) and say what it did.

    A dry run checks everything and keeps nothing. Columns that are no field yet become custom
    fields of the kind that their values suggest, unless ``new_fields`` is off: then they are
    left out and suggested only. ``progress`` is called with rows done and rows in all. Raises
    ``ImportFailed``.
    """
    header, table = _table(path)
    report = Report(rows=len(table), dry_run=dry_run)
    known = columns.COMPANIES if kind == "companies" else columns.PEOPLE
    built_in = {
        column: known[columns.folded(column)]
        for column in header
        if columns.folded(column) in known
    }
    _check_header(kind, built_in)
    custom = _custom_columns(kind, header, built_in, table, report, new_fields)
    good = _good_rows(kind, table, built_in, custom, report)
    writer = (CompanyWriter if kind == "companies" else PeopleWriter)(report, custom.values())
    for start in range(0, max(len(good), 1), CHUNK):
        writer.write(good[start : start + CHUNK])
        db.session.flush()
        if not dry_run:
            db.session.commit()
        if progress is not None:
            progress(min(start + CHUNK, len(good)), len(good))
    writer.finish()
    report.refused.sort(key=lambda refusal: refusal.row)
    if dry_run:
        db.session.rollback()
    else:
        audit.record(
            audit.Event.IMPORTED,
            kind,
            rows=report.rows,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            refused=len(report.refused),
        )
        # Whoever asks next, a group's condition say, should not be planned for an empty table.
        db.session.execute(text("ANALYZE"))
        db.session.commit()
    return report


def _table(path: Path) -> tuple[list[str], Table]:
    if path.stat().st_size > LARGEST_FILE:
        raise ImportFailed(f"{path.name} is larger than {LARGEST_FILE // 1024**2} MB.")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFailed(
            f"{path.name} is not UTF-8 (byte {error.start}): export it as CSV UTF-8."
        ) from None
    csv.field_size_limit(LARGEST_CELL)
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        lines = list(reader)
    except csv.Error as error:
        raise ImportFailed(f"{path.name}, line {reader.line_num}: {error}.") from None
    if not any(header):
        raise ImportFailed(f"{path.name} is empty.")
    if len(header) > MOST_COLUMNS:
        raise ImportFailed(f"{path.name} has more than {MOST_COLUMNS} columns.")
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise ImportFailed(f"{path.name} has two columns {twice[0]!r}.")
    table: Table = []
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header) and any(line):
            raise ImportFailed(
                f"{path.name}, row {number} has {len(line)} cells, the header has {len(header)}."
            )
        table.append(dict(zip(header, line or [""] * len(header), strict=True)))
    return header, table


def _check_header(kind: Kind, built_in: Mapping[str, str]) -> None:
    column_of: dict[str, str] = {}
    for column, name in built_in.items():
        if name in column_of:
            raise ImportFailed(f"“{column_of[name]}” and “{column}” are the same field: keep one.")
        column_of[name] = column
    names = set(column_of)
    if kind == "companies" and "name" not in names:
        raise ImportFailed("A file of companies needs a column Name.")
    if kind == "people" and not names & {"first_name", "last_name"}:
        raise ImportFailed("A file of people needs a column First Name or Last Name.")


def _custom_columns(
    kind: Kind,
    header: Sequence[str],
    built_in: Mapping[str, str],
    table: Table,
    report: Report,
    new_fields: bool,
) -> dict[str, CustomField]:
    applies_to = "company" if kind == "companies" else "person"
    existing = fields.all_fields(applies_to)
    found: dict[str, CustomField] = {}
    for column in header:
        if column in built_in or not column:
            continue
        field = columns.matching(column, existing)
        if field is None:
            suggested = columns.suggestion(column, (cells[column] for cells in table))
            report.suggested_fields.append(suggested)
            if not new_fields:
                continue
            try:
                field = fields.create(
                    column,
                    suggested.kind,
                    applies_to=applies_to,
                    choices=suggested.choices,
                    in_members_section=True,
                )
            except InvalidValue as error:
                raise ImportFailed(f"Column {column[:80]!r} cannot be a field: {error}") from None
            db.session.flush()
            audit.record(audit.Event.FIELD_CREATED, field.key, label=field.label, kind=field.kind)
            suggested.key, suggested.created = field.key, not report.dry_run
        found[column] = field
    db.session.flush()
    return found


def _good_rows(
    kind: Kind,
    table: Table,
    built_in: Mapping[str, str],
    custom: Mapping[str, CustomField],
    report: Report,
) -> list[Row]:
    good = []
    for number, cells in enumerate(table, start=2):
        try:
            good.append(rows.read(number, cells, built_in, custom, company=kind == "companies"))
        except RowRefused as error:
            report.refused.append(error.refusal)
    return good
