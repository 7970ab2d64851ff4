"""Who is about to leave a group at Higher Logic, and who would be left, as SQL.

About to leave is who has something to be pushed, was told to be in the group, is not told to be in
it any more, and about whom nothing is decided yet. It is looked for among what is pending, which is
little, or is as much as is about to be pushed.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select

from idp.database import db
from idp.directory.membership import Membership
from sync import connection, ledger, scope
from sync.records import deactivated, told
from sync.removals import held


def undecided(group: Any, moment: dt.datetime) -> Select[int]:
    """A SELECT of the contacts that are about to leave a group, about whom nothing is decided.

    ``group`` has an ``id`` and a ``key``.
    """
    entry, contact = ledger.table.alias("leaving"), scope.contacts("leaving_contact")
    policy = connection.get().deactivated
    decided = (
        exists()
        .where(
            held.row.group_key == group.key,
            held.row.contact_id == entry.c.contact_id,
            or_(held.row.standing != "passed", held.counting(moment)),
        )
        .correlate(entry)
    )
    return (
        select(entry.c.contact_id)
        .join(contact, contact.c.id == entry.c.contact_id)
        .where(
            entry.c.wanted > entry.c.accepted,
            _was_told(entry, group.key),
            or_(scope.eligible(contact), deactivated.told(contact, policy)),
            ~is_in(group.id, entry.c.contact_id, policy),
            ~decided,
        )
    )


def number(group: Any, moment: dt.datetime, most: int) -> int:
    """How many leave a group now or left it within ``held.WINDOW``; not counted beyond ``most``."""
    counted = (
        select(held.row.contact_id)
        .where(held.row.group_key == group.key, held.counting(moment))
        .limit(most)
    )
    so_far = _length(counted)
    if so_far >= most:
        return most
    return so_far + _length(undecided(group, moment).limit(most - so_far))


def number_left(group: Any, most: int) -> int:
    """How many that Higher Logic has in a group are still in it; not counted beyond ``most``."""
    entry, member = ledger.table.alias("left"), Membership.__table__.alias("left_member")
    contact, policy = scope.contacts("left_contact"), connection.get().deactivated
    query = (
        select(member.c.contact_id)
        .join(entry, entry.c.contact_id == member.c.contact_id)
        .join(contact, contact.c.id == member.c.contact_id)
        .where(
            member.c.group_id == group.id,
            _was_told(entry, group.key),
            ~_taken_out(contact, policy),
        )
        .distinct()
        .limit(most)
    )
    return _length(query)


def is_in(group_id: int, contact_id: Any, policy: str) -> ColumnElement[bool]:
    """Whether the contact with this id is in a group, and told to be in it by what is said of who
    is deactivated."""
    member, contact = Membership.__table__.alias("still_member"), scope.contacts("still_in")
    return (
        exists()
        .where(
            member.c.contact_id == contact_id,
            member.c.group_id == group_id,
            contact.c.id == contact_id,
            ~_taken_out(contact, policy),
        )
        .correlate(contact_id.table)
    )


def _was_told(entry: Any, group_key: str) -> ColumnElement[bool]:
    return told.names(entry.c.told, group_key, db.engine.dialect)


def _taken_out(contact: Any, policy: str) -> ColumnElement[bool]:
    """Whether a contact is told of as in no group, whatever groups it is in."""
    if policy != deactivated.NO_GROUPS:
        return false()
    return deactivated.told(contact, policy)


def _length(query: Select[int]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
