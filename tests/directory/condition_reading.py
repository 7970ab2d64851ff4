"""A plain reading of conditions, written from docs/conditions.md and not from the SQL.

It knows no database: a person is what is known of them, a tree is read part by part.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass
class Known:
    """What is known of a contact: values by field key (``None`` for none), groups by key."""

    values: dict[str, Any] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    company: "Known | None" = None


TEXTS = {"text", "long_text", "email", "web_address", "key"}


def meets(tree: Any, who: Known, kinds: Mapping[str, str], today: dt.date) -> bool:
    """Whether somebody meets a condition. ``kinds`` are the fields' kinds by key."""
    if "field" in tree:
        return _meets_rule(tree, who, kinds, today)
    if "all" in tree:
        return all(meets(part, who, kinds, today) for part in tree["all"])
    if "any" in tree:
        return any(meets(part, who, kinds, today) for part in tree["any"])
    return not any(meets(part, who, kinds, today) for part in tree["none"])


def _meets_rule(rule: Any, who: Known, kinds: Mapping[str, str], today: dt.date) -> bool:
    name, op, wanted = rule["field"], rule["op"], rule.get("value")
    if name == "group":
        inside = who.groups & ({wanted} if isinstance(wanted, str) else {*wanted})
        return bool(inside) == (op in {"is", "one_of"})
    about: Known | None = who
    if name.startswith("company."):
        about, name = who.company, name.removeprefix("company.")
    value = None if about is None else about.values.get(name)
    if value in ("", []):
        value = None
    if op == "empty":
        return value is None
    if op == "not_empty":
        return value is not None
    negative = {"is_not": "is", "not_contains": "contains", "none_of": "one_of"}.get(op)
    if negative is not None:
        return value is None or not _compare(kinds[name], negative, value, wanted, today)
    return value is not None and _compare(kinds[name], op, value, wanted, today)


def _compare(kind: str, op: str, value: Any, wanted: Any, today: dt.date) -> bool:
    if kind in TEXTS:
        return _compare_text(op, same_letters(value), wanted)
    if kind == "yes_no":
        return bool(value == wanted)
    if kind == "one_of":
        return value == wanted if op == "is" else value in wanted
    if kind == "several_of":
        return {
            "contains": lambda: wanted in value,
            "one_of": lambda: any(one in value for one in wanted),
            "all_of": lambda: all(one in value for one in wanted),
        }[op]()
    read: Callable[[Any], Any] = dt.date.fromisoformat if kind == "date" else Decimal
    if op == "in_last_days":
        return bool(0 <= (today - value).days <= wanted)
    if op == "in_next_days":
        return bool(0 <= (value - today).days <= wanted)
    if op == "between":
        return bool(read(wanted[0]) <= value <= read(wanted[1]))
    other = read(wanted)
    return {
        "is": value == other,
        "more_than": value > other,
        "after": value > other,
        "less_than": value < other,
        "before": value < other,
        "at_least": value >= other,
        "on_or_after": value >= other,
        "at_most": value <= other,
        "on_or_before": value <= other,
    }[op]


def _compare_text(op: str, value: str, wanted: Any) -> bool:
    if op == "one_of":
        return value in [same_letters(one) for one in wanted]
    other = same_letters(wanted)
    return {
        "is": value == other,
        "contains": other in value,
        "starts_with": value.startswith(other),
        "ends_with": value.endswith(other),
    }[op]


def same_letters(text: str) -> str:
    """A text with its letters in lower case; the two small sigmas are one, İ is an i."""
    return "".join(
        "i" if letter == "İ" else "σ" if letter in "Σς" else letter.lower() for letter in text
    )
