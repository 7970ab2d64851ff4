"""Deleting a custom field, with what contacts have of it.

Not while Higher Logic is told of it, and not while a group's condition asks about it: a group
that asked about nothing could not be followed any more, and nobody could be changed.
"""

from sqlalchemy import delete as deleting
from sqlalchemy import func, select

from idp import audit
from idp.database import db
from idp.directory import changes, fields
from idp.directory.conditions import fields_asked
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField, FieldValue
from idp.directory.groups import Group
from idp.directory.membership import catalogue


def groups_asking(field: CustomField) -> list[Group]:
    """The groups whose conditions ask about a field, of people or of their company, by name."""
    groups = db.session.scalars(select(Group).order_by(Group.name, Group.id))
    return [group for group in groups if field.key in fields_asked(group.condition)]


def delete(field: CustomField) -> int:
    """Delete a field and every contact's value of it, when the transaction is kept; gives how many
    contacts have one.

    They are announced. Raises ``InvalidValue`` while the field syncs or a group asks about it;
    at the commit, for a group that was saved meanwhile.
    """
    if field.sync:
        raise InvalidValue("sync", "field_syncs", "Switch the sync off and save first.")
    _refuse_if_asked(field)
    _hold(field)
    number = fields.contacts_with_value(field)
    audit.record(
        audit.Event.FIELD_DELETED, field.key, label=field.label, kind=field.kind, values=number
    )
    # In the one turn that nobody else changes groups or contacts in.
    changes.later(("delete field", field.id), lambda: _delete(field))
    return number


def _hold(field: CustomField) -> None:
    """Hold all that goes before the turn is taken: whoever has some of it may wait for the turn."""
    catalogue.changed()
    db.session.execute(select(CustomField.id).where(CustomField.id == field.id).with_for_update())
    values = select(FieldValue.__table__.c.id).where(FieldValue.field_id == field.id)
    held = values.order_by(FieldValue.__table__.c.id).with_for_update().subquery()
    db.session.execute(select(func.count()).select_from(held))


def _delete(field: CustomField) -> None:
    _refuse_if_asked(field)
    of_field = FieldValue.field_id == field.id
    changes.announce(select(FieldValue.contact_id).where(of_field).distinct())
    db.session.execute(
        deleting(FieldValue).where(of_field).execution_options(synchronize_session=False)
    )
    db.session.delete(field)
    db.session.flush()


def _refuse_if_asked(field: CustomField) -> None:
    rows = db.session.execute(select(Group.name, Group.condition).order_by(Group.name, Group.id))
    names = [f"“{row.name}”" for row in rows if field.key in fields_asked(row.condition)]
    if names:
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        raise InvalidValue(
            "field",
            "field_is_asked",
            f"It is asked about by the condition of {', '.join(names[:3])}{more}.",
        )
