"""One row of an export: what it holds, or why it is refused.

A row is checked here against itself; whether its key, address and company fit the others is
``planning``'s to say. What comes again in a column is checked once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from idp.directory import fields
from idp.directory.contacts import (
    PHONE_TYPE_LENGTH,
    PHONE_TYPES,
    TEXT_LENGTH,
    WEB_ADDRESSES,
    InvalidValue,
    checked_email,
    checked_key,
    checked_text,
    checked_web_address,
    cleaned_bio,
)
from idp.directory.fields import CustomField, Value
from idp.directory.importing import columns
from idp.directory.importing.columns import Kind
from idp.directory.importing.reading import CellError
from idp.directory.importing.report import SHOWN_VALUE, Refusal

# How many different values of a column are remembered with what they mean.
MOST_REMEMBERED = 10_000
MOST_NEW_CHOICES = 500


class Row(NamedTuple):
    """A row that holds together.

    ``values`` are those of ``Reader.names``, ``custom`` those of ``Reader.custom``, in that
    order. ``refers_to`` is the key of a person's company, or of a company's parent;
    ``main_contact`` the key of a company's.
    """

    number: int
    key: str
    refers_to: str
    has_account: bool
    values: tuple[Any, ...]
    custom: tuple[Value, ...]
    main_contact: str = ""


class Refused(NamedTuple):
    """A row that does not, with what says whom it is about, where that could be read."""

    number: int
    key: str
    email: str
    member_id: str
    column: str
    value: str
    reason: str
    message: str

    @property
    def refusal(self) -> Refusal:
        """The refusal as the report has it."""
        return Refusal(self.number, self.column, self.value, self.reason, self.message)


Take = Callable[[str], Any]


class Reader:
    """Reads the rows of a file of which ``targets`` says where each column goes.

    ``names`` are the contact's columns that the file has (``columns`` says under which name),
    ``custom`` its custom fields. Of a field in ``new_choices``, values that are no choice yet
    become one: ``choices_made`` has them by the field's place in ``custom``, and the field given
    has them from then on.
    """

    def __init__(
        self,
        kind: Kind,
        header: Sequence[str],
        targets: Mapping[str, str],
        custom: Mapping[str, CustomField],
        new_choices: frozenset[str] = frozenset(),
    ) -> None:
        self._company = kind == "companies"
        self._header = list(header)
        self.columns = {name: column for column, name in targets.items()}
        self.choices_made: dict[int, list[str]] = {}
        places = {column: place for place, column in enumerate(self._header)}
        special = (*columns.KEYS, "has_account")
        self.names = [name for name in targets.values() if name not in special]
        self.custom = list(custom.values())
        self._special = {
            name: places[column] for column, name in targets.items() if name in special
        }
        self._takers: list[tuple[int, Take]] = [
            (places[column], _taker(name))
            for column, name in targets.items()
            if name not in special
        ]
        self._custom: list[tuple[int, Take]] = [
            (places[column], self._custom_taker(place, field, column in new_choices))
            for place, (column, field) in enumerate(custom.items())
        ]
        self._used = sorted(
            [*self._special.values(), *(place for place, _ in (*self._takers, *self._custom))]
        )
        self._named = {name: place for place, name in enumerate(self.names)}
        self._account = _remembered(
            lambda cell: fields.yes_no("has_account", cell) if cell.strip() else False
        )

    @property
    def refers(self) -> bool:
        """Whether the file says which company a person or a company belongs to."""
        return "company_key" in self._special or "parent_key" in self._special

    @property
    def has_keys(self) -> bool:
        """Whether the file has a column of keys."""
        return "key" in self._special

    def place(self, name: str) -> int | None:
        """Where in ``Row.values`` a field is, if the file has it."""
        return self._named.get(name)

    def read(self, number: int, cells: Sequence[str]) -> Row | Refused:
        """Read a row."""
        at = 0
        if CellError in map(type, cells):
            for at in self._used:
                if type(cells[at]) is CellError:
                    message = "The spreadsheet shows an error in this cell."
                    return self._refused(number, cells, at, "cell_error", message)
        try:
            key = refers_to = main_contact = ""
            has_account = False
            for name, at in self._special.items():
                cell = cells[at]
                if name == "has_account":
                    has_account = self._account(cell)
                elif name == "key":
                    key = checked_key(cell.strip()) if cell.strip() else ""
                elif name == "main_contact_key":
                    main_contact = cell.replace("\x00", "").strip()
                else:
                    refers_to = cell.replace("\x00", "").strip()  # no database could look for it
            values = []
            for at, take in self._takers:
                values.append(take(cells[at]))
            custom = []
            for at, take in self._custom:
                custom.append(take(cells[at]))
        except InvalidValue as error:
            return self._refused(number, cells, at, error.reason, str(error))
        row = Row(number, key, refers_to, has_account, tuple(values), tuple(custom), main_contact)
        return self._whole(row, cells) or row

    def _whole(self, row: Row, cells: Sequence[str]) -> Refused | None:
        def given(name: str) -> Any:
            place = self._named.get(name)
            return row.values[place] if place is not None else None

        if self._company:
            if given("name"):
                return None
            return self._refused(
                row.number, cells, self._at("name"), "missing_name", "A company needs a name."
            )
        if not (given("first_name") or given("last_name")):
            at = self._at("last_name" if "last_name" in self._named else "first_name")
            return self._refused(
                row.number, cells, at, "missing_name", "Neither first nor last name."
            )
        if row.has_account and "email" in self._named and not given("email"):
            return self._refused(
                row.number,
                cells,
                self._at("email"),
                "account_without_email",
                "An account needs an e-mail address.",
            )
        return None

    def _at(self, name: str) -> int:
        return self._header.index(self.columns[name])

    def _refused(
        self, number: int, cells: Sequence[str], at: int, reason: str, message: str
    ) -> Refused:
        def cell(name: str) -> str:
            given = cells[self._at(name)].strip()[:SHOWN_VALUE] if name in self.columns else ""
            return "" if "\x00" in given else given  # no database could look for it

        value = str(cells[at])[:SHOWN_VALUE]
        known = (cell("key"), cell("email"), cell("member_id"))
        return Refused(number, *known, self._header[at], value, reason, message)

    def _custom_taker(self, place: int, field: CustomField, new_choices: bool) -> Take:
        if not new_choices or field.kind not in ("one_of", "several_of"):
            if field.kind in ("text", "long_text"):
                return lambda cell: fields.parsed(field, cell)
            return _remembered(lambda cell: fields.parsed(field, cell))

        def take(cell: str) -> Value:
            parts = cell.split("|") if field.kind == "several_of" else [cell]
            made = self.choices_made.setdefault(place, [])
            for part in (part.strip() for part in parts):
                if not part or field.choice(part) is not None:
                    continue
                if len(made) >= MOST_NEW_CHOICES:
                    raise InvalidValue(
                        field.key,
                        "too_many_choices",
                        f"{field.label} would get more than {MOST_NEW_CHOICES} new choices.",
                    )
                field.add_choice(part)
                made.append(part)
            return fields.parsed(field, cell)

        return _remembered(take)


def _remembered(take: Take) -> Take:
    seen: dict[str, Any] = {}

    def remembering(cell: str) -> Any:
        if cell in seen:
            return seen[cell]
        value = take(cell)
        if len(seen) < MOST_REMEMBERED:
            seen[cell] = value
        return value

    return remembering


def _taker(name: str) -> Take:
    if name in columns.DATES:
        return _remembered(
            lambda cell: fields.iso_date(name, cell.strip()) if cell.strip() else None
        )
    if name in columns.SWITCHES:
        return _remembered(lambda cell: fields.yes_no(name, cell) if cell.strip() else True)
    if name == "email":
        return checked_email
    if name in WEB_ADDRESSES:
        return lambda cell: checked_web_address(name, cell) if cell else ""
    if name == "bio":
        return lambda cell: cleaned_bio(cell) if cell else ""
    longest = PHONE_TYPE_LENGTH if name in PHONE_TYPES else TEXT_LENGTH
    return lambda cell: checked_text(name, cell, longest) if cell else ""
