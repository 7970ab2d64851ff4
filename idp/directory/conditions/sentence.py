"""A condition in words."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from idp.directory.conditions.known import AnyField, GroupField, choices_of, known_fields
from idp.directory.conditions.operators import takes, words
from idp.directory.conditions.tree import BLOCKS, Tree


def sentence(tree: Tree, known: Mapping[str, AnyField] | None = None) -> str:
    """The condition in words: “Member status is Current and Volunteer is yes”.

    What the tree names and is gone is called by its key: a sentence there is always.
    """
    known = known_fields() if known is None else known

    def block_or_rule(part: Tree, outermost: bool) -> str:
        if "field" in part:
            return _rule(part, known)
        kind = next(name for name in BLOCKS if name in part)
        alone = len(part[kind]) == 1
        parts = [block_or_rule(inner, outermost and alone) for inner in part[kind]]
        if kind == "none":
            return f"not ({' or '.join(parts)})"
        joined = (" and " if kind == "all" else " or ").join(parts)
        return joined if outermost or alone else f"({joined})"

    block = {name: tree[name] for name in BLOCKS if name in tree}
    if block == {"any": []}:
        return "Nobody by a rule"
    text = block_or_rule(block, True)
    return text[:1].upper() + text[1:]


def _rule(rule: Tree, known: Mapping[str, AnyField]) -> str:
    field = known.get(rule["field"])
    op = rule["op"]
    said = words(op, field.kind if field is not None else "")
    if not isinstance(field, GroupField):
        label = field.label if field is not None else rule["field"]
        said = f"{label} {said}"
    return f"{said} {_value(field, op, rule['value'])}" if "value" in rule else said


def _value(field: AnyField | None, op: str, value: Any) -> str:
    match takes(op):
        case "days":
            return "day" if value == 1 else f"{value:,} days"
        case "two":
            return " and ".join(_shown(field, one) for one in value)
        case "several":
            return _listed([_shown(field, one) for one in value], "and" if op == "all_of" else "or")
        case _:
            return _shown(field, value)


def _listed(values: Sequence[str], word: str) -> str:
    *first, last = values
    return f"{', '.join(first)} {word} {last}" if first else last


def _shown(field: AnyField | None, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field is None:
        return str(value)
    match field.kind:
        case "one_of" | "several_of":
            return choices_of(field).get(str(value), str(value))
        case "group":
            return f"“{choices_of(field).get(str(value), str(value))}”"
        case "whole_number" | "decimal":
            return _number(value)
        case "date":
            return _day(value)
        case _:
            return str(value)


def _number(value: Any) -> str:
    try:
        return f"{Decimal(str(value)):,f}"
    except InvalidOperation:
        return str(value)


def _day(value: Any) -> str:
    try:
        day = dt.date.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{day.day} {day:%B} {day.year}"
