"""The kinds of custom fields, what a value of each is in Python, and which column keeps it."""

import datetime as dt
from decimal import Decimal
from typing import Literal, get_args

FieldKind = Literal[
    "text",
    "long_text",
    "yes_no",
    "whole_number",
    "decimal",
    "date",
    "one_of",
    "several_of",
    "email",
    "web_address",
    "key",
]
KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
KIND_NAMES: dict[str, str] = {
    "text": "Text",
    "long_text": "Long text",
    "yes_no": "Yes or no",
    "whole_number": "Whole number",
    "decimal": "Decimal number",
    "date": "Date",
    "one_of": "One of",
    "several_of": "Several of",
    "email": "E-mail address",
    "web_address": "Web address",
    "key": "Key",
}
WITH_CHOICES = frozenset({"one_of", "several_of"})
COLUMNS: dict[str, str] = {
    "text": "text",
    "long_text": "text",
    "yes_no": "truth",
    "whole_number": "number",
    "decimal": "decimal",
    "date": "date",
    "one_of": "choice_id",
    "several_of": "choice_id",
    "email": "text",
    "web_address": "text",
    "key": "text",
}
"""The column of ``FieldValue`` that keeps a value, by kind; every other one is empty."""

Value = str | bool | int | Decimal | dt.date | list[str] | None
"""A value as Python has it: the keys of choices, a list of them for *several of*."""
