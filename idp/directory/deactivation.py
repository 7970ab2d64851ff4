"""Putting a record out of use, and back into use: a person's or a company's, whole.

The record and its key stay. A person whose record is out of use cannot sign in, and every session
and token of theirs ends at once (``accounts``); their account is as it was when the record is put
back, and what was ended stays ended. What Higher Logic is told of a record out of use is the
association's choice; by default nothing is, and what it has stays there (the brief). A company's
people stay its people.
"""

from idp import audit
from idp.directory import accounts, changes
from idp.directory.contacts import Contact, InvalidValue, Person


def deactivate(contact: Contact) -> None:
    """Put a record out of use.

    Raises ``InvalidValue`` with the reason ``last_owner`` when nobody could look after the
    association any more.
    """
    if not contact.active:
        return
    account = accounts.of_person(contact) if isinstance(contact, Person) else None
    if account is not None:
        # The record first and the owners then: so hold them a merge and an import.
        changes.hold(contact.id)
    if account is not None and accounts.is_last_owner(account):
        raise InvalidValue("active", "last_owner", "The last owner's record stays in use.")
    contact.active = False
    audit.record(audit.Event.CONTACT_DEACTIVATED, contact.key, changed={"active": [True, False]})


def reactivate(contact: Contact) -> None:
    """Put a record back into use. Raises ``InvalidValue`` for one that was merged."""
    if contact.active:
        return
    if contact.merged_into_id is not None:
        raise InvalidValue("active", "merged", "This record was merged into another.")
    contact.active = True
    audit.record(audit.Event.CONTACT_REACTIVATED, contact.key, changed={"active": [False, True]})
