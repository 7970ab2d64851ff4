"""The mapping: which column of a file goes to which of our fields.

A mapping is a value: suggested for a file, changed by whoever knows better, checked, kept under a
name (``named``), and used again for the next export of the same system.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from idp.directory import fields
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.directory.fields import KINDS, CustomField, FieldKind
from idp.directory.importing import columns
from idp.directory.importing.columns import Kind
from idp.directory.importing.reading import MOST_COLUMNS

VERSION = 1
MOST_CHOICES = 500
To = Literal["field", "custom", "new", "ignore"]


class InvalidMapping(InvalidValue):
    """A mapping that cannot be used; ``field`` is the column that is wrong, if it is one."""


@dataclass(frozen=True)
class Target:
    """Where a column goes.

    ``field``: a built-in field, ``name`` is ours (``columns.MADE_OF``). ``custom``: a custom
    field, ``name`` is its key; ``new_choices`` makes a choice of every value that is none yet.
    ``new``: a custom field to be made, ``name`` is its label, with ``kind`` and ``choices``; when
    there is one of that label by then, that one. ``ignore``: nowhere.
    """

    to: To
    name: str = ""
    kind: FieldKind | None = None
    choices: tuple[str, ...] = ()
    new_choices: bool = False


IGNORE = Target("ignore")


@dataclass(frozen=True)
class ColumnMapping:
    """Where the columns of a file of people or of companies go, by the columns' names.

    Columns that it does not name are left out; those that it names and the file lacks as well.
    """

    kind: Kind
    columns: Mapping[str, Target] = field(default_factory=dict)

    def problems(self, custom: Iterable[CustomField] | None = None) -> list[InvalidMapping]:
        """All that is wrong with it, column by column; an empty list when it can be used.

        ``custom`` are the fields that there are; looked up when not given.
        """
        known = {one.key: one for one in (custom if custom is not None else _fields(self.kind))}
        found = [
            problem
            for column, target in self.columns.items()
            if (problem := self._problem(column, target, known)) is not None
        ]
        found += self._taken_twice(known)
        names = {target.name for target in self.columns.values() if target.to == "field"}
        if self.kind == "companies" and "name" not in names:
            found.append(_wrong("", "missing_column", "A file of companies needs a column Name."))
        if self.kind == "people" and not names & {"first_name", "last_name"}:
            found.append(
                _wrong(
                    "",
                    "missing_column",
                    "A file of people needs a column First Name or Last Name.",
                )
            )
        return found

    def check(self, custom: Iterable[CustomField] | None = None) -> None:
        """Raises ``InvalidMapping``: the first of the problems."""
        for problem in self.problems(custom):
            raise problem

    def as_json(self) -> dict[str, Any]:
        """The mapping as JSON holds it."""
        said = {}
        for column, target in self.columns.items():
            given = asdict(target) | {"choices": list(target.choices)}
            said[column] = {name: value for name, value in given.items() if value}
        return {"version": VERSION, "kind": self.kind, "columns": said}

    @classmethod
    def from_json(cls, given: Any) -> "ColumnMapping":
        """The mapping that ``as_json`` gave. Raises ``InvalidMapping`` for anything else; whether
        its fields exist is ``check``'s to say."""
        shape = isinstance(given, dict) and given.keys() == {"version", "kind", "columns"}
        if not shape or given["version"] != VERSION or given["kind"] not in get_args(Kind):
            raise _wrong("", "invalid_mapping", "This is no mapping.")
        said = given["columns"]
        if not isinstance(said, dict) or len(said) > MOST_COLUMNS:
            raise _wrong("", "invalid_mapping", f"At most {MOST_COLUMNS} columns are mapped.")
        return cls(given["kind"], {column: _target(column, one) for column, one in said.items()})

    def _problem(
        self, column: str, target: Target, known: Mapping[str, CustomField]
    ) -> InvalidMapping | None:
        if target.to == "field" and target.name not in columns.MADE_OF[self.kind]:
            return _wrong(column, "unknown_field", f"There is no field {target.name!r}.")
        if target.to == "custom" and target.name not in known:
            return _wrong(column, "unknown_field", f"There is no custom field {target.name!r}.")
        if target.to == "custom" and target.new_choices and not known[target.name].choices:
            if known[target.name].kind in ("one_of", "several_of"):
                return None
            return _wrong(column, "no_choices", f"{known[target.name].label} has no choices.")
        if target.to == "new":
            if target.kind not in KINDS:
                return _wrong(column, "missing_kind", "A new field needs a kind.")
            if not target.name.strip() or len(target.name) > TEXT_LENGTH:
                message = f"It cannot be a field: Longer than {TEXT_LENGTH} characters, or empty."
                return _wrong(column, "invalid_label", message)
        return None

    def _taken_twice(self, known: Mapping[str, CustomField]) -> list[InvalidMapping]:
        found, taken = [], dict[tuple[str, str], str]()
        for column, target in self.columns.items():
            if target.to == "ignore":
                continue
            # A new field that is there by now is that field.
            there = columns.matching(target.name, list(known.values()))
            if target.to == "new":
                where = ("custom", there.key if there else fields.slug(target.name))
            else:
                where = (target.to, target.name)
            if where in taken:
                found.append(
                    _wrong(
                        column,
                        "mapped_twice",
                        f"{column!r} and {taken[where]!r} go to the same field.",
                    )
                )
            taken.setdefault(where, column)
        return found


def suggested(
    kind: Kind,
    header: Sequence[str],
    custom: Sequence[CustomField],
    new: Mapping[str, Target] | None = None,
) -> ColumnMapping:
    """The mapping that the columns' names suggest; ``new`` are the columns that can become custom
    fields. Of two columns for one field the first is taken."""
    found: dict[str, Target] = {}
    taken: set[tuple[str, str]] = set()
    # What is called exactly as our field goes before what is called a bit like it.
    ours = {columns.folded(name) for name in columns.MADE_OF[kind]}
    for column in sorted(
        (column for column in header if column), key=lambda one: columns.folded(one) not in ours
    ):
        name = columns.built_in(kind, column)
        there = columns.matching(column, custom)
        # The association's own field of that very name is meant before a synonym of ours.
        if columns.is_told_only(column):
            target = IGNORE
        elif there is not None and (name is None or columns.folded(column) not in ours):
            target = Target("custom", there.key)
        elif name is not None:
            target = Target("field", name)
        else:
            target = (new or {}).get(column, IGNORE)
        if target.to in ("field", "custom"):
            if (target.to, target.name) in taken:
                target = IGNORE
            taken.add((target.to, target.name))
        found[column] = target
    return ColumnMapping(kind, {column: found[column] for column in header if column})


def _fields(kind: Kind) -> list[CustomField]:
    return fields.all_fields("company" if kind == "companies" else "person")


def _wrong(column: str, reason: str, message: str) -> InvalidMapping:
    return InvalidMapping(column, reason, message)


def _target(column: Any, given: Any) -> Target:
    names = {"to", "name", "kind", "choices", "new_choices"}
    if not isinstance(column, str) or not isinstance(given, dict) or not given.keys() <= names:
        raise _wrong(str(column)[:TEXT_LENGTH], "invalid_mapping", "This is no column's target.")
    choices = given.get("choices", [])
    if (
        given.get("to") not in get_args(To)
        or not isinstance(given.get("name", ""), str)
        or given.get("kind") not in (None, *KINDS)
        or not isinstance(given.get("new_choices", False), bool)
        or not isinstance(choices, list)
        or len(choices) > MOST_CHOICES
        or not all(isinstance(choice, str) and len(choice) <= TEXT_LENGTH for choice in choices)
    ):
        raise _wrong(column[:TEXT_LENGTH], "invalid_mapping", "This is no column's target.")
    return Target(**{**given, "choices": tuple(choices)})
