"""A file as a table: a header and rows of texts, whatever the file is.

What it is, is found out from its content, or told: CSV with comma, semicolon or tab, as UTF-8,
UTF-16 with its mark or Windows-1252, or an Excel workbook (XLSX). Everything is bounded, and
nothing of the file but what a row needs is in memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Protocol

from idp.directory.contacts import TEXT_LENGTH
from idp.directory.importing import formulas
from idp.directory.importing.errors import ImportFailed

Encoding = Literal["utf-8", "utf-16", "windows-1252"]
Separator = Literal[",", ";", "\t"]

LARGEST_FILE = 500 * 1024 * 1024
LARGEST_CELL = 100_000
MOST_COLUMNS = 300
MOST_ROWS = 2_000_000
ENCODING_NAMES: dict[Encoding, str] = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1252": "Windows-1252",
}
SEPARATOR_NAMES: dict[Separator, str] = {",": "comma", ";": "semicolon", "\t": "tab"}

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class ReadingOptions:
    """How to read a file; what is ``None`` is found out. ``sheet`` is a workbook's sheet by name
    (``None``: the first that is not hidden)."""

    encoding: Encoding | None = None
    separator: Separator | None = None
    sheet: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The options as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Any) -> "ReadingOptions":
        """The options that ``as_json`` gave. Raises ``ImportFailed`` for anything else."""
        names = {field.name for field in fields(cls)}
        if not isinstance(given, dict) or not given.keys() <= names:
            raise ImportFailed("These are no reading options.")
        options = cls(**given)
        if options.encoding not in (None, *ENCODING_NAMES):
            raise ImportFailed("The encoding is utf-8, utf-16 or windows-1252.")
        if options.separator not in (None, *SEPARATOR_NAMES):
            raise ImportFailed("The separator is a comma, a semicolon or a tab.")
        if not isinstance(options.sheet, str | None):
            raise ImportFailed("A sheet is named by a text.")
        return options


@dataclass(frozen=True)
class Taken:
    """How a file was read. ``encoding`` and ``separator`` are empty for a workbook, ``sheet`` and
    ``sheets`` (all that can be named) for anything else."""

    format: Literal["csv", "xlsx"]
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """How the file was read, for a script."""
        return {**asdict(self), "sheets": list(self.sheets)}

    def sentence(self) -> str:
        """How the file was read, for people."""
        if self.format == "xlsx":
            return f"Read as an Excel workbook, sheet “{self.sheet}”."
        return f"Read as CSV in {self.encoding}, separated by {self.separator}."


class CellError(str):
    """A cell in which the spreadsheet itself shows an error, as ``#N/A``."""

    __slots__ = ()


class Table(Protocol):
    """A file's rows; ``close`` lets go of what reading took."""

    name: str
    header: list[str]
    taken: Taken

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not blank: its number as a spreadsheet counts (the header is row 1)
        and as many cells as the header has. Can be read again. Raises ``ImportFailed``."""

    def close(self) -> None:
        """Let go."""


def open_table(path: Path, options: ReadingOptions | None = None) -> Table:
    """Open a file; raises ``ImportFailed`` when it is none that can be read."""
    from idp.directory.importing.separated import SeparatedTable
    from idp.directory.importing.workbook import WorkbookTable

    options = options or ReadingOptions()
    if path.stat().st_size > LARGEST_FILE:
        raise ImportFailed(f"{path.name} is larger than {LARGEST_FILE // 1024**2} MB.")
    with path.open("rb") as file:
        beginning = file.read(4)
    if beginning == _OLD_EXCEL:
        raise ImportFailed(
            f"{path.name} is an old or locked Excel file: save it as .xlsx without a password, "
            "or as CSV UTF-8."
        )
    if beginning == _ZIP:
        return WorkbookTable(path, options)
    try:
        return SeparatedTable(path, options)
    except ImportFailed:
        # Of what calls itself a workbook, which encoding it is not helps nobody.
        if path.suffix.lower() != ".xlsx":
            raise
        raise ImportFailed(
            f"{path.name} is no Excel workbook, whatever its name says: save it as .xlsx, "
            "or as CSV UTF-8."
        ) from None


def checked_header(name: str, cells: Sequence[str]) -> list[str]:
    """The columns' names, without empty ones at the end. Raises ``ImportFailed``."""
    # Postgres keeps no NUL.
    header = [formulas.plain(cell.replace("\x00", "").strip()) for cell in cells]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise ImportFailed(f"{name} is empty.")
    if len(header) > MOST_COLUMNS:
        raise ImportFailed(f"{name} has more than {MOST_COLUMNS} columns.")
    seen: set[str] = set()
    for column in header:
        if column and column in seen:
            raise ImportFailed(f"{name} has two columns {column[:TEXT_LENGTH]!r}.")
        seen.add(column)
    return header


def fitted(name: str, number: int, cells: list[str], width: int) -> list[str] | None:
    """A row's cells, as many as the header has; ``None`` for a blank row.

    Raises ``ImportFailed``: cells that no column names cannot be told where to go.
    """
    if not any(cells):
        return None
    if number > MOST_ROWS:
        raise ImportFailed(f"{name} has more than {MOST_ROWS:,} rows.")
    if len(cells) > width and not any(cells[width:]):
        del cells[width:]
    if len(cells) != width:
        raise ImportFailed(f"{name}, row {number} has {len(cells)} cells, the header has {width}.")
    return [formulas.plain(cell) if cell[:1] == "'" else cell for cell in cells]
