"""Custom fields: what an association keeps of its contacts beyond the built-in fields.

The rule of the brief, held by form, model and database alike: a field syncs to Higher Logic only
when it is shown in the Members section.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    false,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from idp.database import Base, db
from idp.directory.builtin import BUILT_IN
from idp.directory.contacts import TEXT_LENGTH, Contact, InvalidValue, checked_text

FieldKind = Literal["text", "yes_no", "whole_number", "date", "one_of", "several_of"]
KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
KIND_NAMES: dict[str, str] = {
    "text": "Text",
    "yes_no": "Yes or no",
    "whole_number": "Whole number",
    "date": "Date",
    "one_of": "One of",
    "several_of": "Several of",
}
Value = str | bool | int | dt.date | list[str] | None
_LARGEST = 10**15


class CustomField(Base):
    """A field of the association's own. ``key`` is permanent; ``label`` may change.

    ``applies_to`` is ``person``, ``company`` or ``both``.
    """

    __tablename__ = "custom_field"
    __table_args__ = (
        CheckConstraint("NOT sync OR in_members_section", name="sync_needs_members_section"),
        CheckConstraint(
            "kind IN ('text', 'yes_no', 'whole_number', 'date', 'one_of', 'several_of')",
            name="kind",
        ),
        CheckConstraint("applies_to IN ('person', 'company', 'both')", name="applies_to"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    label: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    kind: Mapped[str] = mapped_column(String(20))
    applies_to: Mapped[str] = mapped_column(String(10), default="person", server_default="person")
    in_members_section: Mapped[bool] = mapped_column(default=False, server_default=false())
    sync: Mapped[bool] = mapped_column(default=False, server_default=false())
    member_may_edit: Mapped[bool] = mapped_column(default=False, server_default=false())
    position: Mapped[int] = mapped_column(default=0, server_default="0")

    choices: Mapped[list["Choice"]] = relationship(
        order_by="Choice.position", cascade="all, delete-orphan", back_populates="field"
    )

    @validates("label")
    def _label(self, _name: str, value: str) -> str:
        label = checked_text("label", value or "")
        if not label:
            raise InvalidValue("label", "missing_label", "A field needs a name.")
        return label

    def choice(self, given: str) -> "Choice | None":
        """The choice with this key or this label, letter case aside."""
        folded = given.strip().casefold()
        for choice in self.choices:
            if folded in (choice.key.casefold(), choice.label.casefold()):
                return choice
        return None

    def add_choice(self, label: str) -> "Choice":
        """A further choice at the end of the list, with a key made from its label."""
        taken = {choice.key for choice in self.choices}
        choice = Choice(
            key=free_key(slug(label), taken),
            label=checked_text("label", label),
            position=len(self.choices),
        )
        self.choices.append(choice)
        return choice


class Choice(Base):
    """One of the answers of a *one of* or *several of* field. The key stays when it is renamed."""

    __tablename__ = "custom_field_choice"
    __table_args__ = (UniqueConstraint("field_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    field_id: Mapped[int] = mapped_column(ForeignKey("custom_field.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    retired: Mapped[bool] = mapped_column(default=False, server_default=false())

    field: Mapped[CustomField] = relationship(back_populates="choices")


class FieldValue(Base):
    """A contact's value of a custom field, typed; *several of* has one row for each choice."""

    __tablename__ = "custom_field_value"
    __table_args__ = (
        Index("ix_custom_field_value_contact", "contact_id", "field_id"),
        Index("ix_custom_field_value_choice", "field_id", "choice_id", "contact_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    field_id: Mapped[int] = mapped_column(ForeignKey("custom_field.id", ondelete="CASCADE"))
    choice_id: Mapped[int | None] = mapped_column(
        ForeignKey("custom_field_choice.id", ondelete="CASCADE")
    )
    text: Mapped[str | None]
    number: Mapped[Decimal | None] = mapped_column(Numeric(20, 0))
    date: Mapped[dt.date | None]
    truth: Mapped[bool | None]

    contact: Mapped[Contact] = relationship()
    field: Mapped[CustomField] = relationship(lazy="joined", innerjoin=True)
    choice: Mapped[Choice | None] = relationship(lazy="joined")


def slug(text: str) -> str:
    """A key made from a text: lower-case ASCII letters, digits and underscores, at most 60."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_text.casefold()).strip("_")[:60] or "field"


def free_key(key: str, taken: Iterable[str]) -> str:
    """The key, or the key with the first number that makes it free."""
    used = set(taken)
    candidate, number = key, 2
    while candidate in used:
        candidate, number = f"{key}_{number}", number + 1
    return candidate


def all_fields(applies_to: str | None = None) -> list[CustomField]:
    """The custom fields in the order the staff gave them, with their choices."""
    query = select(CustomField).options(db.selectinload(CustomField.choices))
    if applies_to is not None:
        query = query.where(CustomField.applies_to.in_([applies_to, "both"]))
    return list(db.session.scalars(query.order_by(CustomField.position, CustomField.id)))


def create(
    label: str,
    kind: FieldKind,
    *,
    applies_to: str = "person",
    choices: Iterable[str] = (),
    **switches: bool,
) -> CustomField:
    """Make a custom field, its key made from the label and different from every other field's."""
    taken = set(db.session.scalars(select(CustomField.key))) | set(BUILT_IN)
    position = db.session.scalar(select(func.count()).select_from(CustomField)) or 0
    field = CustomField(
        key=free_key(slug(label), taken),
        label=label,
        kind=kind,
        applies_to=applies_to,
        position=position,
        **switches,
    )
    for choice in choices:
        field.add_choice(choice)
    db.session.add(field)
    return field


def parsed(field: CustomField, given: str) -> Value:
    """A value of the field's kind from what a person or a file wrote; an empty text is ``None``.

    *Several of* is split at ``|``. Raises ``InvalidValue``.
    """
    given = given.strip()
    if not given:
        return None
    match field.kind:
        case "yes_no":
            return yes_no(field.key, given)
        case "whole_number":
            return whole_number(field.key, given)
        case "date":
            return iso_date(field.key, given)
        case "one_of" | "several_of":
            parts = [given] if field.kind == "one_of" else given.split("|")
            keys = []
            for part in (part.strip() for part in parts):
                if not part:
                    continue
                choice = field.choice(part)
                if choice is None:
                    raise InvalidValue(
                        field.key, "invalid_choice", f"{field.label} has no choice “{part[:80]}”."
                    )
                if choice.key not in keys:
                    keys.append(choice.key)
            return keys if field.kind == "several_of" else keys[0]
        case _:
            return checked_text(field.key, given)


def yes_no(name: str, given: str) -> bool:
    """Yes or no, as people write it. Raises ``InvalidValue``."""
    folded = given.strip().casefold()
    if folded in {"yes", "y", "true", "1", "x"}:
        return True
    if folded in {"no", "n", "false", "0"}:
        return False
    raise InvalidValue(name, "invalid_yes_no", "Neither yes nor no.")


def whole_number(name: str, given: str) -> int:
    """A whole number of at most 15 digits. Raises ``InvalidValue``."""
    try:
        number = Decimal(given)
    except InvalidOperation:
        number = Decimal("NaN")
    # Compared as it is: arithmetic on 1e9999999 would overflow.
    if (
        not number.is_finite()
        or not -_LARGEST <= number <= _LARGEST
        or number != number.to_integral_value()
    ):
        raise InvalidValue(name, "invalid_number", "Not a whole number.")
    return int(number)


def iso_date(name: str, given: str) -> dt.date:
    """A date written year-month-day. Raises ``InvalidValue``: 02/03 means two different days."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given):
            raise ValueError
        return dt.date.fromisoformat(given)
    except ValueError:
        raise InvalidValue(
            name, "invalid_date", "Not a date: it is written year-month-day, as 2026-04-01."
        ) from None


def rows_for(field: CustomField, value: Value) -> list[dict[str, Any]]:
    """The typed columns of the rows that keep a value (none for an empty one)."""
    if value is None or value == []:
        return []
    match field.kind:
        case "yes_no":
            return [{"truth": value}]
        case "whole_number":
            return [{"number": value}]
        case "date":
            return [{"date": value}]
        case "one_of" | "several_of":
            keys = value if isinstance(value, list) else [value]
            ids = {choice.key: choice.id for choice in field.choices}
            return [{"choice_id": ids[str(key)]} for key in keys]
        case _:
            return [{"text": value}]


def set_value(contact: Contact, field: CustomField, value: Value) -> bool:
    """Keep a contact's value of a field; says whether that changed anything."""
    db.session.flush()
    kept = list(
        db.session.scalars(
            select(FieldValue).where(
                FieldValue.contact_id == contact.id, FieldValue.field_id == field.id
            )
        )
    )
    return replace_rows(contact, field, kept, value)


def replace_rows(
    contact: Contact, field: CustomField, kept: list[FieldValue], value: Value
) -> bool:
    """Make the kept rows say ``value``; says whether that changed anything."""
    wanted = rows_for(field, value)
    names = ("choice_id", "text", "number", "date", "truth")

    def facts(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in names)

    missing = {facts(row): row for row in wanted}
    changed = False
    for row in kept:
        if missing.pop(facts({name: getattr(row, name) for name in names}), None) is None:
            db.session.delete(row)
            changed = True
    for columns in missing.values():
        db.session.add(FieldValue(contact_id=contact.id, field=field, **columns))
        changed = True
    return changed


def value_of(rows: list[FieldValue]) -> Value:
    """The value that a field's rows of one contact say."""
    if not rows:
        return None
    field = rows[0].field
    match field.kind:
        case "yes_no":
            return rows[0].truth
        case "whole_number":
            return int(rows[0].number) if rows[0].number is not None else None
        case "date":
            return rows[0].date
        case "one_of":
            return rows[0].choice.key if rows[0].choice else None
        case "several_of":
            ordered = sorted((row.choice for row in rows if row.choice), key=lambda c: c.position)
            return [choice.key for choice in ordered]
        case _:
            return rows[0].text


def shown(rows: list[FieldValue]) -> str:
    """A contact's value of a field as people read it."""
    value = value_of(rows)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if rows[0].field.kind in {"one_of", "several_of"}:
        ordered = sorted((row.choice for row in rows if row.choice), key=lambda c: c.position)
        return ", ".join(choice.label for choice in ordered)
    return str(value)


def values_of(contact: Contact) -> dict[str, list[FieldValue]]:
    """A contact's rows by field key."""
    rows: dict[str, list[FieldValue]] = {}
    query = select(FieldValue).where(FieldValue.contact_id == contact.id).order_by(FieldValue.id)
    for row in db.session.scalars(query):
        rows.setdefault(row.field.key, []).append(row)
    return rows
