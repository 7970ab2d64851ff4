"""The condition editor: conditions without JSON, and what a condition would do before it does.

The page holds the condition as JSON in a text area; a script puts rules with pickers in its
place, made from what ``description`` says of the fields. A tree with blocks inside of blocks
stays JSON: the simple editor could not show it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select

from idp.database import db
from idp.directory import conditions, membership
from idp.directory.accounts import Account
from idp.directory.builtin import BUILT_IN
from idp.directory.contacts import Contact
from idp.directory.fields import KIND_NAMES, CustomField
from idp.directory.groups import Group
from sync import scope, status

# Built-in fields whose few values are worth picking from; e-mail addresses are not.
PICKED = ("member_status", "member_type", "designation", "city", "state", "country")
MOST_PICKED = 50
NOUNS = {
    "people": ("person", "people"),
    "companies": ("company", "companies"),
    "both": ("contact", "contacts"),
}
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
            .where(column != "")
            .group_by(column)
            .order_by(func.count().desc(), column)
            .limit(MOST_PICKED)
        )
    )


@dataclass(frozen=True)
class Preview:
    """What a condition would do: whom it selects, and for a group that is there, who comes and
    goes. ``left_out`` counts by the reasons of ``sync.status``."""

    sentence: str
    selects: str
    matching: int
    syncing: int
    left_out: dict[str, int]
    joining: int = 0
    leaving: int = 0

    @property
    def outcome(self) -> str:
        """“1,813 people match; 1,414 of them will sync; 399 left out: no account (280), …”"""
        if not self.matching:
            return "Nobody matches"
        one, many = NOUNS[self.selects]
        words = f"1 {one} matches" if self.matching == 1 else f"{self.matching:,} {many} match"
        words += f"; {self.syncing:,} of them will sync"
        out = sum(self.left_out.values())
        if out:
            reasons = ", ".join(
                f"{status.REASONS[reason].lower()} ({number:,})"
                for reason, number in self.left_out.items()
                if number
            )
            words += f"; {out:,} left out: {reasons}"
        return words

    @property
    def movement(self) -> str:
        """“12 join, 3 leave” for a group that is there; empty when nobody does."""
        if not (self.joining or self.leaving):
            return ""
        return f"When you save: {self.joining:,} join, {self.leaving:,} leave"

    def as_json(self) -> dict[str, Any]:
        """For the script."""
        return {"sentence": self.sentence, "outcome": self.outcome, "movement": self.movement}


def preview(tree: conditions.Tree, selects: str, group: Group | None = None) -> Preview:
    """What a checked condition would do. Reads only, in a fixed number of statements."""
    known = conditions.known_fields()
    matching = membership.matching(tree, selects)
    contact, account = scope.contacts("previewed"), Account.__table__.alias("theirs")
    reason = case(
        (~contact.c.active, "inactive"),
        (contact.c.kind == "company", ""),
        (account.c.id.is_(None), "no_account"),
        (account.c.deactivated_at.is_not(None), "account_deactivated"),
        else_="",
    ).label("reason")
    counted = {
        row.reason: row.number
        for row in db.session.execute(
            select(reason, func.count().label("number"))
            .select_from(contact)
            .outerjoin(account, account.c.person_id == contact.c.id)
            .where(contact.c.id.in_(matching))
            .group_by(reason)
        )
    }
    joining, leaving = _movement(matching, group) if group is not None else (0, 0)
    return Preview(
        sentence=conditions.sentence(tree, known),
        selects=selects,
        matching=sum(counted.values()),
        syncing=counted.get("", 0),
        left_out={name: counted.get(name, 0) for name in status.REASONS},
        joining=joining,
        leaving=leaving,
    )


def _movement(matching: Any, group: Group) -> tuple[int, int]:
    there = membership.contact_ids_of(group.id)
    contact, gone = scope.contacts("joining"), membership.Membership.__table__.alias("leaving")
    row = db.session.execute(
        select(
            select(func.count())
            .select_from(contact)
            .where(contact.c.id.in_(matching), contact.c.id.not_in(there))
            .scalar_subquery(),
            select(func.count())
            .select_from(gone)
            .where(
                gone.c.group_id == group.id,
                gone.c.origin == "rule",
                gone.c.contact_id.not_in(matching),
            )
            .scalar_subquery(),
        )
    ).one()
    return row[0], row[1]
