"""What two records that become one belong to: the groups of either, as staff declared them.

What a group's condition says of the kept record follows by itself (``membership``).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select, update

from idp.database import db, now
from idp.directory import changes
from idp.directory.contacts import Contact
from idp.directory.membership import Addition, Exclusion, Membership, PastMembership, following


def unite(kept: Contact, other: Contact) -> None:
    """Give the kept record what staff declared of the other: roles, with the longer of two times
    where both have one, and groups that it is shut out of. What the other was in is the kept
    one's past as well."""
    mine = {_place(row): row for row in _additions(kept)}
    for row in _additions(other):
        there = mine.get(_place(row))
        if there is None:
            row.contact = kept
        else:
            _lengthen(there, row)
            db.session.delete(row)
    shut_out = {row.group_id for row in _exclusions(kept)}
    for exclusion in _exclusions(other):
        if exclusion.group_id in shut_out:
            db.session.delete(exclusion)
        else:
            exclusion.contact = kept
    # Once the memberships have followed, and the other's are all past.
    kept_id, other_id = kept.id, other.id
    changes.later(("past of", other_id), lambda: _hand_over_past(kept_id, other_id))


def _additions(contact: Contact) -> Sequence[Addition]:
    return db.session.scalars(select(Addition).where(Addition.contact_id == contact.id)).all()


def _exclusions(contact: Contact) -> Sequence[Exclusion]:
    return db.session.scalars(select(Exclusion).where(Exclusion.contact_id == contact.id)).all()


def _place(row: Addition) -> tuple[int, str, str]:
    return row.group_id, row.origin, row.role.casefold()


def _lengthen(there: Addition, row: Addition) -> None:
    """Make a time hold another as well; an open beginning or end is the longest."""
    begins, ends = (there.begin_on, row.begin_on), (there.end_on, row.end_on)
    there.begin_on = None if None in begins else min(day for day in begins if day is not None)
    there.end_on = None if None in ends else max(day for day in ends if day is not None)


def _hand_over_past(kept_id: int, other_id: int) -> None:
    _hand_over_unread(kept_id, other_id)
    past = PastMembership.__table__
    db.session.execute(
        update(PastMembership).where(past.c.contact_id == other_id).values(contact_id=kept_id)
    )


def _hand_over_unread(kept_id: int, other_id: int) -> None:
    """What is left is of groups whose condition cannot be read: they keep whom they have, who is
    the kept record from now on."""
    row: Any = Membership.__table__
    left = row.c.contact_id == other_id
    is_in = select(row.c.group_id).where(row.c.contact_id == kept_id, row.c.origin == "rule")
    is_out = select(Exclusion.group_id).where(Exclusion.contact_id == kept_id)
    over = or_(row.c.group_id.in_(is_in), row.c.group_id.in_(is_out))
    following.end(db.session.scalars(select(row.c.id).where(left, over)).all(), now())
    db.session.execute(update(row).where(left).values(contact_id=kept_id))
