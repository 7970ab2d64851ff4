"""Conditions: which contacts a group selects.

A condition is a tree, kept as JSON and versioned::

    {"version": 1, "all": [
        {"field": "member_status", "op": "is", "value": "Current"},
        {"any": [{"field": "areas_of_interest", "op": "contains", "value": "policy"}, …]}]}

A block is ``all``, ``any`` or ``none`` of its parts; a rule names a field by its key, an operator
that fits the field's kind, and a value. ``parse`` checks a tree and writes it in its one normal
form, ``sentence`` says it in words, ``compile_condition`` makes one SQL expression of it that
serves one contact and a million (docs/architecture.md, decision 4).
"""

from idp.directory.conditions.known import AnyField, known_fields
from idp.directory.conditions.operators import OPERATORS, WORDS
from idp.directory.conditions.sentence import sentence
from idp.directory.conditions.sql import compile_condition
from idp.directory.conditions.tree import (
    BLOCKS,
    DEEPEST,
    LONGEST_JSON,
    MOST_RULES,
    MOST_VALUES,
    VERSION,
    InvalidCondition,
    Tree,
    from_json,
    parse,
)

__all__ = [
    "BLOCKS",
    "DEEPEST",
    "LONGEST_JSON",
    "MOST_RULES",
    "MOST_VALUES",
    "OPERATORS",
    "VERSION",
    "WORDS",
    "AnyField",
    "InvalidCondition",
    "Tree",
    "compile_condition",
    "from_json",
    "known_fields",
    "parse",
    "sentence",
]
