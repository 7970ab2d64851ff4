"""Finding events: by whom and what they are about, of which kind, from when to when, and by words.

A page is read along an index, from the place where the one before ended, in a fixed number of
statements: the last page of a million events costs what the first one does. Words have no index;
they are looked for in up to ``WINDOW`` events at a time, and the page says how far back that went.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    literal,
    or_,
    select,
    true,
    tuple_,
    union,
)

from idp.audit.writing import AuditEvent
from idp.database import UTCDateTime, db

PAGE = 50
WINDOW = 100_000
SUBJECTS = ("subject", "also_about")
ANY_PART = (*SUBJECTS, "actor_key")

_event = AuditEvent.__table__
_PLACE = re.compile(r"([0-9]{1,17})-([0-9]{1,18})")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

# What is looked for in the columns of events, of the table itself or of a part of it.
Words = Callable[[FromClause], ColumnElement[bool]]


@dataclass(frozen=True)
class Place:
    """Where a page begins or ends: the moment and the id of an event."""

    at: dt.datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.id}"

    @classmethod
    def parsed(cls, text: str) -> "Place | None":
        """The place that a text names, as ``str`` gave it; ``None`` for any other text."""
        found = _PLACE.fullmatch(text)
        if found is None:
            return None
        try:
            return cls(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2]))
        except OverflowError:
            return None


@dataclass(frozen=True)
class Asked:
    """What is looked for: events of some ``names`` (empty: of all but ``without``), with one of
    ``keys`` in one of ``columns``, at ``since`` or later, before ``until``, with some words."""

    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ANY_PART
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    words: Words | None = None

    def condition(self) -> ColumnElement[bool]:
        """All of it as one condition on the table, for an export."""
        return and_(self._rest(), or_(*self._parts()), self._words(_event))

    def _parts(self) -> list[ColumnElement[bool]]:
        """Conditions of which one has to hold, each of which an index answers in order."""
        if self.keys:
            return [_event.c[name] == key for name, key in product(self.columns, self.keys)]
        if self.names:
            return [_event.c.name == name for name in self.names]
        return [true()]

    def _rest(self) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = [true()]
        if self.keys and self.names:
            conditions.append(_event.c.name.in_(self.names))
        if self.without:
            conditions.append(_event.c.name.not_in(self.without))
        if self.since is not None:
            conditions.append(_event.c.at >= self.since)
        if self.until is not None:
            conditions.append(_event.c.at < self.until)
        return and_(*conditions)

    def _words(self, columns: FromClause) -> ColumnElement[bool]:
        return self.words(columns) if self.words is not None else true()

    def found(self, where: ColumnElement[bool], back: bool, number: int) -> Select[tuple[int]]:
        """The ids of the first so many events after a place, newest first if ``back``."""
        if self.words is None:
            parts = [
                _ordered(select(_event.c.id, _event.c.at).where(part, self._rest(), where), back)
                .limit(number)
                .subquery()
                for part in self._parts()
            ]
            every = union(*(select(part.c.id, part.c.at) for part in parts)).subquery()
            return _ordered(select(every.c.id, every.c.at), back, every).limit(number)
        part = self.window(where, back).subquery("looked_at")
        query = select(part.c.id, part.c.at).where(self._words(part))
        return _ordered(query, back, part).limit(number)

    def window(self, where: ColumnElement[bool], back: bool) -> Select[tuple[int]]:
        """The events among which words are looked for."""
        query = select(_event).where(or_(*self._parts()), self._rest(), where)
        return _ordered(query, back).limit(WINDOW)


@dataclass(frozen=True)
class Found:
    """One page of events, newest first, and the places that the pages beside it begin at.

    ``looked_back_to`` is how far back words were looked for, when there is more behind that.
    """

    events: Sequence[AuditEvent]
    newer: Place | None
    older: Place | None
    looked_back_to: dt.datetime | None = None


def page(
    asked: Asked, *, older_than: Place | None = None, newer_than: Place | None = None
) -> Found:
    """The newest events, or those next to a place. Two statements, with words three."""
    back = newer_than is None
    place = older_than if back else newer_than
    where = true() if place is None else _beyond(place, back)
    ids = [row.id for row in db.session.execute(asked.found(where, back, PAGE + 1))]
    more, ids = len(ids) > PAGE, ids[:PAGE]
    events = db.session.scalars(
        select(AuditEvent)
        .where(AuditEvent.id.in_(ids))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    ).all()
    end = None
    if asked.words is not None and not more:
        end = _end_of(asked.window(where, back), back)
    first = Place(events[0].at, events[0].id) if events else place
    last = Place(events[-1].at, events[-1].id) if events else place
    if back:
        older = last if more else end
        return Found(events, first if place else None, older, end.at if end else None)
    return Found(events, first if more else end, last)


def _ordered(query: Select[tuple[int]], back: bool, of: FromClause = _event) -> Select[tuple[int]]:
    columns = (of.c.at, of.c.id)
    return query.order_by(*(column.desc() if back else column for column in columns))


def _beyond(place: Place, back: bool) -> ColumnElement[bool]:
    here = tuple_(_event.c.at, _event.c.id)
    there = tuple_(literal(place.at, UTCDateTime()), literal(place.id))
    return here < there if back else here > there


def _end_of(window: Select[tuple[int]], back: bool) -> Place | None:
    """Where a window ends, if it ends before the events do."""
    query = _ordered(window.with_only_columns(_event.c.at, _event.c.id).order_by(None), back)
    row = db.session.execute(query.limit(1).offset(WINDOW - 1)).one_or_none()
    return Place(row.at, row.id) if row is not None else None
