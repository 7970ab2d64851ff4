"""Custom fields: what an association keeps of its contacts beyond the built-in fields.

The rule of the brief, held by form, model and database alike: a field syncs to Higher Logic only
when it is shown in the Members section.
"""

from idp.directory.fields.catalogue import all_fields, create, move, move_choice
from idp.directory.fields.decimals import Millionths, decimal_number, decimal_text
from idp.directory.fields.keys import free_key, slug
from idp.directory.fields.kinds import (
    COLUMNS,
    KIND_NAMES,
    KINDS,
    WITH_CHOICES,
    FieldKind,
    Value,
)
from idp.directory.fields.model import (
    EDIT_RULE,
    LONG_TEXT_LENGTH,
    MOST_CHOICES,
    SYNC_RULE,
    Choice,
    CustomField,
    FieldValue,
)
from idp.directory.fields.reading import READERS, iso_date, parsed, whole_number, yes_no
from idp.directory.fields.values import (
    contacts_by_choice,
    contacts_with_value,
    replace_rows,
    rows_for,
    said,
    set_value,
    shown,
    text_of,
    value_of,
    values_of,
    written,
)

__all__ = [
    "COLUMNS",
    "EDIT_RULE",
    "KINDS",
    "KIND_NAMES",
    "LONG_TEXT_LENGTH",
    "MOST_CHOICES",
    "READERS",
    "SYNC_RULE",
    "WITH_CHOICES",
    "Choice",
    "CustomField",
    "FieldKind",
    "FieldValue",
    "Millionths",
    "Value",
    "all_fields",
    "contacts_by_choice",
    "contacts_with_value",
    "create",
    "decimal_number",
    "decimal_text",
    "free_key",
    "iso_date",
    "move",
    "move_choice",
    "parsed",
    "replace_rows",
    "rows_for",
    "said",
    "set_value",
    "shown",
    "slug",
    "text_of",
    "value_of",
    "values_of",
    "whole_number",
    "written",
    "yes_no",
]
