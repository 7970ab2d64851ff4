"""The built-in fields that conditions may ask about, with the kind of each."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, exists, func, literal, select

from idp.directory.accounts import Account
from idp.directory.contacts import PHONES, WEB_ADDRESSES, Contact

BuiltInKind = Literal["text", "date", "yes_no", "one_of"]


# Keys and labels of what ``Account.state`` can be.
ACCOUNT_STATES = (("invited", "invited"), ("active", "active"), ("deactivated", "deactivated"))


@dataclass(frozen=True)
class BuiltInField:
    """A column of the contact, or a question about it, by the name that people know it by."""

    key: str
    label: str
    kind: BuiltInKind
    expression: ColumnElement[Any]
    choices: tuple[tuple[str, str], ...] = ()


_Row = tuple[str, str, BuiltInKind, Any]


def _phones(contact: Any) -> list[_Row]:
    rows: list[_Row] = []
    for number, name in enumerate(PHONES, start=1):
        rows.append((name, f"Phone {number}", "text", contact[name]))
        rows.append((f"{name}_type", f"Phone {number}, type", "text", contact[f"{name}_type"]))
    return rows


def _fields() -> dict[str, BuiltInField]:
    # The table's columns, not the models' attributes: a condition is one expression over the
    # contact, whichever of the two kinds it is.
    contact = Contact.__table__.c
    account = Account.__table__
    has_account = exists().where(account.c.person_id == contact.id).correlate(Contact.__table__)
    table: list[_Row] = [
        ("member_status", "Member status", "text", contact.member_status),
        ("member_type", "Member type", "text", contact.member_type),
        ("member_id", "Member ID", "text", contact.member_id),
        ("key", "Key", "text", contact.key),
        ("prefix", "Prefix", "text", contact.prefix),
        ("first_name", "First name", "text", contact.first_name),
        ("middle_name", "Middle name", "text", contact.middle_name),
        ("last_name", "Last name", "text", contact.last_name),
        ("suffix", "Suffix", "text", contact.suffix),
        ("informal_name", "Informal name", "text", contact.informal_name),
        ("designation", "Designation", "text", contact.designation),
        ("job_title", "Job title", "text", contact.job_title),
        ("name", "Company name", "text", contact.name),
        ("email", "E-mail", "text", contact.email),
        *_phones(contact),
        ("address_1", "Address, first line", "text", contact.address_1),
        ("address_2", "Address, second line", "text", contact.address_2),
        ("address_3", "Address, third line", "text", contact.address_3),
        ("city", "City", "text", contact.city),
        ("state", "State", "text", contact.state),
        ("postal_code", "Postal code", "text", contact.postal_code),
        ("country", "Country", "text", contact.country),
        ("joined_on", "Member since", "date", contact.joined_on),
        ("expires_on", "Expires on", "date", contact.expires_on),
        *((name, label, "text", contact[name]) for name, label in WEB_ADDRESSES.items()),
        ("bio", "Biography", "text", contact.bio),
        ("in_directory", "In the directory", "yes_no", contact.in_directory),
        ("active", "Active", "yes_no", contact.active),
        ("has_account", "Has an account", "yes_no", has_account),
    ]
    found = {
        key: BuiltInField(key, label, kind, expression) for key, label, kind, expression in table
    }
    found["account_state"] = BuiltInField(
        "account_state", "Account", "one_of", _account_state(), ACCOUNT_STATES
    )
    return found


def _account_state() -> ColumnElement[Any]:
    # As ``Account.state`` says it; NULL for who has no account.
    contact, account = Contact.__table__.c, Account.__table__.c
    return (
        select(
            case(
                (account.deactivated_at.is_not(None) | ~contact.active, "deactivated"),
                (func.coalesce(account.password_hash, "") == "", "invited"),
                else_=literal("active"),
            )
        )
        .where(account.person_id == contact.id)
        .correlate(Contact.__table__)
        .scalar_subquery()
    )


BUILT_IN = _fields()
