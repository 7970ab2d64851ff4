"""What staff declare by hand: who is in a group whatever its condition says, in which roles and
when, and who is shut out. Memberships follow when the transaction is kept."""

import datetime as dt
from typing import Any, Literal

from sqlalchemy import select

from idp import audit
from idp.database import db
from idp.directory import groups
from idp.directory.contacts import Contact, InvalidValue, checked_text
from idp.directory.groups import Group
from idp.directory.membership.model import ROLE_LENGTH, Addition, Exclusion

MOST_ROLES = 20


def add(
    group: Group,
    contact: Contact,
    *,
    role: str = "",
    begin_on: dt.date | None = None,
    end_on: dt.date | None = None,
    origin: Literal["hand", "import"] = "hand",
) -> Addition:
    """Put a person or a company into a group, whatever the group's condition says of them.

    ``role`` may be empty; for several roles it is called several times. Both days are included.
    Raises ``InvalidValue`` with the reasons ``duplicate_role``, ``too_many_roles``, ``too_long`` or
    ``ends_before_it_begins``.
    """
    groups.hold(group.id, shared=True)  # whoever deletes it waits for us, or we for them
    role = _checked_role(group, contact, role, origin)
    _check_dates(begin_on, end_on)
    addition = Addition(
        group=group, contact=contact, role=role, begin_on=begin_on, end_on=end_on, origin=origin
    )
    db.session.add(addition)
    audit.record(audit.Event.MEMBER_ADDED, group.key, also_about=contact.key, **_facts(addition))
    return addition


def change(
    addition: Addition, *, role: str, begin_on: dt.date | None, end_on: dt.date | None
) -> None:
    """Change role and dates of an addition. Raises ``InvalidValue`` as ``add``."""
    role = _checked_role(addition.group, addition.contact, role, addition.origin, addition)
    _check_dates(begin_on, end_on)
    before = _facts(addition)
    addition.role, addition.begin_on, addition.end_on = role, begin_on, end_on
    after = _facts(addition)
    changed = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
    if changed:
        audit.record(
            audit.Event.MEMBER_CHANGED,
            addition.group.key,
            also_about=addition.contact.key,
            contact=addition.contact.key,
            changed=changed,
        )


def remove(addition: Addition) -> None:
    """Take an addition back: its contact stays only if the condition or another role says so."""
    audit.record(
        audit.Event.MEMBER_REMOVED,
        addition.group.key,
        also_about=addition.contact.key,
        **_facts(addition),
    )
    db.session.delete(addition)


def shut_out(group: Group, contact: Contact) -> None:
    """Keep a contact out of a group, whatever its condition and its additions say.

    Raises ``InvalidValue`` with the reason ``shut_out_already``.
    """
    groups.hold(group.id, shared=True)  # as in ``add``
    if exclusion_of(group, contact) is not None:
        raise InvalidValue(
            "contact", "shut_out_already", f"{contact.title} is shut out of this group already."
        )
    db.session.add(Exclusion(group=group, contact=contact))
    audit.record(
        audit.Event.MEMBER_SHUT_OUT, group.key, also_about=contact.key, contact=contact.key
    )


def let_in(group: Group, contact: Contact) -> None:
    """Undo ``shut_out``: condition and additions count again.

    Raises ``InvalidValue`` with the reason ``not_shut_out``.
    """
    exclusion = exclusion_of(group, contact)
    if exclusion is None:
        raise InvalidValue(
            "contact", "not_shut_out", f"{contact.title} is not shut out of this group."
        )
    db.session.delete(exclusion)
    audit.record(audit.Event.MEMBER_LET_IN, group.key, also_about=contact.key, contact=contact.key)


def additions_of(group: Group, contact: Contact) -> list[Addition]:
    """What staff declared of a contact in a group, oldest first."""
    return list(
        db.session.scalars(
            select(Addition)
            .where(Addition.group_id == group.id, Addition.contact_id == contact.id)
            .order_by(Addition.id)
        )
    )


def exclusion_of(group: Group, contact: Contact) -> Exclusion | None:
    """That a contact is shut out of a group, if it is."""
    return db.session.scalar(
        select(Exclusion).where(Exclusion.group_id == group.id, Exclusion.contact_id == contact.id)
    )


def _checked_role(
    group: Group, contact: Contact, role: str, origin: str, besides: Addition | None = None
) -> str:
    role = checked_text("role", " ".join(role.split()))
    if len(role) > ROLE_LENGTH:
        raise InvalidValue("role", "too_long", f"Longer than {ROLE_LENGTH} characters.")
    others = [one for one in additions_of(group, contact) if one is not besides]
    if any(one.origin == origin and one.role.casefold() == role.casefold() for one in others):
        raise InvalidValue("role", "duplicate_role", _already(contact, role))
    if len(others) >= MOST_ROLES:
        raise InvalidValue(
            "role", "too_many_roles", f"Nobody has more than {MOST_ROLES} roles in a group."
        )
    return role


def _already(contact: Contact, role: str) -> str:
    if not role:
        return f"{contact.title} was added already: change that instead, or give a role."
    return f"{contact.title} was added as {role} already: change the dates of that instead."


def _check_dates(begin_on: dt.date | None, end_on: dt.date | None) -> None:
    if begin_on is not None and end_on is not None and end_on < begin_on:
        raise InvalidValue("end_on", "ends_before_it_begins", "It ends before it begins.")


def _facts(addition: Addition) -> dict[str, Any]:
    begin_on, end_on = addition.begin_on, addition.end_on
    return {
        "contact": addition.contact.key,
        "role": addition.role,
        "begin_on": begin_on.isoformat() if begin_on else None,
        "end_on": end_on.isoformat() if end_on else None,
    }
