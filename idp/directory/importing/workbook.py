"""Excel workbooks (XLSX): one sheet of them, as texts.

A workbook is a ZIP archive of XML, so a small file can hold almost anything (OWASP, "XML
External Entity Prevention"; zip bombs). Each part is looked through before openpyxl builds
anything of it, entities are refused (here and by defusedxml), and the sheet is then read once,
row by row, into a spool.
"""

import datetime as dt
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml import DEFUSEDXML

from idp.directory.importing.errors import ImportFailed
from idp.directory.importing.reading import (
    LARGEST_CELL,
    CellError,
    ReadingOptions,
    Taken,
    checked_header,
    fitted,
)
from idp.directory.importing.spool import Spool

MOST_PARTS = 500
LARGEST_WORKBOOK = 512 * 1024 * 1024
# What stands between two rows, or two shared texts, or makes up any other part.
LARGEST_STRETCH = 4 * 1024 * 1024
LARGEST_TEXTS = 200 * 1024 * 1024
# Excel's own bound, and one that is far beyond a table that anybody could map.
MOST_SHEET_ROWS = 1_048_576
MOST_SHEET_COLUMNS = 5_000
MOST_TEXTS = 4_000_000
# A cell far to the right comes with all before it, in each of a million rows of a small file.
MOST_BESIDE = 5_000_000

_PART = 1024 * 1024
_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_TEXT = re.compile(rb"<(?:\w+:)?si[\s/>]")
_END = re.compile(rb"</(?:\w+:)?(?:row|si)\s*>")
_DOCTYPE = b"<!DOCTYPE"
_LONGEST_TAG = 64
_DECLARED = re.compile(rb"""encoding\s*=\s*["']([^"']*)""")
_ZEROS = re.compile(r"0+")
# All that reading a spoilt archive, spoilt XML or a workbook that says nonsense has been seen
# to raise in zipfile, expat and openpyxl.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,  # expat's and lxml's
    InvalidFileException,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


class WorkbookTable:
    """One sheet of a workbook. Raises ``ImportFailed`` when it cannot be read."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.name = path.name
        self._spool: Spool[tuple[int, list[str]]] = Spool()
        try:
            _look_through(path)
            # What openpyxl leaves out of a workbook (validations, styles) it warns about: none
            # of that is imported.
            with path.open("rb") as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._read(file, options)
        except _UNREADABLE as error:
            self.close()
            raise ImportFailed(
                f"{path.name} cannot be read as an Excel workbook ({type(error).__name__}): "
                "save it anew as .xlsx, or as CSV UTF-8."
            ) from error
        except ImportFailed:
            self.close()
            raise

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """See ``Table``."""
        for chunk in self._spool.chunks():
            yield from chunk

    def close(self) -> None:
        """See ``Table``."""
        self._spool.close()

    def _read(self, file: Any, options: ReadingOptions) -> None:
        if not DEFUSEDXML:
            raise RuntimeError("openpyxl does not use defusedxml")
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = self._chosen(book, options)
            # Some programs write a size that is not true.
            sheet.reset_dimensions()
            self._spool_rows(sheet)
        finally:
            book.close()

    def _chosen(self, book: Any, options: ReadingOptions) -> Any:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        visible = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
        if options.sheet is not None:
            folded = options.sheet.strip().casefold()
            found = next((title for title in sheets if title.strip().casefold() == folded), None)
            if found is None:
                raise ImportFailed(f"{self.name} has no sheet {options.sheet[:80]!r}.")
        elif visible:
            found = visible[0]
        else:
            raise ImportFailed(f"{self.name} has no sheet with cells.")
        self.taken = Taken(format="xlsx", sheet=found, sheets=tuple(sheets))
        return sheets[found]

    def _spool_rows(self, sheet: Any) -> None:
        header: list[str] | None = None
        beside = 0
        # Rows that the sheet leaves out come as empty ones.
        for number, row in enumerate(sheet.iter_rows(), start=1):
            if number > MOST_SHEET_ROWS:
                raise ImportFailed(f"{self.name} has more than {MOST_SHEET_ROWS:,} rows.")
            if len(row) > MOST_SHEET_COLUMNS:
                raise ImportFailed(
                    f"{self.name}, row {number} has more than {MOST_SHEET_COLUMNS:,} cells."
                )
            cells = [self._text(number, cell) for cell in row]
            if header is None:
                header = checked_header(self.name, cells)
                continue
            beside += max(0, len(cells) - len(header))
            if beside > MOST_BESIDE:
                raise ImportFailed(
                    f"{self.name} has very many empty cells to the right of its columns: delete "
                    "these columns, or save it as CSV UTF-8."
                )
            while len(cells) > len(header) and not cells[-1]:
                cells.pop()
            cells += [""] * (len(header) - len(cells))
            fit = fitted(self.name, number, cells, len(header))
            if fit is not None:
                self._spool.add((number, fit))
        self.header = checked_header(self.name, header or [])

    def _text(self, number: int, cell: Any) -> str:
        text = as_text(cell)
        if len(text) > LARGEST_CELL:
            raise ImportFailed(
                f"{self.name}, row {number} has a cell of more than {LARGEST_CELL:,} characters."
            )
        return text


def as_text(cell: Any) -> str:
    """What a cell means, as a person would type it: dates as year-month-day, yes and no, numbers
    without what their storage adds, but with the zeros in front that their format shows."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return CellError(value) if cell.data_type == "e" else value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        shown = cell.number_format
        if value >= 0 and isinstance(shown, str) and _ZEROS.fullmatch(shown):
            return str(value).zfill(len(shown))
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dt.datetime):
        if value.time() == dt.time():
            return value.date().isoformat()
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def _look_through(path: Path) -> None:
    """Raises ``ImportFailed`` for a part that would take more memory than a sheet does."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS:
            raise ImportFailed(f"{path.name} has more than {MOST_PARTS} parts.")
        # zipfile never gives more of a part than it is said to have.
        if sum(part.file_size for part in parts) > LARGEST_WORKBOOK:
            raise ImportFailed(
                f"{path.name} unpacks to more than {LARGEST_WORKBOOK // 1024**2} MB."
            )
        for part in parts:
            _look_through_part(path.name, archive, part)


def _look_through_part(name: str, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    rows = texts = stretch = size = 0
    before = b""
    with archive.open(part) as file:
        while content := file.read(_PART):
            if not size:
                _check_encoding(name, content)
            size += len(content)
            # A tag may stand where two readings meet.
            seen = before + content
            rows += sum(found.end() > len(before) for found in _ROW.finditer(seen))
            texts += sum(found.end() > len(before) for found in _TEXT.finditer(seen))
            if _DOCTYPE in seen:
                raise ImportFailed(f"{name} defines entities, which no spreadsheet does.")
            ends = [found.end() for found in _END.finditer(seen)]
            longest = stretch + (ends[0] - len(before) if ends else len(content))
            stretch = len(seen) - ends[-1] if ends else longest
            if max(longest, stretch) > LARGEST_STRETCH:
                raise ImportFailed(f"{name} has a part that is no sheet and too large.")
            if rows > MOST_SHEET_ROWS:
                raise ImportFailed(f"{name} has more than {MOST_SHEET_ROWS:,} rows.")
            if texts > MOST_TEXTS or (texts and size > LARGEST_TEXTS):
                raise ImportFailed(f"{name} has too many different texts: save it as CSV UTF-8.")
            before = seen[-_LONGEST_TAG:]


def _check_encoding(name: str, beginning: bytes) -> None:
    # In another encoding, what is looked for here would be written in other bytes.
    declared = _DECLARED.search(beginning[:200])
    is_xml = beginning.lstrip()[:1] == b"<"
    odd = beginning[:2] in (b"\xff\xfe", b"\xfe\xff") or (
        b"\x00" in beginning[:4] and b"<" in beginning[:4]
    )
    if odd or (is_xml and declared and declared[1].lower() not in (b"utf-8", b"us-ascii")):
        raise ImportFailed(f"{name} holds XML that is not UTF-8: save it anew as .xlsx.")
