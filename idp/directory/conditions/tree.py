"""The tree itself: checked, and written in its one normal form."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from idp.directory import fields
from idp.directory.conditions.known import AnyField, known_fields
from idp.directory.conditions.operators import OPERATORS, WITHOUT_VALUE
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField

VERSION = 1
BLOCKS = ("all", "any", "none")
DEEPEST = 5
MOST_RULES = 100
MOST_VALUES = 200
LONGEST_JSON = 50_000

Tree = dict[str, Any]


class InvalidCondition(ValueError):
    """A condition that makes no sense; the text says what and where."""


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
    if operator in WITHOUT_VALUE:
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
