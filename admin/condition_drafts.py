"""A condition while staff edit it: rules and blocks of which some are not finished, or wrong.

The page's form holds it flat: a ``part`` for each rule and block in the order of the page, ``end``
where a block ends, and what is said of a part under its id (``p3.field``). So moving a part is
moving its fields, and the page's script does to its fields what ``condition_edits`` does without
one.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from idp.directory import conditions
from idp.directory.conditions import AnyField, InvalidCondition, Tree

ROOT = "p0"
MOST_PARTS = 400
LONGEST_FIELD = 300
LONGEST_LINES = conditions.MOST_VALUES * 300
_ID = re.compile(r"p[0-9]{1,6}", re.ASCII)
# What a rule is asked for before it can be counted with.
UNFINISHED = {
    "field": "Pick what to look at.",
    "value": "Say which value.",
    "block": "Nothing is in this block yet: add a rule, or remove the block.",
}


class Malformed(ValueError):
    """A form that no page of ours sends."""


@dataclasses.dataclass
class Rule:
    """A rule as it was typed: ``field`` by label or key, ``values`` as texts.

    ``problem`` says what is wrong with it; ``unfinished`` that something is still to be said, which
    is no fault as long as it is being edited.
    """

    id: str
    field: str = ""
    op: str = ""
    values: list[str] = dataclasses.field(default_factory=list)
    problem: str = ""
    unfinished: bool = False


@dataclasses.dataclass
class Block:
    """A block with its parts; the outermost has the id ``ROOT``."""

    id: str
    kind: str = "all"
    parts: "list[Rule | Block]" = dataclasses.field(default_factory=list)
    problem: str = ""
    unfinished: bool = False


Part = Rule | Block


def walk(block: Block, path: tuple[int, ...] = ()) -> Iterator[tuple[Part, Block, tuple[int, ...]]]:
    """Every part below a block with the block that it stands in and its place, in order."""
    for number, part in enumerate(block.parts, 1):
        here = (*path, number)
        yield part, block, here
        if isinstance(part, Block):
            yield from walk(part, here)


def of_tree(tree: Tree) -> Block:
    """The draft of a condition that is stored."""
    number = 0

    def made(part: Tree) -> Part:
        nonlocal number
        number += 1
        name = f"p{number}"
        if "field" in part:
            return Rule(name, part["field"], part["op"], _texts(part.get("value")))
        kind, parts = _block(part)
        return Block(name, kind, [made(inner) for inner in parts])

    kind, parts = _block(tree)
    # Whom no rule selects: the first rule that is added is one that must be met.
    return Block(ROOT, kind if parts else "all", [made(part) for part in parts])


def of_form(form: MultiDict[str, str]) -> Block:
    """The draft that a page's form holds. Raises ``Malformed``."""
    tokens = form.getlist("part")
    if len(tokens) > MOST_PARTS:
        raise Malformed("too many parts")
    root = Block(ROOT, _kind(form, ROOT))
    open_blocks, seen = [root], {ROOT}
    for token in tokens:
        if token == "end":  # noqa: S105 (the end of a block)
            open_blocks.pop()
            if not open_blocks:
                raise Malformed("more ends than blocks")
            continue
        what, _, name = token.partition(":")
        if not _ID.fullmatch(name) or name in seen:
            raise Malformed("an id twice, or none")
        seen.add(name)
        if what == "rule":
            open_blocks[-1].parts.append(_rule(form, name))
        elif what == "block" and len(open_blocks) < conditions.DEEPEST:
            block = Block(name, _kind(form, name))
            open_blocks[-1].parts.append(block)
            open_blocks.append(block)
        else:
            raise Malformed("neither rule nor block, or too deep")
    if len(open_blocks) != 1:
        raise Malformed("a block without its end")
    return root


def rule_of_form(form: MultiDict[str, str], name: str) -> Rule:
    """One rule of a page's form, by its id. Raises ``Malformed``."""
    if not _ID.fullmatch(name):
        raise Malformed("no id")
    return _rule(form, name)


def checked(root: Block, known: Mapping[str, AnyField]) -> Tree | None:
    """The condition that a draft stands for; ``None`` where something is wrong or unfinished, which
    is then said at each part. Raises ``InvalidCondition`` for what is wrong with the whole."""
    fine = True
    for part, _, _ in walk(root):
        if isinstance(part, Block):
            if not part.parts:
                part.problem, part.unfinished = UNFINISHED["block"], True
        else:
            _check(part, known)
        fine = fine and not part.problem
    if not fine:
        return None
    if not root.parts:
        return conditions.NOBODY
    return conditions.parse(_tree(root, known), known)


def named(text: str, known: Mapping[str, AnyField]) -> AnyField | None:
    """The field that a text names: by its key, its label, or both as ``written`` gives it."""
    text = text.strip()
    if text in known:
        return known[text]
    folded = text.casefold()
    found = [one for one in known.values() if one.label.casefold() == folded]
    if len(found) == 1:
        return found[0]
    if text.endswith(")") and "(" in text:
        return known.get(text[text.rindex("(") + 1 : -1])
    return found[0] if found else None


def written(field: AnyField, known: Mapping[str, AnyField]) -> str:
    """A field as the form holds it: its label, with the key where others have that label too."""
    folded = field.label.casefold()
    alike = sum(1 for one in known.values() if one.label.casefold() == folded)
    return field.label if alike == 1 else f"{field.label} ({field.key})"


def fitting(rule: Rule, field: AnyField) -> str:
    """The operator of a rule, or the first that fits its field."""
    operators = conditions.operators_of(field)
    return rule.op if rule.op in operators else operators[0]


def _check(rule: Rule, known: Mapping[str, AnyField]) -> None:
    field = named(rule.field, known)
    if field is None:
        rule.unfinished = not rule.field
        rule.problem = (
            f"There is no field “{rule.field[:80]}”: pick one from the list, or remove this rule."
            if rule.field
            else UNFINISHED["field"]
        )
        return
    rule.op = rule.op or fitting(rule, field)  # a field that has just been picked
    if rule.op not in conditions.operators_of(field):
        rule.problem = f"{field.label}: choose again how to compare, and with what."
        return
    if field.kind == "group":
        rule.values = _as_keys(field, rule.values)
    if conditions.takes(rule.op) != "nothing" and not rule.values:
        rule.problem, rule.unfinished = UNFINISHED["value"], True
        return
    try:
        conditions.parse(_as_part(rule, field), known)
    except InvalidCondition as error:
        rule.problem = str(error)


def _as_keys(field: AnyField, texts: list[str]) -> list[str]:
    """The keys of groups that were picked by name; any other text as it is, for the check of the
    rule to say. Nothing is asked of the database for each."""
    names = conditions.choices_of(field)
    of_name: dict[str, list[str]] = {}
    for key, name in names.items():
        of_name.setdefault(name.lower(), []).append(key)

    def key_of(text: str) -> str:
        if text in names:
            return text
        alike = of_name.get(text.lower(), [])
        if alike:
            return alike[0] if len(alike) == 1 else text
        # As it is offered where several have that name.
        inner = text[text.rindex("(") + 1 : -1] if text.endswith(")") and "(" in text else ""
        return inner if inner in names else text

    return [key_of(text) for text in texts]


def _tree(root: Block, known: Mapping[str, AnyField]) -> Tree:
    def part(one: Part) -> Tree:
        if isinstance(one, Block):
            return {one.kind: [part(inner) for inner in one.parts]}
        found = named(one.field, known)
        assert found is not None  # noqa: S101 (each rule was checked)
        return _as_part(one, found)

    return part(root)


def _as_part(rule: Rule, field: AnyField) -> Tree:
    said: Tree = {"field": field.key, "op": rule.op}
    match conditions.takes(rule.op):
        case "nothing":
            return said
        case "several" | "two":
            return said | {"value": rule.values}
        case _:
            return said | {"value": rule.values[0]}


def _rule(form: MultiDict[str, str], name: str) -> Rule:
    values = [
        line
        for text in form.getlist(f"{name}.value")[: conditions.MOST_VALUES + 1]
        # Carriage returns come with the lines of a text area; NUL is kept by no database.
        for line in text[:LONGEST_LINES].replace("\x00", "").splitlines()
        if line.strip()
    ]
    return Rule(
        name,
        form.get(f"{name}.field", "")[:LONGEST_FIELD].replace("\x00", "").strip(),
        form.get(f"{name}.op", "")[:20],
        [value.strip() for value in values],
    )


def _kind(form: MultiDict[str, str], name: str) -> str:
    kind = form.get(f"{name}.kind", "all")
    if kind not in conditions.BLOCKS:
        raise Malformed("no kind of block")
    return kind


def _block(tree: Tree) -> tuple[str, list[Tree]]:
    kind = next(name for name in conditions.BLOCKS if name in tree)
    return kind, tree[kind]


def _texts(value: Any) -> list[str]:
    match value:
        case None:
            return []
        case bool():
            return ["yes" if value else "no"]
        case list():
            return [str(one) for one in value]
        case _:
            return [str(value)]
