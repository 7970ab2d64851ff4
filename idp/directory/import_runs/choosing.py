"""What staff choose about a file: how it is read, where its columns go, and what becomes of those
who are not in it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from idp.directory import importing
from idp.directory.importing import ColumnMapping, Kind, ReadingOptions
from idp.directory.importing.load import Absent


@dataclass(frozen=True)
class Choices:
    """The choices about one file, kept with its run as JSON. ``named`` is the name of the kept
    mapping that it began with, empty for none."""

    mapping: ColumnMapping
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    absent: Absent = "leave"
    named: str = ""

    def as_json(self) -> dict[str, Any]:
        """The choices as ``from_json`` reads them."""
        return {
            "mapping": self.mapping.as_json(),
            "reading": self.reading.as_json(),
            "absent": self.absent,
            "named": self.named,
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Choices":
        """The choices that ``as_json`` gave."""
        return cls(
            mapping=ColumnMapping.from_json(given["mapping"]),
            reading=ReadingOptions.from_json(given["reading"]),
            absent="deactivate" if given["absent"] == "deactivate" else "leave",
            named=given["named"],
        )


def first(kind: Kind, path: Path, reading: ReadingOptions) -> tuple[Choices, dict[str, Any]]:
    """Look at a file: what is suggested for it, and what was found in it, as JSON.

    The mapping that was used last counts for the columns that it names. Reads the whole file; ends
    the transaction at hand. Raises ``ImportFailed``.
    """
    seen = importing.inspect(kind, path, reading)
    choices = Choices(seen.mapping, reading)
    last = importing.named.last_used(kind)
    if last is not None and last.mapping.columns.keys() & seen.mapping.columns.keys():
        choices = applied(choices, last.name, last.mapping)
    return choices, seen.as_json() | {"sentence": seen.read_as.sentence()}


def applied(choices: Choices, name: str, kept: ColumnMapping) -> Choices:
    """The choices with a kept mapping: columns that it does not name go where they went."""
    columns = {
        column: kept.columns.get(column, target)
        for column, target in choices.mapping.columns.items()
    }
    return replace(choices, mapping=replace(choices.mapping, columns=columns), named=name)
