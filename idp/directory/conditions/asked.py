"""What a condition asks about, for those who keep memberships current or want to delete what it
names."""

from idp.directory.conditions.known import COMPANY_PREFIX, GROUP_KEYS
from idp.directory.conditions.operators import takes
from idp.directory.conditions.tree import Tree, rules_of


def asks_about_days(tree: Tree) -> bool:
    """Whether who meets the condition changes with the day, though nobody touches anything."""
    return any(takes(rule["op"]) == "days" for rule in rules_of(tree))


def asks_about_company(tree: Tree) -> bool:
    """Whether who meets the condition changes with the companies that people work for."""
    return any(rule["field"].startswith(COMPANY_PREFIX) for rule in rules_of(tree))


def groups_asked(tree: Tree) -> set[str]:
    """The keys of the groups whose members the condition asks about."""
    found: set[str] = set()
    for rule in rules_of(tree):
        if rule["field"] in GROUP_KEYS and "value" in rule:
            found |= _as_keys(rule["value"])
    return found


def fields_asked(tree: Tree) -> set[str]:
    """The keys of the built-in and custom fields that the condition names, the person's or their
    company's."""
    return {
        rule["field"].removeprefix(COMPANY_PREFIX)
        for rule in rules_of(tree)
        if rule["field"] not in GROUP_KEYS
    }


def _as_keys(value: object) -> set[str]:
    return {str(one) for one in (value if isinstance(value, list) else [value])}
