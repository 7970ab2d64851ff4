"""Reading what people and files write as a value of a field's kind."""

import datetime as dt
import re
from decimal import Decimal, InvalidOperation

from idp.directory.contacts import InvalidValue, checked_text
from idp.directory.fields.kinds import Value
from idp.directory.fields.model import CustomField

_LARGEST = 10**15


def parsed(field: CustomField, given: str) -> Value:
    """A value of the field's kind from what a person or a file wrote; an empty text is ``None``.

    *Several of* is split at ``|``. Raises ``InvalidValue``.
    """
    given = given.strip()
    if not given:
        return None
    match field.kind:
        case "yes_no":
            return yes_no(field.key, given)
        case "whole_number":
            return whole_number(field.key, given)
        case "date":
            return iso_date(field.key, given)
        case "one_of" | "several_of":
            parts = [given] if field.kind == "one_of" else given.split("|")
            keys = []
            for part in (part.strip() for part in parts):
                if not part:
                    continue
                choice = field.choice(part)
                if choice is None:
                    raise InvalidValue(
                        field.key, "invalid_choice", f"{field.label} has no choice “{part[:80]}”."
                    )
                if choice.key not in keys:
                    keys.append(choice.key)
            return keys if field.kind == "several_of" else keys[0]
        case _:
            return checked_text(field.key, given)


def yes_no(name: str, given: str) -> bool:
    """Yes or no, as people write it. Raises ``InvalidValue``."""
    folded = given.strip().casefold()
    if folded in {"yes", "y", "true", "1", "x"}:
        return True
    if folded in {"no", "n", "false", "0"}:
        return False
    raise InvalidValue(name, "invalid_yes_no", "Neither yes nor no.")


def whole_number(name: str, given: str) -> int:
    """A whole number of at most 15 digits. Raises ``InvalidValue``."""
    try:
        number = Decimal(given)
    except InvalidOperation:
        number = Decimal("NaN")
    # Compared as it is: arithmetic on 1e9999999 would overflow.
    if (
        not number.is_finite()
        or not -_LARGEST <= number <= _LARGEST
        or number != number.to_integral_value()
    ):
        raise InvalidValue(name, "invalid_number", "Not a whole number.")
    return int(number)


def iso_date(name: str, given: str) -> dt.date:
    """A date written year-month-day. Raises ``InvalidValue``: 02/03 means two different days."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given):
            raise ValueError
        return dt.date.fromisoformat(given)
    except ValueError:
        raise InvalidValue(
            name, "invalid_date", "Not a date: it is written year-month-day, as 2026-04-01."
        ) from None
