"""The condition editor: conditions without JSON.

The page holds the condition as JSON in a text area; a script puts rules with pickers in its
place, made from what ``description`` says of the fields. A tree with blocks inside of blocks
stays JSON: the simple editor could not show it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from idp.database import db
from idp.directory import conditions
from idp.directory.builtin import BUILT_IN
from idp.directory.contacts import Contact
from idp.directory.fields import KIND_NAMES, CustomField
from idp.directory.groups import Group

# Built-in fields whose few values are worth picking from; e-mail addresses are not.
PICKED = ("member_status", "member_type", "designation", "city", "state", "country")
MOST_PICKED = 50
START: conditions.Tree = {
    "version": 1,
    "all": [{"field": "member_status", "op": "is", "value": "Current"}],
}


def description(custom: Iterable[CustomField], group: Group | None = None) -> list[dict[str, Any]]:
    """Each field with its operators and choices, for the script and for who writes JSON.

    ``group`` is the one that is edited: it cannot ask about itself.
    """
    own_key = group.key if group is not None else None
    return [
        {
            "key": field.key,
            "label": field.label,
            "kind": field.kind,
            "section": _section(field),
            "picked": field.key in PICKED,
            "operators": [
                {
                    "op": op,
                    "words": conditions.words(op, field.kind),
                    "takes": conditions.takes(op),
                }
                for op in conditions.operators_of(field)
            ],
            "choices": [
                {"value": key, "label": label}
                for key, label in conditions.choices_of(field).items()
                if field.kind != "group" or key != own_key
            ],
        }
        for field in conditions.known_fields(custom).values()
        if conditions.may_be_asked(field)
    ]


def _section(field: conditions.AnyField) -> str:
    match field:
        case conditions.CompanyField():
            return "The person’s company"
        case conditions.GroupField():
            return "Groups"
        case CustomField():
            return "Custom fields"
        case _:
            return "Built in"


@dataclass(frozen=True)
class Reference:
    """What a rule about fields of one kind is written with, for who writes JSON."""

    kind: str
    fields: list[tuple[str, str]]
    operators: list[tuple[str, str]]


def reference(described: Iterable[dict[str, Any]]) -> list[Reference]:
    """What ``description`` says, by kind: keys with labels, operators with words.

    Without the fields of the person's company, whose keys are those of companies' own.
    """
    names = {**KIND_NAMES, "group": "Group"}
    found: dict[tuple[str, int], Reference] = {}
    for field in described:
        if field["key"].startswith("company."):
            continue
        operators = [(one["op"], one["words"]) for one in field["operators"]]
        # Built-in yes-or-no fields are never empty, and have fewer operators than custom ones.
        row = found.setdefault(
            (field["kind"], len(operators)), Reference(names[field["kind"]], [], operators)
        )
        row.fields.append((field["key"], field["label"]))
    return list(found.values())


def values_of(key: str) -> list[str]:
    """The most frequent values of a field that is worth picking from; none for any other."""
    if key not in PICKED:
        return []
    column = BUILT_IN[key].expression
    return list(
        db.session.scalars(
            select(column)
            .select_from(Contact.__table__)
            .where(column != "", Contact.__table__.c.merged_into_id.is_(None))
            .group_by(column)
            .order_by(func.count().desc(), column)
            .limit(MOST_PICKED)
        )
    )
