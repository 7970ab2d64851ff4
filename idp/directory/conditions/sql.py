"""A condition as one SQL expression."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, true

from idp.directory.builtin import BuiltInField
from idp.directory.conditions.known import AnyField, known_fields
from idp.directory.conditions.operators import WITHOUT_VALUE
from idp.directory.conditions.tree import BLOCKS, InvalidCondition, Tree
from idp.directory.contacts import Contact
from idp.directory.fields import CustomField, FieldValue


def compile_condition(
    tree: Tree, known: Mapping[str, AnyField] | None = None
) -> ColumnElement[bool]:
    """One SQL expression over the contact table; never NULL, so that *none of* means what it says.

    Raises ``InvalidCondition`` when a field of the tree is gone.
    """
    known = known_fields() if known is None else known
    if "field" in tree:
        field = known.get(tree["field"])
        if field is None:
            raise InvalidCondition(f"There is no field {tree['field']!r}.")
        if isinstance(field, CustomField):
            return _custom(field, tree["op"], tree.get("value"))
        return _built_in(field, tree["op"], tree.get("value"))
    kind = next(name for name in BLOCKS if name in tree)
    parts = [compile_condition(part, known) for part in tree[kind]]
    if kind == "all":
        return and_(true(), *parts)
    return or_(*parts) if kind == "any" else not_(or_(*parts))


def _built_in(field: BuiltInField, op: str, value: Any) -> ColumnElement[bool]:
    column = field.expression
    if field.kind == "yes_no":
        return column if value else not_(column)
    if field.kind == "date":
        match op:
            case "empty":
                return column.is_(None)
            case "not_empty":
                return column.is_not(None)
            case _:
                return and_(
                    column.is_not(None), _compared(column, op, dt.date.fromisoformat(value))
                )
    return _text(column, op, value)


def _text(column: ColumnElement[str], op: str, value: Any) -> ColumnElement[bool]:
    folded: ColumnElement[str] = func.lower(column)
    test: ColumnElement[bool]
    match op:
        case "is":
            test = folded == value.lower()
        case "is_not":
            test = folded != value.lower()
        case "one_of":
            test = folded.in_([one.lower() for one in value])
        case "contains":
            test = folded.contains(value.lower(), autoescape=True)
        case "starts_with":
            test = folded.startswith(value.lower(), autoescape=True)
        case "empty":
            test = column == ""
        case _:
            test = column != ""
    return test


def _custom(field: CustomField, op: str, value: Any) -> ColumnElement[bool]:
    row = FieldValue.__table__.c

    def has(*tests: ColumnElement[bool]) -> ColumnElement[bool]:
        found: ColumnElement[bool] = (
            exists()
            .where(row.contact_id == Contact.__table__.c.id, row.field_id == field.id, *tests)
            .correlate(Contact.__table__)
        )
        return found

    if op in WITHOUT_VALUE:
        return has() if op == "not_empty" else not_(has())
    if op == "is_not":
        return not_(_custom(field, "is", value))
    if field.kind in {"one_of", "several_of"}:
        keys = value if isinstance(value, list) else [value]
        return has(row.choice_id.in_([choice.id for choice in field.choices if choice.key in keys]))
    if field.kind == "yes_no":
        return has(row.truth.is_(value))
    if field.kind == "whole_number":
        return has(_compared(row.number, op, value))
    if field.kind == "date":
        return has(_compared(row.date, op, dt.date.fromisoformat(value)))
    return has(_text(row.text, op, value))


def _compared(column: ColumnElement[Any], op: str, value: Any) -> ColumnElement[bool]:
    compare: dict[str, Callable[[], ColumnElement[bool]]] = {
        "is": lambda: column == value,
        "before": lambda: column < value,
        "less_than": lambda: column < value,
        "after": lambda: column > value,
        "more_than": lambda: column > value,
    }
    return compare[op]()
