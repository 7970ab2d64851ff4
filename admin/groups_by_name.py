"""Groups as staff pick them: by a part of the name, and found again by what was typed."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from idp.database import db
from idp.directory import groups
from idp.directory.contacts import InvalidValue
from idp.directory.groups import Group
from idp.directory.searching import matches
from idp.folding import folded, given

MOST_FOUND = 12


def offered(text: str, *, but: str = "") -> list[str]:
    """A few groups whose name holds a text, as ``find`` takes them; ``but`` is the key of one that
    is left out."""
    if not text:
        return []
    found = db.session.scalars(
        select(Group)
        .where(matches(text, Group.__table__.c.name), Group.key != but)
        .order_by(Group.name, Group.id)
        .limit(MOST_FOUND)
    ).all()
    names = [group.name.casefold() for group in found]
    return [
        group.name if names.count(group.name.casefold()) == 1 else f"{group.name} ({group.key})"
        for group in found
    ]


def find(field: str, text: str) -> Group:
    """The group that a text names: by its name, or by name and key as ``offered`` gives it.

    Raises ``InvalidValue`` when there is none, or more than one.
    """
    text = text.strip()
    found = db.session.scalars(
        select(Group).where(folded(Group.__table__.c.name) == given(text)).limit(2)
    ).all()
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        raise InvalidValue(
            field, "several_groups", "Several groups have this name: pick one from the list."
        )
    if text.endswith(")") and "(" in text:
        by_key = groups.find(text[text.rindex("(") + 1 : -1])
        if by_key is not None:
            return by_key
    raise InvalidValue(field, "unknown_group", f"There is no group “{text[:80]}”.")


def of_keys(keys: Collection[str]) -> Sequence[Group]:
    """The groups with these keys, by name."""
    if not keys:
        return []
    return db.session.scalars(
        select(Group).where(Group.key.in_(keys)).order_by(Group.name, Group.id)
    ).all()
