"""Whom the feed is about, as SQL.

*Eligible* is a contact of whom Higher Logic may be told at all: an active company, or an active
person whose account is not deactivated (an invited account counts). The brief: people without an
account do not sync; a deactivated record stays at Higher Logic as it is. What else may be said of
one is ``deactivated``'s knowledge.

A record that was merged into another (an *alias*) is told of once more: as inactive, and in no
group. There is nothing to tell where Higher Logic never had it.

*In scope* is an eligible contact that is in a synced group, or a company that such a person
works for. Who was in scope once stays in the ledger: Higher Logic has a record to keep current.
"""

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, exists, func, or_, select

from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import Membership

REASONS = {
    "no_account": "No account",
    "no_email": "No e-mail address",
    "duplicate_email": "E-mail address of another who syncs",
    "inactive": "Record not in use",
    "account_deactivated": "Account deactivated",
}
"""What keeps a contact from the feed, in the staff's words."""

# Aliases throughout: these expressions stand inside of statements about the same tables.


def contacts(name: str) -> FromClause:
    """The contact table under a name of its own."""
    return Contact.__table__.alias(name)


def eligible(contact: FromClause) -> ColumnElement[bool]:
    """Whether Higher Logic may be told of a contact."""
    account = Account.__table__.alias()
    may_sign_in = (
        exists()
        .where(account.c.person_id == contact.c.id, account.c.deactivated_at.is_(None))
        .correlate(contact)
    )
    return and_(contact.c.active, or_(contact.c.kind == "company", may_sign_in))


def deactivated(contact: FromClause) -> ColumnElement[bool]:
    """Whether a contact's record, or their account, was put out of use: none of them is eligible,
    and an alias is one of them."""
    account = Account.__table__.alias()
    barred = (
        exists()
        .where(account.c.person_id == contact.c.id, account.c.deactivated_at.is_not(None))
        .correlate(contact)
    )
    return or_(~contact.c.active, barred)


def alias(contact: FromClause) -> ColumnElement[bool]:
    """Whether a contact is a record that was merged into another."""
    return contact.c.merged_into_id.is_not(None)


def reason(
    contact: FromClause,
    account: FromClause,
    shares: ColumnElement[bool] | None = None,
    told: ColumnElement[bool] | None = None,
) -> ColumnElement[str]:
    """Why Higher Logic may not be told of a contact: of ``REASONS``, empty for who is ``eligible``.

    ``account`` is the account table, outer joined to the contact. Who has no account for want of an
    address, or because another signs in with it, is told that: it is what staff have to mend.
    ``shares`` says whether they share their address, where the caller knows; ``told`` who is told
    of all the same.
    """
    return case(
        *([] if told is None else [(told, "")]),
        (~contact.c.active, "inactive"),
        (contact.c.kind == "company", ""),
        (account.c.deactivated_at.is_not(None), "account_deactivated"),
        (account.c.id.is_not(None), ""),
        (contact.c.email_key.is_(None), "no_email"),
        (shares_address(contact) if shares is None else shares, "duplicate_email"),
        else_="no_account",
    )


def shared_addresses() -> Select[str | None]:
    """The e-mail addresses that several contacts have, letter case aside, as ``email_key``.

    Few are. Found all at once from the index of addresses, they save looking for another owner of
    each of a million.
    """
    any_one = contacts("addressed")
    return (
        select(any_one.c.email_key)
        .where(any_one.c.email_key.is_not(None))
        .group_by(any_one.c.email_key)
        .having(func.count() > 1)
    )


def shares_address(contact: FromClause) -> ColumnElement[bool]:
    """Whether another contact of whom Higher Logic may be told has the same e-mail address, letter
    case aside. Higher Logic wants each address once."""
    return and_(contact.c.email_key.in_(shared_addresses()), has_namesake(contact))


def has_namesake(contact: FromClause) -> ColumnElement[bool]:
    """``shares_address`` for a contact whose address is known to be one of several contacts'."""
    other = contacts("namesake")
    return (
        exists()
        .where(other.c.email_key == contact.c.email_key, other.c.id != contact.c.id)
        .where(eligible(other))
        .correlate(contact)
    )


def in_synced_group(contact: FromClause) -> ColumnElement[bool]:
    """Whether a contact is in a group whose sync is on."""
    membership, group = Membership.__table__.alias(), Group.__table__.alias()
    return (
        exists()
        .where(
            membership.c.contact_id == contact.c.id,
            group.c.id == membership.c.group_id,
            group.c.sync,
        )
        .correlate(contact)
    )


def in_scope(contact: FromClause) -> ColumnElement[bool]:
    """Whether the feed is about a contact, whether or not it is in the ledger already."""
    person = contacts("employee")
    employs_one = (
        exists()
        .where(person.c.company_id == contact.c.id, eligible(person), in_synced_group(person))
        .correlate(contact)
    )
    # Nobody works for a person, and not every planner sees that there is nobody to look for.
    is_employer = and_(contact.c.kind == "company", employs_one)
    return and_(eligible(contact), or_(in_synced_group(contact), is_employer))
