"""What a group would be after an edit: who joins, who leaves, who stays but changes.

It is asked while staff edit, before anything is saved, and reads only. What it says is what
``membership`` does once the group is saved.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, exists, func, literal, select

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


def of(edited: Edited) -> list[Select[Any]]:
    """SELECTs of ``contact_id`` and ``movement`` of each contact that is in the group or would be,
    from the contact table; no contact is found by two of them.

    ``change`` is who is in it now and then, but for other reasons, so that what Higher Logic is
    told of roles and dates may be another; the other ``MOVEMENTS`` are what they say.

    Who will be in it by its rule, and who is in it and will not: the database then knows about
    how many there are and reads a large group in one go. Of reasons that are counted together it
    would know nothing, and look a million contacts up one by one.
    """
    contact = Contact.__table__
    named = contact.c.id.label("contact_id")
    will = catalogue.meets(
        edited.condition, catalogue.KINDS[edited.selects], today=association.today()
    )
    if edited.group_id is None:
        return [select(named, _said("join")).where(will)]
    out = Exclusion.__table__.alias()
    will = and_(
        will,
        ~exists()
        .where(out.c.group_id == edited.group_id, out.c.contact_id == contact.c.id)
        .correlate(contact),
    )
    there = _there(edited.group_id)
    joined = contact.c.id == there.c.contact_id
    return [
        select(
            named,
            case(
                (there.c.contact_id.is_(None), "join"),
                (there.c.by_rule == 1, "stay"),
                else_="change",
            ).label("movement"),
        )
        .select_from(contact.outerjoin(there, joined))
        .where(will),
        select(
            named,
            case(
                (there.c.by_rule == 0, "stay"), (there.c.by_hand == 1, "change"), else_="leave"
            ).label("movement"),
        )
        .select_from(contact.join(there, joined))
        # Asked of the group's members only: by itself it would be asked of everybody first.
        .where(case((there.c.contact_id.is_not(None), ~will), else_=False)),
    ]


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
