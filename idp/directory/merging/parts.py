"""What of two records is chosen between when they are merged: values that belong together are
one part, so that no address is put together from two."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from idp.directory import fields
from idp.directory.contacts import (
    ADDRESS,
    NAMES,
    PHONES,
    WEB_ADDRESSES,
    Contact,
)
from idp.directory.fields import CustomField, FieldValue

CUSTOM = "custom."


@dataclass(frozen=True)
class Part:
    """Columns of a record that are taken together. ``told_by`` are those of them that say whether
    there is anything: a phone's type alone is nothing."""

    name: str
    label: str
    columns: tuple[str, ...]
    told_by: tuple[str, ...]

    def empty(self, contact: Contact) -> bool:
        """Whether a record has nothing there. A yes or no is always something."""
        return all(getattr(contact, name) in ("", None) for name in self.told_by)

    def shown(self, contact: Contact) -> str:
        """What a record has there, as people read it."""
        if self.empty(contact):
            return ""
        return ", ".join(filter(None, (_said(getattr(contact, name)) for name in self.columns)))


def _said(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case dt.date():
            return f"{value.day} {value:%B %Y}"
        case Contact():
            return value.title
        case _:
            return str(value)


def _answer(rows: Sequence[FieldValue]) -> str:
    value = fields.value_of(rows)
    return _said(value) if isinstance(value, dt.date) else fields.shown(rows)


def _one(name: str, label: str) -> Part:
    return Part(name, label, (name,), (name,))


_COMMON = (
    _one("member_status", "Member status"),
    _one("member_type", "Member type"),
    _one("member_id", "Member ID"),
    _one("joined_on", "Member since"),
    _one("expires_on", "Expires on"),
    _one("email", "E-mail"),
    *(
        Part(name, f"Phone {number}", (name, f"{name}_type"), (name,))
        for number, name in enumerate(PHONES, start=1)
    ),
    Part("address", "Address", ADDRESS, ADDRESS),
    *(_one(name, label) for name, label in WEB_ADDRESSES.items()),
    _one("bio", "Biography"),
    _one("active", "In use"),
)
PARTS: dict[str, tuple[Part, ...]] = {
    "person": (
        *(_one(name, name.replace("_", " ").capitalize()) for name in NAMES),
        _one("company", "Company"),
        *_COMMON,
        _one("in_directory", "In the directory"),
    ),
    "company": (
        _one("name", "Name"),
        _one("parent", "Part of"),
        _one("main_contact", "Main contact"),
        *_COMMON,
    ),
}
"""The parts of a person's and of a company's record, in the order of the panel's pages."""


@dataclass(frozen=True)
class Compared:
    """One part of two records side by side: what the one that is kept has, and the other.

    ``from_other`` says whose it is unless somebody chooses: the other's where the kept one has
    nothing. ``united`` parts, the answers of a *several of* field, are put together.
    """

    name: str
    label: str
    kept: str
    other: str
    from_other: bool
    united: bool = False

    @property
    def differs(self) -> bool:
        """Whether there is something to choose."""
        return bool(self.kept and self.other and self.kept != self.other)


def compare(kept: Contact, other: Contact) -> list[Compared]:
    """Every part that one of two records has, side by side."""
    rows = [
        Compared(
            part.name,
            part.label,
            part.shown(kept),
            part.shown(other),
            from_other=part.empty(kept) and not part.empty(other),
        )
        for part in PARTS[kept.kind]
    ]
    theirs, others = fields.values_of(kept), fields.values_of(other)
    for field in custom_fields(theirs, others):
        mine, its = theirs.get(field.key, []), others.get(field.key, [])
        rows.append(
            Compared(
                CUSTOM + field.key,
                field.label,
                _answer(mine),
                _answer(its),
                from_other=bool(its) and not mine,
                united=field.kind == "several_of",
            )
        )
    return [row for row in rows if row.kept or row.other]


def custom_fields(
    theirs: dict[str, list[FieldValue]], others: dict[str, list[FieldValue]]
) -> list[CustomField]:
    """The custom fields of which one of two records has a value, in their order."""
    found = {rows[0].field for rows in (*theirs.values(), *others.values()) if rows}
    return sorted(found, key=lambda field: (field.position, field.id))
