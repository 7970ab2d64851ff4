"""Conditions: which contacts a group selects.

A condition is a tree, kept as JSON and versioned::

    {"version": 1, "all": [
        {"field": "member_status", "op": "is", "value": "Current"},
        {"any": [{"field": "areas_of_interest", "op": "contains", "value": "policy"}, …]}]}

A block is ``all``, ``any`` or ``none`` of its parts; a rule names a field by its key, an operator
that fits the field's kind, and a value (docs/conditions.md). ``parse`` checks a tree and writes it
in its one normal form, ``sentence`` says it in words, ``compile_condition`` makes one SQL
expression of it that serves one contact and a million (docs/architecture.md, decision 4).
"""

from idp.directory.conditions.asked import (
    asks_about_company,
    asks_about_days,
    fields_asked,
    groups_asked,
)
from idp.directory.conditions.errors import InvalidCondition, place
from idp.directory.conditions.known import (
    AnyField,
    CompanyField,
    GroupField,
    choices_of,
    known_fields,
    may_be_asked,
    operators_of,
)
from idp.directory.conditions.operators import OPERATORS, takes, words
from idp.directory.conditions.sentence import sentence
from idp.directory.conditions.sql import compile_condition
from idp.directory.conditions.tree import (
    BLOCKS,
    DEEPEST,
    LONGEST_JSON,
    MOST_RULES,
    NOBODY,
    VERSION,
    Tree,
    from_json,
    parse,
)
from idp.directory.conditions.values import MOST_DAYS, MOST_VALUES

__all__ = [
    "BLOCKS",
    "DEEPEST",
    "LONGEST_JSON",
    "MOST_DAYS",
    "MOST_RULES",
    "MOST_VALUES",
    "NOBODY",
    "OPERATORS",
    "VERSION",
    "AnyField",
    "CompanyField",
    "GroupField",
    "InvalidCondition",
    "Tree",
    "asks_about_company",
    "asks_about_days",
    "choices_of",
    "compile_condition",
    "fields_asked",
    "from_json",
    "groups_asked",
    "known_fields",
    "may_be_asked",
    "operators_of",
    "parse",
    "place",
    "sentence",
    "takes",
    "words",
]
