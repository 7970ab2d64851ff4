"""The fields that a condition may name."""

from collections.abc import Iterable

from idp.directory import fields
from idp.directory.builtin import BUILT_IN, BuiltInField
from idp.directory.fields import CustomField

AnyField = BuiltInField | CustomField


def known_fields(custom: Iterable[CustomField] | None = None) -> dict[str, AnyField]:
    """Every field that a condition may name, by key."""
    found: dict[str, AnyField] = dict(BUILT_IN)
    for field in fields.all_fields() if custom is None else custom:
        found[field.key] = field
    return found
