"""The values of rules: each checked, and in the one form in which it is kept.

Dates are kept as ISO texts, whole numbers as numbers, decimals as texts (JSON readers make binary
fractions of numbers with a point), choices and groups by their keys.
"""

import unicodedata
from decimal import Decimal
from typing import Any

from idp.directory import fields
from idp.directory.conditions.errors import InvalidCondition
from idp.directory.conditions.known import AnyField, GroupField, choices_of
from idp.directory.conditions.operators import takes
from idp.directory.contacts import InvalidValue

MOST_VALUES = 200
MOST_DAYS = 36_525  # a hundred years
LONGEST_VALUE = 255


def checked_value(field: AnyField, op: str, given: object) -> Any:
    """The value of a rule in its normal form. Raises ``InvalidCondition`` without a place."""
    match takes(op):
        case "several":
            if not isinstance(given, list) or not 0 < len(given) <= MOST_VALUES:
                raise InvalidCondition(f"{field.label}: choose from 1 to {MOST_VALUES} values.")
            return [_one(field, value) for value in given]
        case "two":
            return _stretch(field, given)
        case "days":
            return _days(field, given)
        case _:
            return _one(field, given)


def _stretch(field: AnyField, given: object) -> list[Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise InvalidCondition(f"{field.label}: two values are needed, the first and the last.")
    first, last = (_one(field, value) for value in given)
    as_number = Decimal if field.kind == "decimal" else lambda value: value
    if as_number(first) > as_number(last):
        raise InvalidCondition(f"{field.label}: the first of the two is not after the last.")
    return [first, last]


def _days(field: AnyField, given: object) -> int:
    try:
        days = fields.whole_number(field.key, _text(field, given))
    except InvalidValue:
        days = 0
    if not 1 <= days <= MOST_DAYS:
        raise InvalidCondition(
            f"{field.label}: the days are a whole number, from 1 to {MOST_DAYS:,}."
        )
    return days


def _one(field: AnyField, given: object) -> Any:
    text = _text(field, given)
    try:
        match field.kind:
            case "yes_no":
                return fields.yes_no(field.key, text)
            case "whole_number":
                return fields.whole_number(field.key, text)
            case "decimal":
                return fields.decimal_text(fields.decimal_number(field.key, text))
            case "date":
                return fields.iso_date(field.key, text).isoformat()
            case "one_of" | "several_of":
                return _choice(field, text)
            case "group" if isinstance(field, GroupField):
                return _group(field, text)
            case _:
                return text
    except InvalidValue as error:
        raise InvalidCondition(f"{field.label}: {error}") from None


def _text(field: AnyField, given: object) -> str:
    match given:
        case bool():
            given = "yes" if given else "no"
        case int() if abs(given) < 10**18:
            given = str(given)
        case float():
            given = f"{Decimal(repr(given)):f}"
    if not isinstance(given, str) or not 0 < len(given.strip()) <= LONGEST_VALUE:
        raise InvalidCondition(
            f"{field.label}: a value is a text of 1 to {LONGEST_VALUE} characters."
        )
    # JSON can write what no database keeps: NUL, and half of a character.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in given):
        raise InvalidCondition(f"{field.label}: a value is a text without control characters.")
    return given.strip()


def _choice(field: AnyField, text: str) -> str:
    choices = choices_of(field)
    if text in choices:
        return text
    folded = text.casefold()
    for key, label in choices.items():
        if folded in (key.casefold(), label.casefold()):
            return key
    raise InvalidCondition(f"{field.label} has no choice “{_shortened(text)}”.")


def _group(field: GroupField, text: str) -> str:
    if text in field.groups:
        return text
    folded = text.casefold()
    named = [key for key, group in field.groups.items() if group.name.casefold() == folded]
    if not named:
        raise InvalidCondition(f"There is no group “{_shortened(text)}”.")
    if len(named) > 1:
        raise InvalidCondition(
            f"{len(named)} groups are called “{_shortened(text)}”: name the one by its key."
        )
    return named[0]


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"
