"""Deactivated contacts: what Higher Logic is told of them is the association's choice.

*Deactivated* is a record out of use, and a person whose account is. Push API v1 cannot delete, and
what ``IsActive`` does at Higher Logic beyond hiding is not known: so by default nothing is sent,
and the record stays there as it is (the brief).

Who was never told of is not told of now. Who was, is kept current from then on as the choice has
it, like everybody: what is told goes by how the database is, not by what was changed last.
"""

from typing import Literal, get_args

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, false, func, or_, select

from idp.database import db
from sync import ledger, noting, scope

Policy = Literal["keep", "inactive", "no_groups"]
"""``keep``: nothing is sent. ``inactive``: ``IsActive`` is false, groups are as they are.
``no_groups``: ``IsActive`` is as it was, and the record is in no group."""

KEEP: Policy = "keep"
INACTIVE: Policy = "inactive"
NO_GROUPS: Policy = "no_groups"
POLICIES: tuple[Policy, ...] = get_args(Policy)


def told(contact: FromClause, policy: str) -> ColumnElement[bool]:
    """Whether Higher Logic is told of a contact although it is deactivated."""
    if policy == KEEP:
        return false()
    row = ledger.table.alias()
    # Also where a push had no clear answer: Higher Logic may have it.
    had = (
        exists()
        .where(row.c.contact_id == contact.c.id, row.c.last_pushed_at.is_not(None))
        .correlate(contact)
    )
    return and_(scope.deactivated(contact), ~scope.alias(contact), had)


def reaches_groups(contact: FromClause, policy: str) -> ColumnElement[bool]:
    """Whether Higher Logic is told of a contact's groups."""
    also = told(contact, policy) if policy == INACTIVE else false()
    return or_(scope.eligible(contact), also)


def reason(
    contact: FromClause,
    account: FromClause,
    policy: str,
    shares: ColumnElement[bool] | None = None,
) -> ColumnElement[str]:
    """Why Higher Logic is not told of a contact's groups: ``scope.reason``, by a policy."""
    among = told(contact, policy) if policy == INACTIVE else None
    return scope.reason(contact, account, shares, among)


def note(policy: str) -> None:
    """Note those whom a policy is about: it is new."""
    if policy != KEEP:
        noting.note(_concerned(policy))


def number(policy: str) -> int:
    """How many deactivated contacts Higher Logic is told of by a policy."""
    if policy == KEEP:
        return 0
    concerned = _concerned(policy).subquery()
    return db.session.scalar(select(func.count()).select_from(concerned)) or 0


def _concerned(policy: str) -> Select[int]:
    contact = scope.contacts("deactivated")
    return select(contact.c.id).where(told(contact, policy))
