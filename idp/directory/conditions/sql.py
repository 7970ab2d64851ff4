"""A condition as one SQL expression."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, true

from idp import association
from idp.database import db
from idp.directory.builtin import BuiltInField
from idp.directory.conditions.errors import InvalidCondition, place
from idp.directory.conditions.known import AnyField, GroupField, known_fields
from idp.directory.conditions.operators import NEGATES
from idp.directory.conditions.tree import BLOCKS, VERSION, Path, Tree, checked_rule
from idp.directory.contacts import Contact
from idp.directory.fields import CustomField, FieldValue
from idp.folding import given, scanned

_TEXTS = {"text", "long_text", "email", "web_address", "key"}
_COLUMNS = {
    "yes_no": "truth",
    "whole_number": "number",
    "decimal": "decimal",
    "date": "date",
    "one_of": "choice_id",
    "several_of": "choice_id",
}
_ESCAPE = "/"

Test = Callable[[ColumnElement[Any]], ColumnElement[bool]]


def compile_condition(
    tree: Tree, known: Mapping[str, AnyField] | None = None, *, today: dt.date | None = None
) -> ColumnElement[bool]:
    """One SQL expression over the contact table; never NULL, so that *none of* means what it says.

    ``today`` is the day that *in the last/next N days* counts from; the association's when it is
    not given. Raises ``InvalidCondition`` when the tree cannot be read any more: a field, choice
    or group that it names is gone, or is another than when it was saved.
    """
    if tree.get("version", VERSION) != VERSION:
        raise InvalidCondition(f"The condition's version is not {VERSION}.")
    reading = _Reading(known_fields() if known is None else known, today)
    return _part({name: part for name, part in tree.items() if name != "version"}, reading, ())


@dataclass
class _Reading:
    known: Mapping[str, AnyField]
    day: dt.date | None

    @property
    def today(self) -> dt.date:
        if self.day is None:
            self.day = association.today()
        return self.day


def _part(part: Tree, reading: _Reading, path: Path) -> ColumnElement[bool]:
    if "field" in part:
        return _rule(part, reading, place(path, "rule"))
    kind = next((name for name in BLOCKS if name in part), None)
    if kind is None:
        raise InvalidCondition("A block has one of all, any and none.", place(path, "block"))
    parts = [_part(inner, reading, (*path, number)) for number, inner in enumerate(part[kind], 1)]
    if kind == "all":
        return and_(true(), *parts)
    met = or_(false(), *parts)
    return met if kind == "any" else not_(met)


def _rule(rule: Tree, reading: _Reading, where: str) -> ColumnElement[bool]:
    # Checked as if it were saved now. It names fields, choices and groups by key: what is found
    # only by its name has taken the place of something else.
    if rule["field"] not in reading.known:
        raise InvalidCondition(f"There is no field {rule['field']!r} any more.", where)
    if checked_rule(rule, reading.known, where) != rule:
        raise InvalidCondition("What it names is gone.", where)
    field: AnyField = reading.known[rule["field"]]
    op: str = rule["op"]
    positive = NEGATES.get(op, op)
    met = _meets(field, positive, rule.get("value"), reading)
    return met if positive == op else not_(met)


def _meets(field: AnyField, op: str, value: Any, reading: _Reading) -> ColumnElement[bool]:
    contact = Contact.__table__.c
    if isinstance(field, GroupField):
        return _in_group(field, value)
    if isinstance(field, BuiltInField):
        return _never_null(field, _test(field, op, value, reading))
    if isinstance(field, CustomField):
        return _custom(field, contact.id, op, value, reading)
    if isinstance(field.of, CustomField):
        return _custom(field.of, contact.company_id, op, value, reading)
    company = Contact.__table__.alias()
    test = _test(field.of, op, value, reading)
    return (
        exists()
        .where(company.c.id == contact.company_id, test(company.c[field.of.expression.name]))
        .correlate(Contact.__table__)
    )


def _never_null(field: BuiltInField, test: Test) -> ColumnElement[bool]:
    has_value = field.kind == "yes_no" or not getattr(field.expression, "nullable", True)
    met = test(field.expression)
    return met if has_value else and_(field.expression.is_not(None), met)


def _custom(
    field: CustomField, owner: ColumnElement[int], op: str, value: Any, reading: _Reading
) -> ColumnElement[bool]:
    row = FieldValue.__table__.c
    if op == "all_of":
        each = dict.fromkeys(value)  # hundreds of times the same is a day's work for Postgres
        return and_(*(_custom(field, owner, "contains", one, reading) for one in each))
    test = _test(field, op, value, reading)(row[_COLUMNS.get(field.kind, "text")])
    return (
        exists()
        .where(row.contact_id == owner, row.field_id == field.id, test)
        .correlate(Contact.__table__)
    )


def _in_group(field: GroupField, value: Any) -> ColumnElement[bool]:
    # By the table, for the model of memberships is built on conditions.
    row = db.metadata.tables["membership"].c
    keys = value if isinstance(value, list) else [value]
    return (
        exists()
        .where(
            row.contact_id == Contact.__table__.c.id,
            row.group_id.in_([field.groups[key].id for key in keys]),
        )
        .correlate(Contact.__table__)
    )


def _test(field: BuiltInField | CustomField, op: str, value: Any, reading: _Reading) -> Test:
    """What a positive operator asks of a column that holds a value."""
    if field.kind in _TEXTS:
        return _text(op, value)
    if op == "not_empty":
        return lambda column: column.is_not(None)
    match field.kind:
        case "yes_no":
            return lambda column: column if value else not_(column)
        case "one_of" | "several_of":
            keys = value if isinstance(value, list) else [value]
            if isinstance(field, CustomField):
                keys = [choice.id for choice in field.choices if choice.key in keys]
            return lambda column: column.in_(keys)
        case "date":
            return _date(op, value, reading)
        case "decimal":
            return _compared(op, _decimals(value))
        case _:
            return _compared(op, value)


def _text(op: str, value: Any) -> Test:
    match op:
        case "not_empty":
            return lambda column: column != ""
        case "one_of":
            return lambda column: scanned(column).in_([given(one) for one in value])
        case "contains":
            return lambda column: scanned(column).contains(given(_literal(value)), escape=_ESCAPE)
        case "starts_with":
            return lambda column: scanned(column).startswith(given(_literal(value)), escape=_ESCAPE)
        case "ends_with":
            return lambda column: scanned(column).endswith(given(_literal(value)), escape=_ESCAPE)
        case _:
            return lambda column: scanned(column) == given(value)


def _literal(value: str) -> str:
    for special in (_ESCAPE, "%", "_"):
        value = value.replace(special, _ESCAPE + special)
    return value


def _date(op: str, value: Any, reading: _Reading) -> Test:
    match op:
        case "in_last_days":
            return _compared("between", [_shifted(reading.today, -value), reading.today])
        case "in_next_days":
            return _compared("between", [reading.today, _shifted(reading.today, value)])
        case "between":
            return _compared(op, [dt.date.fromisoformat(one) for one in value])
        case _:
            return _compared(op, dt.date.fromisoformat(value))


def _decimals(value: Any) -> Any:
    return [Decimal(one) for one in value] if isinstance(value, list) else Decimal(value)


def _shifted(day: dt.date, days: int) -> dt.date:
    try:
        return day + dt.timedelta(days=days)
    except OverflowError:
        return dt.date.min if days < 0 else dt.date.max


def _compared(op: str, value: Any) -> Test:
    tests: dict[str, Test] = {
        "is": lambda column: column == value,
        "before": lambda column: column < value,
        "less_than": lambda column: column < value,
        "after": lambda column: column > value,
        "more_than": lambda column: column > value,
        "on_or_before": lambda column: column <= value,
        "at_most": lambda column: column <= value,
        "on_or_after": lambda column: column >= value,
        "at_least": lambda column: column >= value,
        "between": lambda column: column.between(*value),
    }
    return tests[op]
