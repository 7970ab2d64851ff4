"""Which custom field the values of a column suggest, found while they stream by."""

import re
from collections.abc import Callable

from idp.directory import fields
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.directory.fields import FieldKind
from idp.directory.importing.report import SuggestedField

MOST_CHOICES = 60


class Column:
    """A column's values, one after the other; memory does not grow with their number.

    Yes/no, dates, numbers and addresses are what every value can be read as, a key also what the
    column's name calls so; several values in a cell (``|``) make *several of*; few values that
    come again make *one of*; what is longer than a line is long text, all else text.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = 0
        self._parts: set[str] = set()
        self._several = False
        self._long = False
        self._lines = False
        self._possible = list(_READERS)
        if fields.slug(name).split("_")[-1] == "key":
            self._possible.insert(0, "key")  # a key of digits is a key, not a number

    def add(self, cell: str) -> None:
        """Look at one cell."""
        value = cell.strip()
        if not value:
            return
        self.filled += 1
        if value in self._parts:
            return  # looked at before
        self._possible = [kind for kind in self._possible if _reads(kind, value)]
        self._lines = self._lines or "\n" in value or "\r" in value
        if "|" in value:
            self._several = True
            parts = [part.strip() for part in value.split("|") if part.strip()]
        else:
            parts = [value]
        self._long = self._long or any(len(part) > TEXT_LENGTH for part in parts)
        if len(self._parts) <= MOST_CHOICES and not self._long:
            self._parts.update(parts)

    @property
    def suggestion(self) -> SuggestedField:
        """The custom field that the values so far suggest."""
        kind: FieldKind = "long_text" if self._long or self._lines else "text"
        choices: list[str] = []
        few = len(self._parts) <= MOST_CHOICES and not (self._long or self._lines)
        if self.filled and self._possible:
            kind = self._possible[0]
        elif self.filled and few and (self._several or self.filled >= 3 * len(self._parts)):
            kind = "several_of" if self._several else "one_of"
            choices = sorted(self._parts)
        return SuggestedField(self.name, fields.slug(self.name), kind, choices)


def _yes_no(value: str) -> bool:
    fields.yes_no("", value)
    return not value.isdigit()


def _whole_number(value: str) -> bool:
    # 02139 is a postal code: as a number it would lose its zero.
    return value == str(fields.whole_number("", value))


def _decimal(value: str) -> bool:
    # The zeros at the end of 1.50 say nothing; one before 01.5 may be part of a name.
    return fields.decimal_number("", value) < 0 or not re.match("0[0-9]|[+.]", value)


def _of_kind(kind: FieldKind) -> Callable[[str], bool]:
    def reads(value: str) -> bool:
        fields.READERS[kind]("", value)
        return True

    return reads


_READERS: dict[FieldKind, Callable[[str], bool]] = {
    "yes_no": _yes_no,
    "date": _of_kind("date"),
    "whole_number": _whole_number,
    "decimal": _decimal,
    "email": _of_kind("email"),
    "web_address": _of_kind("web_address"),
}
"""How a value is tried as each kind, in the order in which they are preferred."""


def _reads(kind: FieldKind, value: str) -> bool:
    try:
        return _READERS.get(kind, _of_kind(kind))(value)
    except InvalidValue:
        return False
