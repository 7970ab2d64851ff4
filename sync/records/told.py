"""What Higher Logic was told last of the groups of a contact: what the removal guard compares with.

It is one JSON object in the contact's row of the ledger: ``{group key: [[role, begin, end], …]}``,
days as ISO 8601. Not rows of a table: it is written by the very statement that writes what was
accepted, and read by the one that claims, so that a push costs no statement more. Groups go by
key, as Higher Logic knows them: ids of deleted groups come again.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine.interfaces import Dialect

from sync.records.entries import GroupEntry

Told = dict[str, list[list[str | None]]]


def of(groups: Iterable[GroupEntry]) -> Told:
    """What to keep of the groups of a record that was accepted."""
    kept: Told = {}
    for entry in groups:
        end = entry.end_on.isoformat() if entry.end_on is not None else None
        kept.setdefault(entry.key, []).append([entry.role, entry.begin_on.isoformat(), end])
    return kept


def entries(told: Told, group: Any) -> list[GroupEntry]:
    """What was told of one group, as an entry of a record; name and type are ``group``'s now."""
    return [
        GroupEntry(
            key=group.key,
            name=group.name,
            type=group.type,
            community_type=group.community_type,
            begin_on=dt.date.fromisoformat(begin or ""),
            role=role or "",
            end_on=dt.date.fromisoformat(end) if end is not None else None,
        )
        for role, begin, end in told[group.key]
    ]


def names(column: ColumnElement[Any], group_key: str, dialect: Dialect) -> ColumnElement[bool]:
    """Whether a column of what was told has a group, as SQL."""
    if dialect.name == "postgresql":
        has: ColumnElement[bool] = func.jsonb_exists(column, group_key)
        return has
    each = func.json_each(column).table_valued("key")
    return select(each.c.key).where(each.c.key == group_key).exists()
