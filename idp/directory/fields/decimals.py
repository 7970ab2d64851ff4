"""Decimal numbers that are the same on every database, to the last digit.

SQLite has no exact decimals: it would keep a float. So a number is kept as an integer of
millionths, which both databases compare and order as they do any other.
"""

import re
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

from idp.directory.values import InvalidValue

PLACES = 6
LARGEST = 10**12
"""What a number stays below: at most 12 digits before the point, and 6 after it."""
_WRITTEN = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,60}(\.[0-9]{0,60})?")


class Millionths(TypeDecorator[Decimal]):
    """A decimal of at most 12 digits before and 6 after the point, exact on every database.

    Raises ``ValueError`` for a number that does not fit.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, _dialect: Dialect) -> int | None:
        """Turn a number into millionths."""
        if value is None:
            return None
        number = Decimal(value)
        if not _fits(number):
            raise ValueError("a decimal has at most 12 digits before the point and 6 after it")
        return int(number.scaleb(PLACES))

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> Decimal | None:
        """Give the number back."""
        return None if value is None else Decimal(value).scaleb(-PLACES)


def decimal_number(name: str, given: str) -> Decimal:
    """A number written with a point, as 1234.5. Raises ``InvalidValue``.

    A comma is refused, for 1,500 means two different numbers.
    """
    given = given.strip()
    number = Decimal(given) if _WRITTEN.fullmatch(given) else Decimal("NaN")
    if not _fits(number):
        raise InvalidValue(
            name,
            "invalid_decimal",
            "Not a decimal number: it is written as 1234.5, with at most 12 digits before the "
            "point and 6 after it.",
        )
    return number + 0  # -0 is 0


def decimal_text(value: Decimal) -> str:
    """A number as it is written: without an exponent, without zeros at its end."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fits(number: Decimal) -> bool:
    if not number.is_finite() or not -LARGEST < number < LARGEST:
        return False
    _sign, digits, exponent = number.as_tuple()
    # More digits than six are zeros, or are too many.
    beyond = -int(exponent) - PLACES
    return beyond <= 0 or not any(digits[-beyond:])
