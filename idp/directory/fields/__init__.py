"""Custom fields: what an association keeps of its contacts beyond the built-in fields.

The rule of the brief, held by form, model and database alike: a field syncs to Higher Logic only
when it is shown in the Members section.
"""

from idp.directory.fields.catalogue import all_fields, create
from idp.directory.fields.keys import free_key, slug
from idp.directory.fields.kinds import KIND_NAMES, KINDS, FieldKind, Value
from idp.directory.fields.model import Choice, CustomField, FieldValue
from idp.directory.fields.reading import iso_date, parsed, whole_number, yes_no
from idp.directory.fields.values import (
    replace_rows,
    rows_for,
    set_value,
    shown,
    value_of,
    values_of,
)

__all__ = [
    "KINDS",
    "KIND_NAMES",
    "Choice",
    "CustomField",
    "FieldKind",
    "FieldValue",
    "Value",
    "all_fields",
    "create",
    "free_key",
    "iso_date",
    "parsed",
    "replace_rows",
    "rows_for",
    "set_value",
    "shown",
    "slug",
    "value_of",
    "values_of",
    "whole_number",
    "yes_no",
]
