"""Memberships follow the contacts: what one contact's change, or a few hundred's, makes of them.

Every group's condition is asked about those contacts only, in statements that are compiled once
(``catalogue``); what is there already is read along with what staff declared, and the difference
is written. So it costs the same in an association of a thousand and of a million.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Date,
    String,
    Table,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.engine.interfaces import Dialect

from idp.compiled import InSession, any_of
from idp.database import UTCDateTime, db, now
from idp.directory import changes
from idp.directory.contacts import Contact
from idp.directory.membership import catalogue
from idp.directory.membership.model import Addition, Exclusion, Membership, PastMembership

_contact = Contact.__table__.c
_membership: Any = Membership.__table__


class Place(NamedTuple):
    """What a membership is told from another by."""

    group_id: int
    contact_id: int
    origin: str
    role: str


@dataclass
class _Standing:
    """What is so of some contacts and what staff declared, by group."""

    memberships: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    additions: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    shut_out: set[tuple[int, int]] = field(default_factory=set)


def _standing(dialect: Dialect) -> Any:
    def rows(what: str, model: Any) -> Any:
        table = model.__table__.c
        return select(
            literal(what, type_=String()).label("what"),
            *(table.id, table.group_id, table.contact_id, table.origin, table.role),
            *(table.begin_on, table.end_on),
        ).where(any_of(table.contact_id, "ids", dialect))

    out = Exclusion.__table__.c
    nothing: Any = literal("", type_=String())
    return union_all(
        rows("membership", Membership),
        rows("addition", Addition).where(
            exists().where(
                _contact.id == Addition.__table__.c.contact_id, _contact.merged_into_id.is_(None)
            )
        ),
        select(
            literal("exclusion", type_=String()),
            *(out.id, out.group_id, out.contact_id, nothing, nothing),
            *(null().cast(Date), null().cast(Date)),
        ).where(any_of(out.contact_id, "ids", dialect)),
    )


_STANDING = InSession(_standing)
_PEOPLE = InSession(
    lambda dialect: (
        select(_contact.id)
        .where(any_of(_contact.company_id, "ids", dialect), _contact.id > bindparam("after"))
        .order_by(_contact.id)
        .limit(changes.CHUNK)
    )
)


@changes.follows
def follow(contact_ids: Collection[int], companies: Collection[int]) -> set[int]:
    """Make the memberships of some contacts, and of a company's people where conditions ask about
    it, what is so today; gives the ids of those whose membership of a synced group changed.

    At most ``changes.CHUNK`` contacts, whose rows are held.
    """
    known, today = catalogue.current_and_today()
    if not known.entries:
        return set()
    moved = _follow(known, contact_ids, today)
    after = 0
    while companies and known.asks_company:
        people = [row.id for row in _PEOPLE.rows(ids=companies, after=after)]
        if not people:
            break
        moved |= _follow(known, people, today)
        after = people[-1]
    return moved


def _follow(known: catalogue.Catalogue, contact_ids: Collection[int], today: dt.date) -> set[int]:
    standing = _stands(contact_ids)
    moved: set[int] = set()
    unreadable = known.unreadable(today)
    for level, questions in zip(known.levels, known.questions(today), strict=True):
        wanted: dict[Place, tuple[dt.date | None, dt.date | None]] = {}
        for question in questions:
            for group_id, contact_id in question.asked(contact_ids):
                if (group_id, contact_id) not in standing.shut_out:
                    wanted[Place(group_id, contact_id, "rule", "")] = (None, None)
        kept: dict[Place, Any] = {}
        for entry in level:
            for row in standing.additions.get(entry.id, ()):
                if _in_time(row, today) and (entry.id, row.contact_id) not in standing.shut_out:
                    wanted[_place(row)] = (row.begin_on, row.end_on)
            for row in standing.memberships.get(entry.id, ()):
                kept[_place(row)] = row
                stays = entry.id in unreadable and row.origin == "rule"
                if stays and (entry.id, row.contact_id) not in standing.shut_out:
                    wanted[_place(row)] = (row.begin_on, row.end_on)
        for place in _write(wanted, kept):
            if place.group_id in known.synced:
                moved.add(place.contact_id)
    return moved


def _stands(contact_ids: Collection[int]) -> _Standing:
    found = _Standing()
    for row in _STANDING.rows(ids=contact_ids):
        if row.what == "exclusion":
            found.shut_out.add((row.group_id, row.contact_id))
        elif row.what == "addition":
            found.additions[row.group_id].append(row)
        else:
            found.memberships[row.group_id].append(row)
    return found


def _place(row: Any) -> Place:
    return Place(row.group_id, row.contact_id, row.origin, row.role)


def _in_time(row: Any, today: dt.date) -> bool:
    return (row.begin_on is None or row.begin_on <= today) and (
        row.end_on is None or row.end_on >= today
    )


def _write(
    wanted: dict[Place, tuple[dt.date | None, dt.date | None]], kept: dict[Place, Any]
) -> list[Place]:
    """Write the difference; gives the places where there was one."""
    gone = [place for place in kept if place not in wanted]
    new = sorted(place for place in wanted if place not in kept)
    redated = [
        place
        for place, dates in wanted.items()
        if place in kept and (kept[place].begin_on, kept[place].end_on) != dates
    ]
    moment = now()
    end([kept[place].id for place in gone], moment)
    for place in redated:
        begin_on, end_on = wanted[place]
        _REDATED.run(row_id=kept[place].id, begins=begin_on, ends=end_on)
    if new:
        rows = [
            {
                **place._asdict(),
                "begin_on": wanted[place][0],
                "end_on": wanted[place][1],
                "since": moment,
            }
            for place in new
        ]
        db.session.execute(insert(_membership), rows)
    return [*gone, *redated, *new]


def end(membership_ids: Collection[int], moment: dt.datetime) -> None:
    """Make memberships past ones, in the transaction at hand. Nobody is told of it here."""
    if not membership_ids:
        return
    _PASSED.run(ids=membership_ids, left_at=moment)
    if db.session.get_bind().dialect.name != "postgresql":
        _GONE.run(ids=membership_ids)


def _gone(dialect: Dialect) -> Any:
    return delete(_membership).where(any_of(_membership.c.id, "ids", dialect))


def _passed(dialect: Dialect) -> Any:
    names = ("group_id", "contact_id", "origin", "role", "begin_on", "end_on", "since")
    left_at = bindparam("left_at", type_=UTCDateTime())
    if dialect.name == "postgresql":  # which deletes and tells what that was at once
        gone = _gone(dialect).returning(*(_membership.c[name] for name in names)).cte("gone")
        rows = select(*(gone.c[name] for name in names), left_at)
    else:
        rows = select(*(_membership.c[name] for name in names), left_at).where(
            any_of(_membership.c.id, "ids", dialect)
        )
    past = cast(Table, PastMembership.__table__)
    return insert(past).from_select([*names, "left_at"], rows)


_PASSED, _GONE = InSession(_passed), InSession(_gone)
_REDATED = InSession(
    lambda _dialect: (
        update(_membership)
        .where(_membership.c.id == bindparam("row_id"))
        .values(begin_on=bindparam("begins", type_=Date()), end_on=bindparam("ends", type_=Date()))
    )
)
