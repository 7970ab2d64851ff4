"""What a group would be after an edit: who joins, who leaves, who stays but changes.

It is asked while staff edit, before anything is saved, and reads only. What it says is what
``membership`` does once the group is saved.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
)

from idp import association
from idp.directory import conditions
from idp.directory.contacts import Contact
from idp.directory.membership import Exclusion, Membership, catalogue

MOVEMENTS = ("join", "leave", "change", "stay")


@dataclass(frozen=True)
class Edited:
    """A group as it is being edited: a checked condition, what it selects, and the group's id
    (``None``: it is not made yet). Additions and exclusions are those that are saved."""

    condition: conditions.Tree
    selects: str
    group_id: int | None = None


def of(edited: Edited) -> Select[Any]:
    """SELECT of ``contact_id`` and ``movement`` of each contact that is in the group or would be,
    from the contact table.

    ``change`` is who is in it now and then, but for other reasons, so that what Higher Logic may be
    told of roles and dates may be another; the other ``MOVEMENTS`` are what they say.

    Everybody is read once, and asked the condition once: asking first who will be in it and then
    who is in it and will not be takes a million people twice the time.
    """
    contact = Contact.__table__
    named = contact.c.id.label("contact_id")
    will = catalogue.meets(
        edited.condition, catalogue.KINDS[edited.selects], today=association.today()
    )
    if edited.group_id is None:
        return select(named, _said("join")).where(will)
    # IN and not EXISTS: read once, and not for each of a million.
    out = Exclusion.__table__.alias()
    shut_out = select(out.c.contact_id).where(out.c.group_id == edited.group_id)
    will = and_(will, contact.c.id.not_in(shut_out))
    there = _there(edited.group_id)
    is_there = there.c.contact_id.is_not(None)
    stays = case((there.c.by_rule == 1, "stay"), else_="change")
    goes = case((there.c.by_rule == 0, "stay"), (there.c.by_hand == 1, "change"), else_="leave")
    return (
        select(named, case((~is_there, "join"), (will, stays), else_=goes).label("movement"))
        .select_from(contact.outerjoin(there, contact.c.id == there.c.contact_id))
        .where(or_(is_there, will))
    )


def _there(group_id: int) -> Subquery:
    """Who is in a group now: ``contact_id``, ``by_rule`` and ``by_hand`` (0 or 1)."""
    there = Membership.__table__.alias()
    by_rule = there.c.origin == "rule"
    return (
        select(
            there.c.contact_id,
            func.max(case((by_rule, 1), else_=0)).label("by_rule"),
            func.max(case((by_rule, 0), else_=1)).label("by_hand"),
        )
        .where(there.c.group_id == group_id)
        .group_by(there.c.contact_id)
        .subquery("there")
    )


def _said(movement: str) -> ColumnElement[str]:
    return literal(movement).label("movement")
