"""One row of an export: what it holds, or why it is refused.

A row is checked here against itself; whether its key, address and company fit the others is
``write``'s to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.directory import fields
from idp.directory.contacts import (
    PHONE_TYPE_LENGTH,
    PHONE_TYPES,
    TEXTS,
    WEB_ADDRESSES,
    InvalidValue,
    checked_email,
    checked_key,
    checked_text,
    checked_web_address,
    cleaned_bio,
)
from idp.directory.fields import CustomField, Value
from idp.directory.importing.report import SHOWN_VALUE, Refusal

DATES = ("joined_on", "expires_on")
USUALLY_YES = ("active", "in_directory")


class RowRefused(Exception):
    """A row that cannot be taken; ``refusal`` says which, where and why."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


@dataclass
class Row:
    """A row that holds together: ``values`` by our field names (absent: the file has no such
    column), ``custom`` values by field key, the key that it refers to (a person's company, a
    company's parent); ``columns`` are the file's own names of our fields."""

    number: int
    cells: Mapping[str, str]
    values: dict[str, Any]
    custom: dict[str, Value] = field(default_factory=dict)
    key: str = ""
    refers_to: str = ""
    has_account: bool | None = None

    columns: dict[str, str] = field(default_factory=dict)

    def refused(self, name: str, reason: str, message: str) -> RowRefused:
        """The refusal of this row because of one of its columns, named by our field."""
        return refused(self.number, self.cells, self.column_of(name), reason, message)

    def column_of(self, name: str) -> str:
        """The file's own name of the column that holds a field."""
        return self.columns.get(name, name)


def refused(
    number: int, cells: Mapping[str, str], column: str, reason: str, message: str
) -> RowRefused:
    """A refusal that names the row, the column and the value."""
    value = cells.get(column, "")[:SHOWN_VALUE]
    return RowRefused(Refusal(number, column, value, reason, message))


def read(
    number: int,
    cells: Mapping[str, str],
    columns: Mapping[str, str],
    custom: Mapping[str, CustomField],
    *,
    company: bool,
) -> Row:
    """Read a row. ``columns`` maps the file's columns to our fields, ``custom`` to custom fields.

    Raises ``RowRefused``.
    """
    row = Row(number, cells, {}, columns={name: column for column, name in columns.items()})
    for column, name in columns.items():
        try:
            _take(row, name, cells[column])
        except InvalidValue as error:
            raise refused(number, cells, column, error.reason, str(error)) from None
    for column, custom_field in custom.items():
        try:
            row.custom[custom_field.key] = fields.parsed(custom_field, cells[column])
        except InvalidValue as error:
            raise refused(number, cells, column, error.reason, str(error)) from None
    _check_whole(row, company=company)
    return row


def _take(row: Row, name: str, text: str) -> None:
    if name == "key":
        row.key = checked_key(text.strip()) if text.strip() else ""
    elif name in ("company_key", "parent_key"):
        row.refers_to = text.replace("\x00", "").strip()  # Postgres cannot even look for it
    elif name in DATES:
        row.values[name] = fields.iso_date(name, text.strip()) if text.strip() else None
    elif name == "has_account":
        row.has_account = fields.yes_no(name, text) if text.strip() else False
    elif name in USUALLY_YES:
        row.values[name] = fields.yes_no(name, text) if text.strip() else True
    elif name == "email":
        row.values[name] = checked_email(text)
    elif name in WEB_ADDRESSES:
        row.values[name] = checked_web_address(name, text)
    elif name == "bio":
        row.values[name] = cleaned_bio(text)
    elif name in PHONE_TYPES:
        row.values[name] = checked_text(name, text, PHONE_TYPE_LENGTH)
    elif name in TEXTS:
        row.values[name] = checked_text(name, text)
    else:
        raise KeyError(name)


def _check_whole(row: Row, *, company: bool) -> None:
    if company:
        if not row.values.get("name"):
            raise row.refused("name", "missing_name", "A company needs a name.")
        return
    if not (row.values.get("first_name") or row.values.get("last_name")):
        raise row.refused("last_name", "missing_name", "Neither first nor last name.")
    if row.has_account and not row.values.get("email"):
        raise row.refused("email", "account_without_email", "An account needs an e-mail address.")
