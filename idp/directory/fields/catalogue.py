"""Which fields the association has: in their order, and new ones."""

from collections.abc import Iterable

from sqlalchemy import func, select

from idp.database import db
from idp.directory.builtin import BUILT_IN
from idp.directory.fields.keys import free_key, slug
from idp.directory.fields.kinds import FieldKind
from idp.directory.fields.model import CustomField


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
