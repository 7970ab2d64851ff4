"""CSV files: which encoding and which separator, and their rows."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, get_args

from idp.directory.importing.errors import ImportFailed
from idp.directory.importing.reading import (
    ENCODING_NAMES,
    LARGEST_CELL,
    SEPARATOR_NAMES,
    Encoding,
    ReadingOptions,
    Separator,
    Taken,
    checked_header,
    fitted,
)

# UTF-8 with or without its mark; UTF-16 says by its mark which of the two it is.
_CODECS: dict[Encoding, str] = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "windows-1252": "cp1252",
}
_LONGEST_LINE = 8 * 1024 * 1024
_SAMPLE = 64 * 1024
_SAMPLE_ROWS = 20
_PART = 1024 * 1024


class SeparatedTable:
    """A CSV file. Raises ``ImportFailed`` when it cannot be read as one."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.name = path.name
        self._path = path
        encoding = options.encoding or _found_encoding(path)
        self._codec = _CODECS[encoding]
        if (byte := _wrong_byte(path, self._codec)) is not None:
            raise ImportFailed(
                f"{path.name} is not {ENCODING_NAMES[encoding]} (byte {byte}): "
                "export it as CSV UTF-8."
            )
        with self._open() as file:
            sample = file.read(_SAMPLE)
        # Excel's own way to say the separator: a line before the header, which it does not show.
        self._said = _said_separator(sample)
        self._separator = options.separator or self._said or _found_separator(sample)
        self.taken = Taken(
            format="csv",
            encoding=ENCODING_NAMES[encoding],
            separator=SEPARATOR_NAMES[self._separator],
        )
        self.header = checked_header(self.name, next(self._records(), []))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """See ``Table``."""
        records = self._records()
        next(records)
        for number, cells in enumerate(records, start=2):
            row = fitted(self.name, number, cells, len(self.header))
            if row is not None:
                yield number, row

    def close(self) -> None:
        """See ``Table``: nothing is open between two readings."""

    def _open(self) -> TextIO:
        return self._path.open(encoding=self._codec, newline="")

    def _records(self) -> Iterator[list[str]]:
        csv.field_size_limit(LARGEST_CELL)
        with self._open() as file:
            if self._said is not None:
                file.readline(_SAMPLE)
            reader = csv.reader(self._lines(file), delimiter=self._separator, strict=True)
            try:
                yield from reader
            except csv.Error as error:
                raise ImportFailed(f"{self.name}, line {reader.line_num}: {error}.") from None

    def _lines(self, file: TextIO) -> Iterator[str]:
        while line := file.readline(_LONGEST_LINE):
            if len(line) >= _LONGEST_LINE:
                raise ImportFailed(
                    f"{self.name} has a line of more than {_LONGEST_LINE:,} characters."
                )
            yield line


def _found_encoding(path: Path) -> Encoding:
    """UTF-16 by its mark, UTF-8 when all of it is, else Windows-1252, as Excel writes CSV."""
    with path.open("rb") as file:
        beginning = file.read(_SAMPLE)
    if beginning.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in beginning[:_SAMPLE].split(b"\n", 1)[0]:
        raise ImportFailed(f"{path.name} is no text that we know: export it as CSV UTF-8.")
    return "utf-8" if _wrong_byte(path, "utf-8") is None else "windows-1252"


def _wrong_byte(path: Path, codec: str) -> int | None:
    """The offset of the first byte that is not of this encoding."""
    decoder = codecs.getincrementaldecoder(codec)()
    done = 0
    with path.open("rb") as file:
        while True:
            part = file.read(_PART)
            try:
                decoder.decode(part, final=not part)
            except UnicodeDecodeError as error:
                return done + len(part) - len(error.object) + error.start
            except UnicodeError:  # UTF-16 that does not begin with its mark
                return done
            if not part:
                return None
            done += len(part)


def _said_separator(sample: str) -> Separator | None:
    first = sample.split("\n", 1)[0].rstrip("\r")
    if not first.casefold().startswith("sep="):
        return None
    return next((one for one in get_args(Separator) if first[4:] == one), None)


def _found_separator(sample: str) -> Separator:
    """The separator that gives the most columns, and before all, as many in each of the first
    rows."""

    def fits(separator: Separator) -> tuple[bool, int]:
        records = []
        try:
            for record in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
                records.append(record)
                if len(records) > _SAMPLE_ROWS:
                    break
        except csv.Error:  # a huge cell: reading it says so
            pass
        # The sample may end within its last record.
        whole = records[:-1] if len(sample) >= _SAMPLE and len(records) > 1 else records
        if not whole:
            return False, 0
        width = len(whole[0])
        # A quote within a cell: what it encloses was cut at a separator that is none.
        if any('"' in cell for cell in whole[0]):
            return False, 0
        return width > 1 and all(len(record) in (0, width) for record in whole), width

    return max(get_args(Separator), key=fits)
