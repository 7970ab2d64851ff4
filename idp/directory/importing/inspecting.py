"""What a file is, before it is imported: how it is read, its columns and where they could go."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from idp.database import db
from idp.database import reading as only_reading
from idp.directory import fields
from idp.directory.fields import CustomField
from idp.directory.importing import kinds, mapping
from idp.directory.importing.columns import Kind
from idp.directory.importing.mapping import ColumnMapping, Target
from idp.directory.importing.reading import ReadingOptions, Table, Taken, open_table
from idp.directory.importing.report import SHOWN_VALUE, SuggestedField

SAMPLES = 3
ASK_EVERY = 1000


class Cancelled(Exception):
    """Whoever asked for it does not want it any more."""


@dataclass
class ColumnSeen:
    """A column of a file: its first different values, how many rows have one, where the mapping
    sends it, and the custom field that its values suggest, whatever the mapping says."""

    name: str
    samples: list[str]
    filled: int
    target: Target
    suggestion: SuggestedField


@dataclass
class Inspection:
    """A file as it was found; ``mapping`` is what is suggested for it."""

    read_as: Taken
    rows: int
    columns: list[ColumnSeen]
    mapping: ColumnMapping

    def as_json(self) -> dict[str, Any]:
        """For a script, or to be kept until the import."""
        return {
            "read_as": self.read_as.as_json(),
            "rows": self.rows,
            "columns": [
                asdict(column) | {"target": self.mapping.as_json()["columns"].get(column.name)}
                for column in self.columns
            ],
            "mapping": self.mapping.as_json(),
        }


def inspect(
    kind: Kind,
    path: Path,
    reading: ReadingOptions | None = None,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Inspection:
    """Read all of a file and say what is in it; writes nothing, ends the transaction at hand.

    Raises ``ImportFailed`` for a file that cannot be read, ``Cancelled``.
    """
    with closing(open_table(path, reading)) as table:
        custom = custom_fields(kind)
        seen, samples, rows = look(table, table.header, cancelled)
        new = {name: as_new(column.suggestion) for name, column in seen.items()}
        suggested = mapping.suggested(kind, table.header, custom, new)
        return Inspection(
            read_as=table.taken,
            rows=rows,
            columns=[
                ColumnSeen(
                    name,
                    samples[name],
                    seen[name].filled,
                    suggested.columns[name],
                    seen[name].suggestion,
                )
                for name in table.header
                if name
            ],
            mapping=suggested,
        )


def custom_fields(kind: Kind) -> list[CustomField]:
    """The custom fields of a kind of contact, let go of by the session: they outlast commits.

    Ends the transaction at hand.
    """
    db.session.rollback()
    with only_reading():
        found = fields.all_fields("company" if kind == "companies" else "person")
        for one in found:
            db.session.expunge(one)
        db.session.rollback()
    return found


def as_new(suggestion: SuggestedField) -> Target:
    """The custom field that a column suggests as a target."""
    return Target("new", suggestion.column, kind=suggestion.kind, choices=tuple(suggestion.choices))


def look(
    table: Table,
    names: list[str],
    cancelled: Callable[[], bool] | None,
) -> tuple[dict[str, kinds.Column], dict[str, list[str]], int]:
    """Read all rows for what the values of some columns suggest; also their first values, and
    the number of rows. Raises ``ImportFailed``, ``Cancelled``."""
    places = [(place, name) for place, name in enumerate(table.header) if name in names and name]
    seen = {name: kinds.Column(name) for _, name in places}
    samples: dict[str, list[str]] = {name: [] for _, name in places}
    rows = 0
    for _number, cells in table.rows():
        if cancelled is not None and rows % ASK_EVERY == 0 and cancelled():
            raise Cancelled
        rows += 1
        for place, name in places:
            cell = cells[place]
            if not cell:
                continue
            seen[name].add(cell)
            first = samples[name]
            if len(first) < SAMPLES and cell[:SHOWN_VALUE] not in first:
                first.append(str(cell[:SHOWN_VALUE]))
    return seen, samples, rows
