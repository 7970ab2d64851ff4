"""Tables as CSV files: any spreadsheet opens them, and our own import reads them back.

A file is UTF-8 with a mark, so that Excel knows it, and no cell of it is a formula
(``importing.formulas``). It is written while it is read, some hundred rows at a time, each time in
a short transaction of its own: a hundred thousand rows take no more memory than one page, and
nobody waits for whoever is slow to take them.
"""

import codecs
import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from idp import database
from idp.database import db
from idp.directory.importing import formulas

CHUNK = 500
# Bytes that are handed on at once.
_PIECE = 64 * 1024

Cells = Sequence[Any]


@dataclass(frozen=True)
class Table:
    """What can be exported: its name, its columns, how many rows it has, and the rows.

    A cell is a text, a number, a date, a moment (written as UTC), a truth or ``None``.
    """

    name: str
    header: Sequence[str]
    count: Callable[[], int]
    rows: Callable[[], Iterator[Cells]]


def table(
    name: str,
    header: Sequence[str],
    query: Select[*tuple[Any, ...]],
    place: ColumnElement[int],
    make: Callable[[Sequence[Any]], Iterable[Cells]],
) -> Table:
    """The table of a query's rows, in the ascending order of ``place``, which is unique.

    ``make`` gives the cells of some rows and may ask for more about them; the statements that
    each chunk costs do not depend on what it holds.
    """
    number = select(func.count()).select_from(query.order_by(None).subquery())
    return Table(
        name,
        header,
        lambda: db.session.scalar(number) or 0,
        lambda: _read(query, place, make),
    )


def _read(
    query: Select[*tuple[Any, ...]],
    place: ColumnElement[int],
    make: Callable[[Sequence[Any]], Iterable[Cells]],
) -> Iterator[Cells]:
    query = query.add_columns(place.label("place_of_row")).order_by(None).order_by(place)
    last: int | None = None
    while True:
        part = query.limit(CHUNK) if last is None else query.where(place > last).limit(CHUNK)
        db.session.rollback()
        with database.reading():
            rows = db.session.execute(part).all()
            cells = list(make(rows)) if rows else []
            last = rows[-1].place_of_row if rows else None
            db.session.rollback()
        yield from cells
        if len(rows) < CHUNK:
            return


def lines(exported: Table) -> Iterator[bytes]:
    """The file, piece by piece."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    yield codecs.BOM_UTF8
    writer.writerow([formulas.safe(name) for name in exported.header])
    for cells in exported.rows():
        writer.writerow([formulas.safe(text_of(cell)) for cell in cells])
        if written.tell() >= _PIECE:
            yield _taken(written)
    yield _taken(written)


def _taken(written: io.StringIO) -> bytes:
    piece = written.getvalue().encode()
    written.seek(0)
    written.truncate()
    return piece


def text_of(cell: Any) -> str:
    """A cell as a text, as the import reads it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "Yes" if cell else "No"
    if isinstance(cell, dt.datetime):
        return cell.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)
