"""The values of contacts: as rows, as Python has them, and as people read them."""

from typing import Any

from sqlalchemy import select

from idp.database import db
from idp.directory.contacts import Contact
from idp.directory.fields.kinds import Value
from idp.directory.fields.model import CustomField, FieldValue


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
