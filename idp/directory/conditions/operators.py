"""Which operators fit which kind of field, what each takes, and what each is called."""

from typing import Literal

Takes = Literal["nothing", "one", "several", "two", "days"]

_TEXT = (
    "is",
    "is_not",
    "one_of",
    "none_of",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "empty",
    "not_empty",
)
_NUMBER = (
    "is",
    "is_not",
    "more_than",
    "less_than",
    "at_least",
    "at_most",
    "between",
    "empty",
    "not_empty",
)

# Operators that fit each kind, in the order in which the panel offers them.
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": _TEXT,
    "long_text": _TEXT,
    "email": _TEXT,
    "web_address": _TEXT,
    "key": _TEXT,
    "yes_no": ("is", "empty", "not_empty"),
    "whole_number": _NUMBER,
    "decimal": _NUMBER,
    "date": (
        "is",
        "before",
        "after",
        "on_or_before",
        "on_or_after",
        "between",
        "in_last_days",
        "in_next_days",
        "empty",
        "not_empty",
    ),
    "one_of": ("is", "is_not", "one_of", "none_of", "empty", "not_empty"),
    "several_of": ("contains", "one_of", "all_of", "none_of", "empty", "not_empty"),
    "group": ("is", "is_not", "one_of", "none_of"),
}

# A negative operator is true exactly where its positive one is not, people without a value
# included.
NEGATES = {
    "is_not": "is",
    "none_of": "one_of",
    "not_contains": "contains",
    "empty": "not_empty",
}

WORDS = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "none_of": "is none of",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "more_than": "is more than",
    "less_than": "is less than",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "is between",
    "before": "is before",
    "after": "is after",
    "on_or_before": "is on or before",
    "on_or_after": "is on or after",
    "in_last_days": "is in the last",
    "in_next_days": "is in the next",
    "empty": "is empty",
    "not_empty": "is not empty",
}
_WORDS_OF_KIND = {
    "several_of": {
        "one_of": "contains one of",
        "all_of": "contains all of",
        "none_of": "contains none of",
    },
    "group": {
        "is": "is in the group",
        "is_not": "is not in the group",
        "one_of": "is in one of the groups",
        "none_of": "is in none of the groups",
    },
}

_TAKES: dict[str, Takes] = {
    "empty": "nothing",
    "not_empty": "nothing",
    "one_of": "several",
    "none_of": "several",
    "all_of": "several",
    "between": "two",
    "in_last_days": "days",
    "in_next_days": "days",
}


def takes(op: str) -> Takes:
    """What the value of a rule with this operator is: nothing, one value, several in a list, the
    first and the last of a stretch, or a number of days."""
    return _TAKES.get(op, "one")


def words(op: str, kind: str) -> str:
    """What an operator is called for a kind of field."""
    return _WORDS_OF_KIND.get(kind, {}).get(op) or WORDS.get(op, op)
