"""A condition in words."""

from collections.abc import Mapping
from typing import Any

from idp.directory.conditions.known import AnyField, known_fields
from idp.directory.conditions.operators import WORDS
from idp.directory.conditions.tree import BLOCKS, Tree
from idp.directory.fields import CustomField


def sentence(tree: Tree, known: Mapping[str, AnyField] | None = None) -> str:
    """The condition in words: “Member status is Current and Volunteer is yes”."""
    known = known_fields() if known is None else known

    def words(part: Tree, outermost: bool) -> str:
        if "field" in part:
            return _rule_in_words(part, known)
        kind = next(name for name in BLOCKS if name in part)
        parts = [words(inner, False) for inner in part[kind]]
        if kind == "none":
            return f"not ({' or '.join(parts)})"
        joined = (" and " if kind == "all" else " or ").join(parts)
        return joined if outermost or len(parts) == 1 else f"({joined})"

    text = words({name: tree[name] for name in BLOCKS if name in tree}, True)
    return text[:1].upper() + text[1:]


def _rule_in_words(rule: Tree, known: Mapping[str, AnyField]) -> str:
    field = known.get(rule["field"])
    label = field.label if field is not None else rule["field"]
    if "value" not in rule:
        return f"{label} {WORDS[rule['op']]}"
    values = rule["value"] if isinstance(rule["value"], list) else [rule["value"]]
    return f"{label} {WORDS[rule['op']]} {' or '.join(_shown(field, value) for value in values)}"


def _shown(field: AnyField | None, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, CustomField) and field.kind in {"one_of", "several_of"}:
        choice = field.choice(str(value))
        return choice.label if choice is not None else str(value)
    return str(value)
