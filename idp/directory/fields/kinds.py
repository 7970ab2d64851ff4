"""The kinds of custom fields, and what a value of each is in Python."""

import datetime as dt
from typing import Literal, get_args

FieldKind = Literal["text", "yes_no", "whole_number", "date", "one_of", "several_of"]
KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
KIND_NAMES: dict[str, str] = {
    "text": "Text",
    "yes_no": "Yes or no",
    "whole_number": "Whole number",
    "date": "Date",
    "one_of": "One of",
    "several_of": "Several of",
}
Value = str | bool | int | dt.date | list[str] | None
