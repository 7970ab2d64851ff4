"""The built-in fields that conditions may ask about, with the kind of each."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, exists

from idp.directory.accounts import Account
from idp.directory.contacts import Contact

BuiltInKind = Literal["text", "date", "yes_no"]


@dataclass(frozen=True)
class BuiltInField:
    """A column of the contact, or a question about it, by the name that people know it by."""

    key: str
    label: str
    kind: BuiltInKind
    expression: ColumnElement[Any]


def _fields() -> dict[str, BuiltInField]:
    # The table's columns, not the models' attributes: a condition is one expression over the
    # contact, whichever of the two kinds it is.
    contact = Contact.__table__.c
    account = Account.__table__
    has_account = exists().where(account.c.person_id == contact.id).correlate(Contact.__table__)
    table: list[tuple[str, str, BuiltInKind, Any]] = [
        ("member_status", "Member status", "text", contact.member_status),
        ("member_type", "Member type", "text", contact.member_type),
        ("member_id", "Member ID", "text", contact.member_id),
        ("first_name", "First name", "text", contact.first_name),
        ("last_name", "Last name", "text", contact.last_name),
        ("designation", "Designation", "text", contact.designation),
        ("job_title", "Job title", "text", contact.job_title),
        ("name", "Company name", "text", contact.name),
        ("email", "E-mail", "text", contact.email),
        ("city", "City", "text", contact.city),
        ("state", "State", "text", contact.state),
        ("postal_code", "Postal code", "text", contact.postal_code),
        ("country", "Country", "text", contact.country),
        ("joined_on", "Member since", "date", contact.joined_on),
        ("expires_on", "Expires on", "date", contact.expires_on),
        ("active", "Active", "yes_no", contact.active),
        ("has_account", "Has an account", "yes_no", has_account),
    ]
    return {
        key: BuiltInField(key, label, kind, expression) for key, label, kind, expression in table
    }


BUILT_IN = _fields()
