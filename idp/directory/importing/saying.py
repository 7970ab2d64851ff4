"""The value of a custom field, from the rows that keep it, as people read it."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from idp.directory.fields import CustomField, decimal_text
from idp.directory.importing.tables import VALUE_COLUMNS

# What a value is, where it is no choice.
_PLAIN = ("text", "number", "decimal", "date", "truth")


def said(field: CustomField, rows: Collection[tuple[Any, ...]]) -> str:
    """The value that some rows keep (each as its ``VALUE_COLUMNS``); empty for none."""
    labels = {choice.id: choice.label for choice in field.choices}
    parts = []
    for facts in rows:
        row = dict(zip(VALUE_COLUMNS, facts, strict=True))
        if row["choice_id"] is not None:
            parts.append(labels.get(row["choice_id"], ""))
        else:
            parts += [_text(row[name]) for name in _PLAIN if row[name] is not None]
    return ", ".join(sorted(parts))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return decimal_text(value) if isinstance(value, Decimal) else str(value)
