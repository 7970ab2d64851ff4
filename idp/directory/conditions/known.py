"""The fields that a condition may name: built-in and custom ones, those of the person's company,
and membership of another group."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import Column, select

from idp.database import db
from idp.directory import fields
from idp.directory.builtin import BUILT_IN, BuiltInField
from idp.directory.conditions.operators import OPERATORS
from idp.directory.contacts import Company
from idp.directory.fields import CustomField

COMPANY_PREFIX = "company."
# The second for an association whose own field has had the first since before groups could be
# asked about: no custom field's key has a dot.
GROUP_KEYS = ("group", "contact.group")


@dataclass(frozen=True)
class CompanyField:
    """A field of the company that a person works for, from the person's side."""

    of: BuiltInField | CustomField

    @property
    def key(self) -> str:
        """``company.`` and the field's own key."""
        return COMPANY_PREFIX + self.of.key

    @property
    def label(self) -> str:
        """“Company: City”."""
        return "Company: Name" if self.of.key == "name" else f"Company: {self.of.label}"

    @property
    def kind(self) -> str:
        """The kind of the field itself."""
        return self.of.kind


class AskedGroup(NamedTuple):
    """A group that a condition may ask about."""

    id: int
    name: str


class GroupField:
    """Membership of another group. The groups are read when they are asked for, once."""

    kind = "group"
    label = "Group"

    def __init__(self, key: str) -> None:
        self.key = key

    @cached_property
    def groups(self) -> dict[str, AskedGroup]:
        """Every group by its key, in the order of their names."""
        group = db.metadata.tables["group"].c
        rows = db.session.execute(
            select(group.key, group.id, group.name).order_by(group.name, group.id)
        )
        return {row.key: AskedGroup(row.id, row.name) for row in rows}


AnyField = BuiltInField | CustomField | CompanyField | GroupField

# Columns that companies have too; what is asked of accounts is not asked of a company.
_OF_COMPANIES: dict[str, AnyField] = {
    field.key: field
    for field in (
        CompanyField(built_in)
        for built_in in BUILT_IN.values()
        if isinstance(built_in.expression, Column) and hasattr(Company, built_in.key)
    )
}


def known_fields(custom: Iterable[CustomField] | None = None) -> dict[str, AnyField]:
    """Every field that a condition may name, by key, as the transaction at hand sees them."""
    own = list(fields.all_fields() if custom is None else custom)
    found: dict[str, AnyField] = dict(BUILT_IN)
    found |= {field.key: field for field in own}
    found |= _OF_COMPANIES
    found |= {field.key: field for field in map(CompanyField, own)}
    key = next(key for key in GROUP_KEYS if key not in found)
    found[key] = GroupField(key)
    return found


def operators_of(field: AnyField) -> tuple[str, ...]:
    """The operators that fit a field, in the order in which the panel offers them."""
    if isinstance(field, BuiltInField) and field.kind == "yes_no":
        return ("is",)  # never empty
    return OPERATORS[field.kind]


def choices_of(field: AnyField) -> dict[str, str]:
    """The labels of what can be chosen, by key; empty for a field of a kind without choices."""
    match field:
        case CompanyField():
            return choices_of(field.of)
        case GroupField():
            return {key: group.name for key, group in field.groups.items()}
        case CustomField():
            return {choice.key: choice.label for choice in field.choices}
        case _:
            return dict(field.choices)


def may_be_asked(field: AnyField) -> bool:
    """Whether there can be values: a field of people only has none at a company."""
    return not (
        isinstance(field, CompanyField)
        and isinstance(field.of, CustomField)
        and field.of.applies_to == "person"
    )
