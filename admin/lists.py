"""Lists: one page of rows, found by a search, in a fixed number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import Row, Select, func, select

from idp.database import db

PAGE = 50
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Listing:
    """One page of a list. ``number`` counts pages from 1; ``search`` is what was looked for."""

    rows: Sequence[Row[Any]]
    total: int
    number: int
    search: str

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // PAGE))

    @property
    def first(self) -> int:
        """The number of the first row on this page, counted from 1."""
        return min(self.total, (self.number - 1) * PAGE + 1)

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return min(self.total, self.number * PAGE)


def searched() -> str:
    """What the request looks for."""
    return request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def page_of(query: Select[*tuple[Any, ...]]) -> Listing:
    """The page of an ordered query that the request asks for. Two statements; a page past the
    end is the last one."""
    total = (
        db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    )
    asked = request.args.get("page", 1, type=int)
    number = min(max(1, asked), max(1, -(-total // PAGE)))
    rows = db.session.execute(query.limit(PAGE).offset((number - 1) * PAGE)).all()
    return Listing(rows=rows, total=total, number=number, search=searched())
