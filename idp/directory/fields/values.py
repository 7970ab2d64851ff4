"""The values of contacts: as rows, as Python has them, and as people read and write them."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from idp.database import db
from idp.directory import changes
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.fields.decimals import decimal_text
from idp.directory.fields.kinds import COLUMNS, WITH_CHOICES, Value
from idp.directory.fields.model import Choice, CustomField, FieldValue

_COLUMNS = ("choice_id", "text", "number", "decimal", "date", "truth")
_OF = {"person": "people", "company": "companies"}


def rows_for(field: CustomField, value: Value) -> list[dict[str, Any]]:
    """The columns of the rows that keep a value (none for an empty one).

    All that a row of ``FieldValue`` has but the contact and the field, so that statements that
    write many rows need nothing else.
    """
    if value is None or value == []:
        return []
    empty: dict[str, Any] = {"kind": field.kind, "slot": 0, **dict.fromkeys(_COLUMNS)}
    if field.kind in WITH_CHOICES:
        ids = {choice.key: choice.id for choice in field.choices}
        chosen = [ids[str(key)] for key in (value if isinstance(value, list) else [value])]
        several = field.kind == "several_of"
        return [empty | {"choice_id": one, "slot": one if several else 0} for one in chosen]
    return [empty | {COLUMNS[field.kind]: value}]


def set_value(contact: Contact, field: CustomField, value: Value) -> bool:
    """Keep a contact's value of a field; says whether that changed anything.

    Raises ``InvalidValue`` when the field is not kept of such a contact.
    """
    db.session.flush()
    # Two who find no row would both write the first one, and one of them would fail.
    changes.hold(contact.id)
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
    """Make the kept rows say ``value``; says whether that changed anything.

    Raises ``InvalidValue`` when the field is not kept of such a contact.
    """
    wanted = {row["slot"]: row for row in rows_for(field, value)}
    if wanted and not field.is_kept_of(contact.kind):
        raise InvalidValue(
            field.key, "not_kept", f"{field.label} is not kept of {_OF[contact.kind]}."
        )
    changed = False
    for row in kept:
        columns = wanted.pop(row.slot, None)
        if columns is None:
            db.session.delete(row)
            changed = True
        elif any(getattr(row, name) != columns[name] for name in _COLUMNS):
            # Changed and not replaced: a flush inserts before it deletes, and there is one row.
            for name in _COLUMNS:
                setattr(row, name, columns[name])
            db.session.expire(row, ["choice"])
            changed = True
    for columns in wanted.values():
        db.session.add(FieldValue(contact_id=contact.id, field=field, **columns))
        changed = True
    return changed


def value_of(rows: Sequence[FieldValue]) -> Value:
    """The value that a field's rows of one contact say."""
    if not rows:
        return None
    kind = rows[0].field.kind
    if kind not in WITH_CHOICES:
        value: Value = getattr(rows[0], COLUMNS[kind])
        return value
    keys = [choice.key for choice in _chosen(rows)]
    if kind == "several_of":
        return keys
    return keys[0] if keys else None


def _chosen(rows: Sequence[FieldValue]) -> list[Choice]:
    choices = (row.choice for row in rows if row.choice is not None)
    return sorted(choices, key=lambda choice: (choice.position, choice.id))


def shown(rows: Sequence[FieldValue]) -> str:
    """A contact's value of a field as people read it."""
    if rows and rows[0].field.kind in WITH_CHOICES:
        return ", ".join(choice.label for choice in _chosen(rows))
    return text_of(value_of(rows))


def written(rows: Sequence[FieldValue]) -> str:
    """A contact's value of a field as a file has it: ``parsed`` reads the same from it."""
    if not rows or rows[0].field.kind not in WITH_CHOICES:
        return text_of(value_of(rows))
    field = rows[0].field
    return "|".join(
        choice.label if field.choice(choice.label) is choice and "|" not in choice.label
        else choice.key
        for choice in _chosen(rows)
    )  # fmt: skip


def said(field: CustomField, value: Value) -> str:
    """``shown`` for a value that was read and is not yet kept."""
    if field.kind not in WITH_CHOICES or value is None:
        return text_of(value)
    keys = value if isinstance(value, list) else [str(value)]
    return ", ".join(choice.label for choice in field.choices if choice.key in keys)


def text_of(value: Value) -> str:
    """A value that is no choice as text: “Yes”, “12.5”, “2026-04-01”; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Decimal):
        return decimal_text(value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def values_of(contact: Contact, *, to_change: bool = False) -> dict[str, list[FieldValue]]:
    """A contact's rows by field key; ``to_change`` when they may be changed by what comes next."""
    if to_change:
        changes.hold(contact.id)  # as in ``set_value``
    rows: dict[str, list[FieldValue]] = {}
    query = select(FieldValue).where(FieldValue.contact_id == contact.id).order_by(FieldValue.id)
    for row in db.session.scalars(query):
        rows.setdefault(row.field.key, []).append(row)
    return rows


def contacts_with_value(field: CustomField) -> int:
    """How many contacts have a value of a field."""
    query = select(func.count(FieldValue.contact_id.distinct()))
    return db.session.scalar(query.where(FieldValue.field_id == field.id)) or 0


def contacts_by_choice(field: CustomField) -> dict[str, int]:
    """How many contacts have each choice of a field, by its key; none for one without."""
    query = (
        select(Choice.key, func.count().label("number"))
        .join(FieldValue, FieldValue.choice_id == Choice.id)
        .where(FieldValue.field_id == field.id)
        .group_by(Choice.key)
    )
    return {row.key: row.number for row in db.session.execute(query)}
