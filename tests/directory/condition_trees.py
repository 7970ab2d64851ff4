"""Random contacts and random conditions, for hypothesis.

Values come from few that are close to each other, so that conditions are met now and then.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from idp.directory import conditions, fields
from idp.directory.conditions import operators_of, takes

TODAY = dt.date(2026, 4, 4)
CHOICES = ("Policy", "Events", "Straße")

LETTERS = "aAeEéÉiIİıßẞSsΣσς𐐀𐐨ǅǆKkÅåЖжა %_/\\'\"|.…ԱաǱḂ\u0301\u0307"
_SPELLINGS = [
    "Current",
    "CURRENT",
    "current",
    "Lapsed",
    "curr",
    "rent",
    "İstanbul",
    "istanbul",
    "ISTANBUL",
    "i\u0307stanbul",
    "ısparta",
    "Isparta",
    "Straße",
    "STRASSE",
    "STRAẞE",
    "strasse",
    "ΟΔΟΣ",
    "οδος",
    "οδοσ",
    "ΟΔΟΣΑ",
    "Éclair",
    "éclair",
    "E\u0301CLAIR",
    "Eclair",
    "100%",
    "100 %",
    "100_",
    "1000",
    "a/b",
    "a\\b",
    "%",
    "_",
    "/",
]
texts = st.sampled_from(_SPELLINGS) | st.text(LETTERS, min_size=1, max_size=4).filter(str.strip)
whole_numbers = st.sampled_from([-(10**15), -1, 10**15]) | st.integers(0, 3)
decimals = st.sampled_from(
    [Decimal(text) for text in ("0", "0.1", "0.2", "0.3", "-0.000001", "999999999999.999999", "7")]
) | st.integers(1, 4).map(lambda tenths: Decimal(tenths) / 10)
days = st.sampled_from(
    [TODAY + dt.timedelta(days=days) for days in (0, 1, -1, 2, -2)]
    + [dt.date(1, 1, 1), dt.date(9999, 12, 31)]
)
emails = st.sampled_from(["ada@example.org", "ADA@example.org", "grace@example.com"])
web_addresses = st.sampled_from(["https://example.org/A", "https://example.org/a", "http://a.org"])
choice_keys = st.sampled_from([fields.slug(one) for one in CHOICES])

# A value of each kind as Python has it.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "long_text": texts,
    "yes_no": st.booleans(),
    "whole_number": whole_numbers,
    "decimal": decimals,
    "date": days,
    "one_of": choice_keys,
    "several_of": st.lists(choice_keys, max_size=3, unique=True),
    "email": emails,
    "web_address": web_addresses,
    "key": st.sampled_from(["a-1", "A-1", "b", "B%"]),
}


def _written(value: Any) -> Any:
    """A value as a condition's JSON has it."""
    return value if isinstance(value, bool | int | str) else str(value)


def _value(field: conditions.AnyField, op: str) -> st.SearchStrategy[Any]:
    if op in {"in_last_days", "in_next_days"}:
        return st.sampled_from([1, 2, 36_525])
    choices = list(conditions.choices_of(field))
    one: st.SearchStrategy[Any] = st.sampled_from(choices) if choices else VALUES[field.kind]
    if op == "between":
        return st.lists(one, min_size=2, max_size=2).map(lambda two: [*map(_written, sorted(two))])
    if takes(op) == "several":
        return st.lists(one.map(_written), min_size=1, max_size=3)
    return one.map(_written)


def rules(known: Mapping[str, conditions.AnyField]) -> st.SearchStrategy[Any]:
    """Rules about any of these fields, with any operator that fits."""

    # By kind first: most fields are built-in texts, and would leave the others aside.
    by_kind: dict[str, list[conditions.AnyField]] = {}
    for one in known.values():
        if conditions.may_be_asked(one):
            by_kind.setdefault(one.kind, []).append(one)

    @st.composite
    def rule(draw: st.DrawFn) -> Any:
        field = draw(st.sampled_from(by_kind[draw(st.sampled_from(sorted(by_kind)))]))
        op = draw(st.sampled_from(operators_of(field)))
        said = {"field": field.key, "op": op}
        return said if takes(op) == "nothing" else {**said, "value": draw(_value(field, op))}

    return rule()


def trees(known: Mapping[str, conditions.AnyField]) -> st.SearchStrategy[Any]:
    """Whole conditions about any of these fields."""
    alone = part = rules(known)
    for _level in range(2):
        part = part | _block(part)
    # Many single rules: in a block, what one of them answers is often decided by another.
    whole = st.one_of(alone, alone, alone, _block(part), part, st.just({"any": []}))
    return whole.map(lambda given: conditions.parse(given, known))


def _block(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = st.lists(part, min_size=1, max_size=3)
    return st.tuples(st.sampled_from(conditions.BLOCKS), parts).map(lambda two: dict([two]))
