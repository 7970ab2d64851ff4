"""The tree itself: checked, and written in its one normal form."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from idp.directory import fields
from idp.directory.conditions.errors import InvalidCondition, place
from idp.directory.conditions.known import AnyField, known_fields, may_be_asked, operators_of
from idp.directory.conditions.operators import takes
from idp.directory.conditions.values import checked_value

VERSION = 1
BLOCKS = ("all", "any", "none")
DEEPEST = 5
MOST_RULES = 100
LONGEST_JSON = 50_000

Tree = dict[str, Any]
Path = tuple[int, ...]

# Whom nobody's rule selects: the members of such a group are added by hand.
NOBODY: Tree = {"version": VERSION, "any": []}


def from_json(text: str, known: Mapping[str, AnyField] | None = None) -> Tree:
    """``parse`` for a text. Raises ``InvalidCondition``."""
    if len(text) > LONGEST_JSON:
        raise InvalidCondition("The condition is too long.")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):  # also a number of more digits than Python reads
        raise InvalidCondition("The condition is not JSON.") from None
    return parse(given, known)


def parse(given: object, known: Mapping[str, AnyField] | None = None) -> Tree:
    """Check a tree and give it back in its normal form.

    Fields may be named by key or by label, choices and groups likewise; a single rule stands for
    a block of one. Raises ``InvalidCondition``.
    """
    known = known_fields() if known is None else known
    count = 0

    def block_or_rule(part: object, path: Path) -> Tree:
        nonlocal count
        if not isinstance(part, dict):
            raise InvalidCondition(
                "Each part of a condition is a JSON object.", place(path, "part")
            )
        if any(name in part for name in BLOCKS):
            return block(part, path)
        count += 1
        _bound(count)
        checked = rule(part, path)
        if checked["op"] == "all_of":
            # Each of its values is a question of its own to the database.
            count += len(set(checked["value"])) - 1
            _bound(count)
        return checked

    def rule(part: dict[str, Any], path: Path) -> Tree:
        where = place(path, "rule")
        checked = checked_rule(part, known, where)
        field = known[checked["field"]]
        if not may_be_asked(field):
            raise InvalidCondition(f"{field.label}: only people have this field.", where)
        return checked

    def block(part: dict[str, Any], path: Path) -> Tree:
        where = place(path, "block")
        kind = next(name for name in BLOCKS if name in part)
        if set(part) - {kind} - (set() if path else {"version"}):
            raise InvalidCondition(
                f"A block has one of {', '.join(BLOCKS)} and nothing else.", where
            )
        if len(path) >= DEEPEST:
            raise InvalidCondition(f"Blocks go at most {DEEPEST} deep.", where)
        parts = part[kind]
        if kind == "any" and parts == [] and not path:
            return {kind: []}
        if not isinstance(parts, list) or not parts:
            raise InvalidCondition(f"“{kind}” needs a list of at least one rule.", where)
        return {
            kind: [block_or_rule(inner, (*path, number)) for number, inner in enumerate(parts, 1)]
        }

    if isinstance(given, dict) and given.get("version", VERSION) != VERSION:
        raise InvalidCondition(f"The condition's version is not {VERSION}.")
    if isinstance(given, dict) and not set(BLOCKS) & set(given):
        alone = {name: part for name, part in given.items() if name != "version"}
        return {"version": VERSION, "all": [rule(alone, ())]}
    return {"version": VERSION, **block_or_rule(given, ())}


def _bound(count: int) -> None:
    if count > MOST_RULES:
        raise InvalidCondition(
            f"A condition has at most {MOST_RULES} rules, each value of “contains all of” counted."
        )


def checked_rule(part: dict[str, Any], known: Mapping[str, AnyField], where: str = "") -> Tree:
    """A rule in its normal form. Raises ``InvalidCondition``, which says where it stands."""
    try:
        return _checked(part, known)
    except InvalidCondition as error:
        raise InvalidCondition(str(error), where) from None


def _checked(part: dict[str, Any], known: Mapping[str, AnyField]) -> Tree:
    if not {"field", "op"} <= set(part) <= {"field", "op", "value"}:
        raise InvalidCondition("A rule has a “field”, an “op” and a “value”.")
    field = _field(part["field"], known)
    op = part["op"]
    if op not in operators_of(field):
        raise InvalidCondition(
            f"{field.label}: the operator is one of {', '.join(operators_of(field))}, "
            f"not {_quoted(op)}."
        )
    if takes(op) == "nothing":
        return {"field": field.key, "op": op}
    if "value" not in part:
        raise InvalidCondition(f"{field.label}: the value is missing.")
    return {"field": field.key, "op": op, "value": checked_value(field, op, part["value"])}


def _field(given: object, known: Mapping[str, AnyField]) -> AnyField:
    if not isinstance(given, str):
        raise InvalidCondition("“field” is a text: a field's key or its name.")
    found = known.get(given)
    if found is None:
        folded, key = given.strip().casefold(), fields.slug(given)
        found = next(
            (one for one in known.values() if one.label.casefold() == folded or one.key == key),
            None,
        )
    if found is None:
        raise InvalidCondition(f"There is no field {_quoted(given)}.")
    return found


def _quoted(given: object) -> str:
    # As Python writes it: what a file holds must neither break the line nor half a character.
    return repr(given[:80]) if isinstance(given, str) else "something else than a text"


def rules_of(part: Tree) -> Iterator[Tree]:
    """Every rule of a checked tree, in its order."""
    if "field" in part:
        yield part
        return
    for name in BLOCKS:
        for inner in part.get(name, ()):
            yield from rules_of(inner)
