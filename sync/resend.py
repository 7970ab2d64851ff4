"""Sending again what Higher Logic has, or should have: by hand, or to put drift right."""

from sqlalchemy import Select, or_, select

from idp import audit
from idp.database import db
from idp.directory import changes, groups
from idp.directory.contacts import Contact, find
from idp.directory.groups import Group
from idp.directory.membership import contact_ids_of
from sync import connection, ledger, noting, scope
from sync.records import deactivated


class UnknownKey(LookupError):
    """No contact and no group has this key."""


def resend(key: str | None = None) -> int:
    """Push again, changed or not: one contact, the members of a group, or (``None``) everything.

    Gives how many contacts that is; 0 for one that the feed is not about, or of whom Higher Logic
    may not be told. Part of the
    transaction at hand; its commit wakes the sync. Raises ``UnknownKey``.
    """
    contact_table = Contact.__table__.alias("resent")
    contacts = select(contact_table.c.id)
    if key is not None:
        contact = find(key)
        if contact is not None:
            contacts = contacts.where(contact_table.c.id == contact.id)
        elif (group := groups.find(key)) is not None:
            contacts = contact_ids_of(group.id)
        else:
            raise UnknownKey(f"No contact and no group has the key {key}.")
    noting.note(contacts)
    number = noting.forget_digests(_told(contacts))
    audit.record(audit.Event.RESENT, key or "", contacts=number)
    return number


def _told(contacts: Select[int]) -> Select[int]:
    """Those of some contacts of whom Higher Logic is told: of others nothing is sent."""
    contact, policy = scope.contacts("told_again"), connection.get().deactivated
    told = or_(scope.eligible(contact), scope.alias(contact), deactivated.told(contact, policy))
    return select(contact.c.id).where(contact.c.id.in_(contacts), told)


def resend_refused(group: Group) -> int:
    """Push again those members of a group whom Higher Logic refused; gives how many.

    Part of the transaction at hand; its commit wakes the sync.
    """
    row = ledger.table.c
    # Read first: once they are noted, nobody is refused any more.
    refused = db.session.scalars(
        select(row.contact_id)
        .where(row.contact_id.in_(contact_ids_of(group.id)), ledger.failed())
        # Locked in the order of everybody.
        .order_by(row.contact_id)
    ).all()
    number = 0
    for start in range(0, len(refused), changes.CHUNK):
        chunk = refused[start : start + changes.CHUNK]
        noting.note(chunk)
        number += noting.forget_digests(select(row.contact_id).where(row.contact_id.in_(chunk)))
    audit.record(audit.Event.RESENT, group.key, contacts=number)
    return number
