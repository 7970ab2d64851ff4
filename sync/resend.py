"""Sending again what Higher Logic has, or should have: by hand, or to put drift right."""

from sqlalchemy import select

from idp import audit
from idp.directory import groups
from idp.directory.contacts import Contact, find
from idp.directory.membership import contact_ids_of
from sync import ledger


class UnknownKey(LookupError):
    """No contact and no group has this key."""


def resend(key: str | None = None) -> int:
    """Push again, changed or not: one contact, the members of a group, or (``None``) everything.

    Gives how many contacts that is; 0 for one that the feed is not about. Part of the
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
    ledger.note(contacts)
    number = ledger.forget_digests(contacts)
    audit.record(audit.Event.RESENT, key or "", contacts=number)
    return number
