"""The audit as a table to export, the oldest event first."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, true

from idp import exporting
from idp.audit.writing import AuditEvent
from idp.exporting import Cells, Table

# What the events of a chunk are in words: what happened, what changed.
Words = Callable[[Sequence[Any]], Sequence[tuple[str, str]]]
_NAMES = "at name actor actor_key subject also_about detail address".split()
_HEADER = ["At (UTC)", "Event", "Who", "Who’s key", "About", "Also about", "Detail", "Address"]


def events(found: ColumnElement[bool] | None = None, words: Words | None = None) -> Table:
    """Every event, or those that a search finds; the detail as it is kept, and beside it what
    ``words`` makes of it."""
    event = AuditEvent.__table__.c
    query = select(*(event[name] for name in _NAMES)).where(true() if found is None else found)
    header = [*_HEADER, *(["What happened", "What changed"] if words else [])]

    def make(rows: Sequence[Any]) -> Iterator[Cells]:
        said = words(rows) if words else [()] * len(rows)
        for row, more in zip(rows, said, strict=True):
            detail = (
                json.dumps(row.detail, ensure_ascii=False, sort_keys=True) if row.detail else ""
            )
            told = [row.at, row.name, row.actor, row.actor_key, row.subject, row.also_about]
            yield [*told, detail, row.address, *more]

    return exporting.table("audit", header, query, event.id, make)
