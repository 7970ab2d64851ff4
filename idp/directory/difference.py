"""What a group would be after an edit: who joins, who leaves, who stays but changes.

It is asked while staff edit, before anything is saved, and reads only. What it says is what
``membership`` does once the group is saved.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, exists, func, literal, select, union_all

from idp.directory import conditions
from idp.directory.contacts import Contact
from idp.directory.membership import Exclusion, Membership, matching

MOVEMENTS = ("join", "leave", "change", "stay")


@dataclass(frozen=True)
class Edited:
    """A group as it is being edited: a checked condition, what it selects, and the group's id
    (``None``: it is not made yet). Additions and exclusions are those that are saved."""

    condition: conditions.Tree
    selects: str
    group_id: int | None = None


def of(edited: Edited) -> Select[int, str]:
    """A SELECT of ``contact_id`` and ``movement`` of each contact that is in the group or would be.

    ``change`` is who is in it now and then, but for other reasons, so that what Higher Logic is
    told of roles and dates may be another; the other ``MOVEMENTS`` are what they say.
    """
    reasons = union_all(*_reasons(edited)).subquery("reasons")
    was, will, by_hand = (func.max(reasons.c[name]) for name in ("was", "will", "by_hand"))
    movement = case(
        (was == will, "stay"),
        (by_hand == 1, "change"),
        (will == 1, "join"),
        else_="leave",
    )
    return select(reasons.c.contact_id, movement.label("movement")).group_by(reasons.c.contact_id)


def _reasons(edited: Edited) -> list[Select[Any]]:
    """One row for each reason that a contact has to be in the group, now or then."""

    def marks(**flags: int) -> list[Any]:
        names = ("was", "will", "by_hand")
        return [literal(flags.get(name, 0)).label(name) for name in names]

    contact, there, out = (
        Contact.__table__,
        Membership.__table__.alias(),
        Exclusion.__table__.alias(),
    )
    will = matching(edited.condition, edited.selects).with_only_columns(
        contact.c.id.label("contact_id"), *marks(will=1)
    )
    if edited.group_id is None:
        return [will]
    shut_out = (
        exists()
        .where(out.c.group_id == edited.group_id, out.c.contact_id == contact.c.id)
        .correlate(contact)
    )
    here, by_rule = there.c.group_id == edited.group_id, there.c.origin == "rule"
    return [
        will.where(~shut_out),
        select(there.c.contact_id, *marks(was=1)).where(here, by_rule),
        select(there.c.contact_id, *marks(by_hand=1)).where(here, ~by_rule),
    ]
