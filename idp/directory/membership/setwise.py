"""A whole group at once: the difference between what is and what should be, found and written by
the database. No ids come to Python, whatever the number of members.

Who leaves is first kept as history, with one moment that then says whose membership is taken away
and who is announced.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Select,
    and_,
    delete,
    exists,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from idp.database import UTCDateTime, db, now
from idp.directory import changes, conditions
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import catalogue, day
from idp.directory.membership.model import Addition, Exclusion, Membership, PastMembership

_contact = Contact.__table__
_membership: Any = Membership.__table__
_past: Any = PastMembership.__table__
_addition: Any = Addition.__table__
_PLACE = ("group_id", "contact_id", "origin", "role")
_DATES = ("begin_on", "end_on")


def matching(tree: conditions.Tree, selects: str) -> Select[int]:
    """A SELECT of the ids of the contacts that a condition selects."""
    return select(_contact.c.id).where(
        catalogue.meets(tree, catalogue.KINDS[selects], today=day.today())
    )


def refresh_group(group_id: int) -> None:
    """Make a group's memberships what is so today, and those of the groups that ask about it.

    For within ``changes.later``: nobody else may change contacts meanwhile.
    """
    refresh(group_id)
    for follower in catalogue.current().followers(group_id):
        refresh(follower)


def refresh(group_id: int, *, by_rule: bool = True) -> None:
    """Make the memberships of this group alone what is so today; without ``by_rule`` only those
    that staff declared, as while the condition cannot be read."""
    group = db.session.execute(
        select(Group.selects, Group.condition, Group.sync).where(Group.id == group_id)
    ).one()
    today, moment = day.today(), now()
    meets = None
    if by_rule and catalogue.can_be_read(group.condition):
        meets = catalogue.meets(group.condition, catalogue.KINDS[group.selects], today=today)
    if group.sync:
        changes.announce(_redated(group_id).with_only_columns(_membership.c.contact_id))
    _redate(group_id)
    _end(group_id, meets, today, moment)
    _begin(group_id, meets, today, moment)
    if group.sync:
        changes.announce(_moved(group_id, moment))


def _end(
    group_id: int, meets: ColumnElement[bool] | None, today: dt.date, moment: dt.datetime
) -> None:
    there = _membership.alias("there")
    declared = (
        exists()
        .where(*(_addition.c[name] == there.c[name] for name in _PLACE), _stands(today))
        .correlate(there)
    )
    over = (there.c.origin != "rule") & ~declared
    if meets is not None:
        # EXISTS, and not IN: Postgres answers NOT IN row by row once a group outgrows its memory.
        still = exists().where(_contact.c.id == there.c.contact_id, meets).correlate(there)
        over = or_(over, (there.c.origin == "rule") & ~still)
    ending = (there.c.group_id == group_id) & or_(over, _shut_out(group_id, there))
    names = (*_PLACE, *_DATES, "since")
    db.session.execute(
        insert(_past).from_select(
            [*names, "left_at"],
            select(*(there.c[name] for name in names), _moment(moment)).where(ending),
        )
    )
    ended = exists().where(
        _past.c.group_id == group_id,
        _past.c.left_at == moment,
        *(_past.c[name] == _membership.c[name] for name in _PLACE[1:]),
    )
    db.session.execute(delete(_membership).where(_membership.c.group_id == group_id, ended))


def _begin(
    group_id: int, meets: ColumnElement[bool] | None, today: dt.date, moment: dt.datetime
) -> None:
    nothing = null().cast(Date)
    beginning = [
        select(*(_addition.c[name] for name in (*_PLACE, *_DATES))).where(
            _addition.c.group_id == group_id,
            _stands(today),
            ~_shut_out(group_id, _addition),
            ~exists()
            .where(*(_membership.c[name] == _addition.c[name] for name in _PLACE))
            .correlate(_addition),
        )
    ]
    if meets is not None:
        there = _membership.alias("there")
        beginning.append(
            select(
                *(literal(group_id), _contact.c.id, literal("rule"), literal("")),
                *(nothing, nothing),
            ).where(
                meets,
                ~_shut_out(group_id, _contact, "id"),
                ~exists()
                .where(
                    there.c.group_id == group_id,
                    there.c.contact_id == _contact.c.id,
                    there.c.origin == "rule",
                )
                .correlate(_contact),
            )
        )
    names = (*_PLACE, *_DATES)
    for part in beginning:
        # Sorted by what no index has, so that all are known before the first is written: while its
        # statistics call the table empty, Postgres would look through the rows that it has just
        # written for each contact.
        contact_id = part.selected_columns[1]
        rows = part.add_columns(_moment(moment)).order_by(contact_id + 0)
        db.session.execute(insert(_membership).from_select([*names, "since"], rows))


def _redated(group_id: int) -> Select[Any]:
    """The memberships whose addition has other dates by now, with those."""
    return select(_membership.c.id, *(_addition.c[name] for name in _DATES)).where(
        _addition.c.group_id == group_id,
        *(_membership.c[name] == _addition.c[name] for name in _PLACE),
        or_(*(_membership.c[name].is_distinct_from(_addition.c[name]) for name in _DATES)),
    )


def _redate(group_id: int) -> None:
    changed = _redated(group_id).cte("redated")
    dates = {
        name: select(changed.c[name]).where(changed.c.id == _membership.c.id).scalar_subquery()
        for name in _DATES
    }
    db.session.execute(
        update(_membership).where(_membership.c.id.in_(select(changed.c.id))).values(dates)
    )


def _moved(group_id: int, moment: dt.datetime) -> Select[int]:
    return select(
        union_all(
            select(_past.c.contact_id).where(
                _past.c.group_id == group_id, _past.c.left_at == moment
            ),
            select(_membership.c.contact_id).where(
                _membership.c.group_id == group_id, _membership.c.since == moment
            ),
        )
        .subquery()
        .c[0]
    )


def _shut_out(group_id: int, whom: FromClause, column: str = "contact_id") -> ColumnElement[bool]:
    out = Exclusion.__table__.alias()
    return (
        exists()
        .where(out.c.group_id == group_id, out.c.contact_id == whom.c[column])
        .correlate(whom)
    )


def _stands(today: dt.date) -> ColumnElement[bool]:
    """Whether an addition is a membership today, of a record that was not merged into another."""
    begins, ends = _addition.c.begin_on, _addition.c.end_on
    whom = _contact.alias("whom")
    alive = exists().where(whom.c.id == _addition.c.contact_id, whom.c.merged_into_id.is_(None))
    return and_(
        or_(begins.is_(None), begins <= today),
        or_(ends.is_(None), ends >= today),
        alive.correlate(_addition),
    )


def _moment(moment: dt.datetime) -> ColumnElement[Any]:
    return literal(moment, type_=UTCDateTime())
