"""Conditions: which contacts a group selects.

A condition is a tree, kept as JSON and versioned::

    {"version": 1, "all": [
        {"field": "member_status", "op": "is", "value": "Current"},
        {"any": [{"field": "areas_of_interest", "op": "contains", "value": "policy"}, …]}]}

A block is ``all``, ``any`` or ``none`` of its parts; a rule names a field by its key, an operator
that fits the field's kind, and a value. ``parse`` checks a tree and writes it in its one normal
form, ``sentence`` says it in words, ``compile_condition`` makes one SQL expression of it that
serves one contact and a million (docs/architecture.md, decision 4).
"""

import datetime as dt
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, true

from idp.directory import fields
from idp.directory.builtin import BUILT_IN, BuiltInField
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.fields import CustomField, FieldValue

VERSION = 1
BLOCKS = ("all", "any", "none")
DEEPEST = 5
MOST_RULES = 100
MOST_VALUES = 200
LONGEST_JSON = 50_000

Tree = dict[str, Any]
AnyField = BuiltInField | CustomField

# Operators that fit each kind, in the order in which the panel offers them.
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("is", "is_not", "one_of", "contains", "starts_with", "empty", "not_empty"),
    "yes_no": ("is",),
    "whole_number": ("is", "more_than", "less_than", "empty", "not_empty"),
    "date": ("is", "before", "after", "empty", "not_empty"),
    "one_of": ("is", "is_not", "one_of", "empty", "not_empty"),
    "several_of": ("contains", "one_of", "empty", "not_empty"),
}
WORDS = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "contains": "contains",
    "starts_with": "starts with",
    "more_than": "is more than",
    "less_than": "is less than",
    "before": "is before",
    "after": "is after",
    "empty": "is empty",
    "not_empty": "is not empty",
}
_WITHOUT_VALUE = {"empty", "not_empty"}


class InvalidCondition(ValueError):
    """A condition that makes no sense; the text says what and where."""


def known_fields(custom: Iterable[CustomField] | None = None) -> dict[str, AnyField]:
    """Every field that a condition may name, by key."""
    found: dict[str, AnyField] = dict(BUILT_IN)
    for field in fields.all_fields() if custom is None else custom:
        found[field.key] = field
    return found


def from_json(text: str, known: Mapping[str, AnyField] | None = None) -> Tree:
    """``parse`` for a text. Raises ``InvalidCondition``."""
    if len(text) > LONGEST_JSON:
        raise InvalidCondition("The condition is too long.")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):  # also a number of more digits than Python reads
        raise InvalidCondition("The condition is not JSON.") from None
    return parse(given, known)


def parse(given: object, known: Mapping[str, AnyField] | None = None) -> Tree:
    """Check a tree and give it back in its normal form.

    Fields may be named by key or by label, choices likewise; a single rule stands for a block
    of one. Raises ``InvalidCondition``.
    """
    known = known_fields() if known is None else known
    count = 0

    def block_or_rule(part: object, depth: int) -> Tree:
        nonlocal count
        if not isinstance(part, dict):
            raise InvalidCondition("Each part of a condition is a JSON object.")
        kinds = [name for name in BLOCKS if name in part]
        if kinds:
            extra = set(part) - {kinds[0]} - ({"version"} if depth == 0 else set())
            if extra:
                raise InvalidCondition(f"A block has one of {', '.join(BLOCKS)} and nothing else.")
            if depth >= DEEPEST:
                raise InvalidCondition(f"Blocks go at most {DEEPEST} deep.")
            parts = part[kinds[0]]
            if not isinstance(parts, list) or not parts:
                raise InvalidCondition(f"“{kinds[0]}” needs a list of at least one rule.")
            return {kinds[0]: [block_or_rule(inner, depth + 1) for inner in parts]}
        count += 1
        if count > MOST_RULES:
            raise InvalidCondition(f"A condition has at most {MOST_RULES} rules.")
        return _rule(part, known)

    if isinstance(given, dict) and given.get("version", VERSION) != VERSION:
        raise InvalidCondition(f"The condition's version is not {VERSION}.")
    if isinstance(given, dict) and not set(BLOCKS) & set(given):
        given = {"all": [{name: part for name, part in given.items() if name != "version"}]}
    return {"version": VERSION, **block_or_rule(given, 0)}


def _rule(part: dict[str, Any], known: Mapping[str, AnyField]) -> Tree:
    if not {"field", "op"} <= set(part) <= {"field", "op", "value"}:
        raise InvalidCondition("A rule has a “field”, an “op” and a “value”.")
    field = _field(part["field"], known)
    operators = OPERATORS[field.kind]
    operator = part["op"]
    if operator not in operators:
        raise InvalidCondition(
            f"{field.label}: the operator is one of {', '.join(operators)}, "
            f"not {str(operator)[:40]!r}."
        )
    if operator in _WITHOUT_VALUE:
        return {"field": field.key, "op": operator}
    if "value" not in part:
        raise InvalidCondition(f"{field.label}: “value” is missing.")
    value = part["value"]
    if operator == "one_of":
        if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES:
            raise InvalidCondition(f"{field.label}: “value” is a list of 1 to {MOST_VALUES}.")
        return {"field": field.key, "op": operator, "value": [_value(field, v) for v in value]}
    return {"field": field.key, "op": operator, "value": _value(field, value)}


def _field(given: object, known: Mapping[str, AnyField]) -> AnyField:
    name = str(given)
    if name in known:
        return known[name]
    folded = name.strip().casefold()
    for field in known.values():
        if field.label.casefold() == folded or field.key == fields.slug(name):
            return field
    raise InvalidCondition(f"There is no field {name[:80]!r}.")


def _value(field: AnyField, given: object) -> Any:
    text = ("yes" if given else "no") if isinstance(given, bool) else given
    if isinstance(text, int):
        text = str(text)
    if not isinstance(text, str) or not text.strip() or len(text) > 255:
        raise InvalidCondition(f"{field.label}: a value is a text of 1 to 255 characters.")
    # JSON can write what no database keeps: NUL, and half of a character.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise InvalidCondition(f"{field.label}: a value is a text without control characters.")
    try:
        match field.kind:
            case "yes_no":
                return fields.yes_no(field.key, text)
            case "whole_number":
                return fields.whole_number(field.key, text)
            case "date":
                return fields.iso_date(field.key, text).isoformat()
            case "one_of" | "several_of" if isinstance(field, CustomField):
                choice = field.choice(text)
                if choice is None:
                    raise InvalidCondition(f"{field.label} has no choice {text[:80]!r}.")
                return choice.key
            case _:
                return text.strip()
    except InvalidValue as error:
        raise InvalidCondition(f"{field.label}: {error}") from None


def sentence(tree: Tree, known: Mapping[str, AnyField] | None = None) -> str:
    """The condition in words: “Member status is Current and Volunteer is yes”."""
    known = known_fields() if known is None else known

    def words(part: Tree, outermost: bool) -> str:
        if "field" in part:
            return _rule_in_words(part, known)
        kind = next(name for name in BLOCKS if name in part)
        parts = [words(inner, False) for inner in part[kind]]
        if kind == "none":
            return f"not ({' or '.join(parts)})"
        joined = (" and " if kind == "all" else " or ").join(parts)
        return joined if outermost or len(parts) == 1 else f"({joined})"

    text = words({name: tree[name] for name in BLOCKS if name in tree}, True)
    return text[:1].upper() + text[1:]


def _rule_in_words(rule: Tree, known: Mapping[str, AnyField]) -> str:
    field = known.get(rule["field"])
    label = field.label if field is not None else rule["field"]
    if "value" not in rule:
        return f"{label} {WORDS[rule['op']]}"
    values = rule["value"] if isinstance(rule["value"], list) else [rule["value"]]
    return f"{label} {WORDS[rule['op']]} {' or '.join(_shown(field, value) for value in values)}"


def _shown(field: AnyField | None, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, CustomField) and field.kind in {"one_of", "several_of"}:
        choice = field.choice(str(value))
        return choice.label if choice is not None else str(value)
    return str(value)


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

    if op in _WITHOUT_VALUE:
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
