"""Long lists: a page is asked for by the row that it stands beside, so that the last one costs
what the first one does, and nobody is missed or seen twice when rows come and go meanwhile.

An address names that row by its key (``after``, ``before``), or the end of the list
(``page=last``); what the row is sorted by is read when it is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_

from admin.lists import PAGE, searched
from idp.database import db

MOST_COUNTED = 10_000
_PLACE = ("after", "before", "page")


@dataclass(frozen=True)
class Order:
    """How a list may be sorted: in staff's words, by columns of which the last is unique."""

    words: str
    columns: Sequence[ColumnElement[Any]]
    downwards: bool = False


@dataclass(frozen=True)
class Stretch:
    """One page of a long list. ``total`` is how many rows there are, at most ``MOST_COUNTED`` of
    those that something was asked of: ``more`` says that there are more than that."""

    rows: Sequence[Row[Any]]
    total: int
    more: bool
    search: str
    order: str
    orders: Mapping[str, Order]
    before: bool
    after: bool
    within: bool = False
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def previous(self) -> str:
        """The address of the page before this one; empty on the first."""
        return self.address(before=self.rows[0].key) if self.before else ""

    @property
    def next(self) -> str:
        """The address of the page after this one; empty on the last."""
        return self.address(after=self.rows[-1].key) if self.after else ""

    def address(self, **changes: str) -> str:
        """The address of this list with something else asked; an empty text leaves it out. A
        place in the list is not kept."""
        asked = {**self.asked, **changes}
        given = urlencode({name: value for name, value in asked.items() if value})
        return request.path + (f"?{given}" if given else "")


def stretch_of(
    query: Select[*tuple[Any, ...]],
    key: ColumnElement[str],
    orders: Mapping[str, Order],
    *,
    narrowed: bool,
    within: bool = False,
) -> Stretch:
    """The page of a query that the request asks for, in one of the orders (the first by default).

    What the query asks is asked of the table of ``key`` alone, by which the request names a row;
    the query has it as ``key``. ``narrowed``: a search or a filter was asked, so that the number
    is not read off an index.
    Three statements, one more where the request's row is at the end of the list.
    """
    name = request.args.get("sort", "")
    name = name if name in orders else next(iter(orders))
    order = orders[name]
    at = _row_at(key, order, request.args.get("after") or request.args.get("before"))
    backwards = request.args.get("page") == "last" or (
        at is not None and not request.args.get("after")
    )
    found = _read(query, order, at, backwards)
    if at is not None and len(found) < (PAGE + 1 if backwards else 1):
        # Back to where the list begins, or past its end: that page is whole.
        at, backwards = None, not backwards
        found = _read(query, order, None, backwards)
    over = len(found) > PAGE
    rows = found[:PAGE][::-1] if backwards else found[:PAGE]
    total, more = _number(query, key, narrowed)
    return Stretch(
        rows=rows,
        total=total,
        more=more,
        search=searched(),
        order=name,
        orders=orders,
        before=over if backwards else at is not None,
        after=at is not None if backwards else over,
        within=within,
        asked={one: value for one, value in request.args.items() if value and one not in _PLACE},
    )


def _row_at(key: ColumnElement[str], order: Order, given: str | None) -> tuple[Any, ...] | None:
    if not given:
        return None
    row = db.session.execute(
        select(*order.columns).select_from(key.table).where(key == given.replace("\x00", ""))
    ).first()
    return tuple(row) if row is not None else None


def _read(
    query: Select[*tuple[Any, ...]], order: Order, at: tuple[Any, ...] | None, backwards: bool
) -> Sequence[Row[Any]]:
    falling = order.downwards != backwards
    if at is not None:
        place, first = tuple_(*order.columns), order.columns[0]
        # The first column by itself: SQLite finds its place in an index by no row of expressions.
        if falling:
            query = query.where(first <= at[0], place < tuple_(*at))
        else:
            query = query.where(first >= at[0], place > tuple_(*at))
    columns = [one.desc() if falling else one.asc() for one in order.columns]
    return db.session.execute(query.order_by(*columns).limit(PAGE + 1)).all()


def _number(
    query: Select[*tuple[Any, ...]], key: ColumnElement[str], narrowed: bool
) -> tuple[int, bool]:
    # What a row shows besides is of other tables: whom the list is of, its own table says.
    rows = select(key).select_from(key.table)
    if query.whereclause is not None:
        rows = rows.where(query.whereclause)
    if narrowed:
        rows = rows.limit(MOST_COUNTED + 1)
    number = db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    return (min(number, MOST_COUNTED), number > MOST_COUNTED) if narrowed else (number, False)
