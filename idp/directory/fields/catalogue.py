"""Which fields the association has: new ones, and their order."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select

from idp.database import db
from idp.directory.builtin import BUILT_IN
from idp.directory.fields.keys import free_key, slug
from idp.directory.fields.kinds import FieldKind
from idp.directory.fields.model import Choice, CustomField

# What conditions call something else: a field that was named so could not be asked about.
RESERVED = frozenset({"group"})


def all_fields(applies_to: str | None = None, *, anew: bool = False) -> list[CustomField]:
    """The custom fields in the order the staff gave them, with their choices; ``anew``: as they are
    now, whatever the session has loaded of them."""
    query = select(CustomField).options(db.selectinload(CustomField.choices))
    query = query.execution_options(populate_existing=anew)
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
    """Make a custom field, its key made from the label and different from every other field's.

    Raises ``InvalidValue``, for what only the database's rows tell at the next flush.
    """
    taken = set(db.session.scalars(select(CustomField.key))) | set(BUILT_IN) | RESERVED
    last = db.session.scalar(select(func.max(CustomField.position)))
    position = 0 if last is None else last + 1
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


def move(field: CustomField, by: int) -> bool:
    """Move a field up (-1) or down (1) in the order; says whether there was room to."""
    return _move(all_fields(), field, by)


def move_choice(choice: Choice, by: int) -> bool:
    """Move a choice up (-1) or down (1) among its field's; says whether there was room to."""
    db.session.flush()
    if not _move(list(choice.field.choices), choice, by):
        return False
    db.session.flush()
    db.session.expire(choice.field, ["choices"])
    return True


def _move(ordered: list[Any], one: CustomField | Choice, by: int) -> bool:
    place = ordered.index(one)
    if not 0 <= place + by < len(ordered):
        return False
    ordered.insert(place + by, ordered.pop(place))
    for position, row in enumerate(ordered):
        row.position = position
    return True
