"""Makers of test objects: each saves one with sensible values, and takes what differs."""

import itertools
from typing import Any

from idp.database import db
from idp.directory import accounts, conditions, groups, photos
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, Person
from idp.directory.groups import Group
from idp.directory.photos import Photo
from idp.signin import passwords
from tests import pictures

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def person(*, account: bool = False, **values: Any) -> Person:
    """A person who is current and active."""
    number = next(_numbers)
    row = Person(
        **{
            "first_name": "Ada",
            "last_name": f"Byron{number}",
            "email": f"ada.byron{number}@example.org",
            "member_status": "Current",
            "member_id": str(10_000 + number),
            **values,
        }
    )
    db.session.add(row)
    db.session.flush()
    if account:
        accounts.create(row)
    db.session.commit()
    return row


def account(
    *, password: str | None = PASSWORD, role: accounts.Role = "member", **values: Any
) -> Account:
    """A person's account with a known password (``None``: invited)."""
    row = accounts.create(person(**values), role=role)
    if password is not None:
        passwords.set_password(row, password)
    db.session.commit()
    return row


def company(**values: Any) -> Company:
    """A company."""
    row = Company(**{"name": f"Engines {next(_numbers)} Ltd", **values})
    db.session.add(row)
    db.session.commit()
    return row


def group(condition: Any = None, **values: Any) -> Group:
    """A group of those whose member status is Current, or by another condition."""
    given = condition or {"field": "member_status", "op": "is", "value": "Current"}
    name = values.pop("name", f"Group {next(_numbers)}")
    row = groups.create(name, conditions.parse(given), **values)
    db.session.commit()
    return row


def photo(contact: Contact, content: bytes | None = None) -> Photo:
    """A contact's photo."""
    row = photos.keep(contact, photos.made(content or pictures.file()))
    db.session.commit()
    return row
