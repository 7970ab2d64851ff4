"""The condition editor: what it shows of each rule and block, and what can be picked there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask import url_for
from sqlalchemy import func, select

from admin import condition_drafts as drafts
from admin.condition_drafts import Block, Part, Rule
from idp.database import db
from idp.directory import conditions
from idp.directory.builtin import BUILT_IN
from idp.directory.conditions import AnyField
from idp.directory.conditions.known import COMPANY_PREFIX
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.folding import fold, folded

# Built-in fields whose few values are worth picking from; e-mail addresses are not.
PICKED = ("member_status", "member_type", "designation", "city", "state", "country")
MOST_PICKED = 50
START: conditions.Tree = {
    "version": 1,
    "all": [{"field": "member_status", "op": "is", "value": "Current"}],
}
DAYS = "30"
# The script puts an id in its place.
BLANK = "pNEW"

Picker = Literal[
    "none", "text", "lines", "two", "days", "yes_no", "choice", "choices", "group", "groups"
]


@dataclass(frozen=True)
class Offered:
    """A field as the list of fields has it."""

    value: str
    section: str


@dataclass(frozen=True)
class ShownRule:
    """A rule as the page shows it.

    ``place`` is “rule 2 of block 1”. ``picker`` is how its value is picked, ``kind`` the field's
    kind, ``suggestions`` where what is typed there is looked up. ``problem`` is empty
    as long as nothing is to be said.
    """

    id: str
    place: str
    field: str
    operators: list[tuple[str, str]]
    op: str
    picker: Picker
    values: list[str]
    choices: list[tuple[str, str]]
    kind: str
    suggestions: str
    problem: str
    is_block: bool = False


@dataclass(frozen=True)
class ShownBlock:
    """A block as the page shows it; ``deepest`` has room for rules only."""

    id: str
    place: str
    kind: str
    parts: "list[ShownRule | ShownBlock]"
    deepest: bool
    problem: str
    is_block: bool = True


class Editor:
    """The page's editor of a draft.

    ``known`` has the fields; ``strict`` says what is unfinished as well as what is wrong.
    """

    deepest = conditions.DEEPEST

    def __init__(
        self, known: Mapping[str, AnyField], group: Group | None = None, *, strict: bool = False
    ) -> None:
        self.known = known
        self.strict = strict
        self._own_key = group.key if group is not None else None

    def fields(self) -> list[Offered]:
        """Every field that can be asked about, for the one list that all rules pick from."""
        return [
            Offered(drafts.written(field, self.known), _section(field))
            for field in self.known.values()
            if conditions.may_be_asked(field)
        ]

    def blank_rule(self) -> ShownRule:
        """A rule for the script to make others of."""
        return self.rule(Rule(BLANK))

    def blank_block(self) -> ShownBlock:
        """A block for the script to make others of."""
        return ShownBlock(BLANK, "block", "any", [], False, "")

    def shown(self, root: Block) -> ShownBlock:
        """The whole of a draft."""
        return self._block(root, ())

    def rule(self, rule: Rule, path: tuple[int, ...] = ()) -> ShownRule:
        """One rule, with the picker that fits its field and operator."""
        place = conditions.place(path, "rule") or "rule"
        problem = "" if rule.unfinished and not self.strict else rule.problem
        field = drafts.named(rule.field, self.known)
        if field is None:
            return ShownRule(
                *(rule.id, place, rule.field, [], rule.op, "none", rule.values, [], "", "", problem)
            )
        op = drafts.fitting(rule, field)
        picker = _picker(field, op)
        return ShownRule(
            id=rule.id,
            place=place,
            field=drafts.written(field, self.known),
            operators=[
                (one, conditions.words(one, field.kind)) for one in conditions.operators_of(field)
            ],
            op=op,
            picker=picker,
            values=self._values(field, picker, rule.values),
            choices=self._choices(field, picker, rule.values),
            kind=field.kind,
            suggestions=self._suggestions(field),
            problem=problem,
        )

    def _block(self, block: Block, path: tuple[int, ...]) -> ShownBlock:
        return ShownBlock(
            block.id,
            conditions.place(path, "block"),
            block.kind,
            [self._part(part, (*path, number)) for number, part in enumerate(block.parts, 1)],
            len(path) + 1 >= conditions.DEEPEST,
            "" if block.unfinished and not self.strict else block.problem,
        )

    def _part(self, part: Part, path: tuple[int, ...]) -> ShownRule | ShownBlock:
        return self._block(part, path) if isinstance(part, Block) else self.rule(part, path)

    def _values(self, field: AnyField, picker: Picker, given: list[str]) -> list[str]:
        match picker:
            case "none":
                return []
            case "days":
                whole = [value for value in given[:1] if value.isascii() and value.isdigit()]
                return whole or [DAYS]
            case "two":
                return [*given[:2], "", ""][:2]
            case "lines" | "groups" | "choices":
                return given
            case "group":
                named = dict(self._groups(field, given[:1]))
                return [named.get(value, value) for value in given[:1]]
            case _:
                return given[:1]

    def _choices(self, field: AnyField, picker: Picker, given: list[str]) -> list[tuple[str, str]]:
        match picker:
            case "yes_no":
                return [("yes", "yes"), ("no", "no")]
            case "choice" | "choices":
                return list(conditions.choices_of(field).items())
            case "groups":
                return list(self._groups(field, given))
            case _:
                return []

    def _suggestions(self, field: AnyField) -> str:
        if field.kind == "group":
            return url_for("panel_groups.search", but=self._own_key)
        return url_for("panel_groups.values", field=field.key) if _picked(field.key) else ""

    def _groups(self, field: AnyField, keys: list[str]) -> Iterator[tuple[str, str]]:
        """Groups that are picked already, as ``groups_by_name`` writes them; others are left out:
        what was typed and is no group is said with the rule."""
        names = conditions.choices_of(field)
        every = [name.casefold() for name in names.values()]
        for key in dict.fromkeys(keys):
            name = names.get(key)
            if name is None:
                yield key, key
            else:
                alone = every.count(name.casefold()) == 1
                yield key, name if alone else f"{name} ({key})"


def carried(root: Block) -> list[tuple[str, str]]:
    """A draft as the fields of a form, for a page that carries it along unseen."""
    rows: list[tuple[str, str]] = [(f"{root.id}.kind", root.kind)]

    def add(part: Part) -> None:
        if isinstance(part, Block):
            rows.extend([("part", f"block:{part.id}"), (f"{part.id}.kind", part.kind)])
            for inner in part.parts:
                add(inner)
            rows.append(("part", "end"))
        else:
            rows.append(("part", f"rule:{part.id}"))
            rows.extend([(f"{part.id}.field", part.field), (f"{part.id}.op", part.op)])
            rows.extend((f"{part.id}.value", value) for value in part.values)

    for part in root.parts:
        add(part)
    return rows


def _section(field: AnyField) -> str:
    match field:
        case conditions.CompanyField():
            return "The person’s company"
        case conditions.GroupField():
            return "Groups"
        case _ if field.key in BUILT_IN:
            return "Built in"
        case _:
            return "Custom fields"


def _picker(field: AnyField, op: str) -> Picker:
    takes = conditions.takes(op)
    if takes in {"nothing", "two", "days"}:
        pickers: dict[str, Picker] = {"nothing": "none", "two": "two", "days": "days"}
        return pickers[takes]
    several = takes == "several"
    if field.kind == "group":
        return "groups" if several else "group"
    if conditions.choices_of(field):
        return "choices" if several else "choice"
    if field.kind == "yes_no":
        return "yes_no"
    return "lines" if several else "text"


def _picked(key: str) -> bool:
    return key.removeprefix(COMPANY_PREFIX) in PICKED


def values_of(key: str, text: str = "") -> list[str]:
    """The most frequent values of a field that is worth picking from, those that hold a text; none
    for any other field."""
    if not _picked(key):
        return []
    column: Any = BUILT_IN[key.removeprefix(COMPANY_PREFIX)].expression
    query = (
        select(column)
        .select_from(Contact.__table__)
        .where(column != "", Contact.__table__.c.merged_into_id.is_(None))
        .group_by(column)
        .order_by(func.count().desc(), column)
        .limit(MOST_PICKED)
    )
    if text:
        query = query.where(folded(column).contains(fold(text), autoescape=True))
    return list(db.session.scalars(query))
