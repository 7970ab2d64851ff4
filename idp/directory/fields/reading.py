"""Reading what people and files write as a value of a field's kind.

Whatever is read reads the same again as it is shown (``values.written``): tests hold this for
every kind.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from idp.directory.fields.decimals import decimal_number
from idp.directory.fields.kinds import WITH_CHOICES, Value
from idp.directory.fields.model import LONG_TEXT_LENGTH, CustomField
from idp.directory.values import (
    InvalidValue,
    checked_email,
    checked_text,
    checked_web_address,
    well_formed_key,
)

_LARGEST = 10**15


def parsed(field: CustomField, given: str) -> Value:
    """A value of the field's kind from what a person or a file wrote; an empty text is ``None``.

    *Several of* is split at ``|`` and read in the order of the choices. Raises ``InvalidValue``.
    """
    if not given.strip():
        return None
    if field.kind in WITH_CHOICES:
        return _choices(field, given)
    value = READERS[field.kind](field.key, given)
    return None if value == "" else value


def _choices(field: CustomField, given: str) -> Value:
    parts = [given] if field.kind == "one_of" else given.split("|")
    keys: list[str] = []
    for part in (part.strip() for part in parts):
        if not part:
            continue
        choice = field.choice(part)
        if choice is None:
            raise InvalidValue(
                field.key, "invalid_choice", f"{field.label} has no choice “{part[:80]}”."
            )
        keys.append(choice.key)
    if field.kind == "one_of":
        return keys[0]
    return [choice.key for choice in field.choices if choice.key in keys] or None


def line(name: str, given: str) -> str:
    """One line of at most 255 characters; line breaks become blanks. Raises ``InvalidValue``."""
    parts = (part.strip() for part in given.splitlines())
    return checked_text(name, " ".join(part for part in parts if part)).strip()


def long_text(name: str, given: str) -> str:
    """Plain text with its line breaks, at most 20,000 characters. Raises ``InvalidValue``."""
    text = given.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) != "Cc"
    ).strip()
    if len(text) > LONG_TEXT_LENGTH:
        raise InvalidValue(name, "too_long", f"Longer than {LONG_TEXT_LENGTH:,} characters.")
    return text


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
    given = given.strip()
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
            raise ValueError
        return dt.date.fromisoformat(given)
    except ValueError:
        raise InvalidValue(
            name, "invalid_date", "Not a date: it is written year-month-day, as 2026-04-01."
        ) from None


def email(name: str, given: str) -> str:
    """An e-mail address as its owner writes it. Raises ``InvalidValue``."""
    try:
        return checked_email(given)
    except InvalidValue as error:
        raise InvalidValue(name, error.reason, str(error)) from None


def record_key(name: str, given: str) -> str:
    """The key of a record at Higher Logic or elsewhere, byte for byte. Raises ``InvalidValue``.

    Of the form of a contact's key, but it says nothing of who this contact is: a key that looks
    like a client's is taken too.
    """
    return well_formed_key(name, given.strip())


READERS: dict[str, Callable[[str, str], Value]] = {
    "text": line,
    "long_text": long_text,
    "yes_no": yes_no,
    "whole_number": whole_number,
    "decimal": decimal_number,
    "date": iso_date,
    "email": email,
    "web_address": checked_web_address,
    "key": record_key,
}
"""How a value of each kind without choices is read: from the field's name and the text.

Each raises ``InvalidValue``.
"""
