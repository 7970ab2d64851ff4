"""The audit as a table to export, the oldest event first."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, true

from idp import exporting
from idp.audit import AuditEvent
from idp.exporting import Cells, Table


def events(found: ColumnElement[bool] | None = None) -> Table:
    """Every event, or those that a search finds; the detail as it is kept."""
    event = AuditEvent.__table__.c
    names = "at name actor subject detail address".split()
    query = select(*(event[name] for name in names)).where(true() if found is None else found)
    header = ["At (UTC)", "Event", "Who", "About", "Detail", "Network address"]
    return exporting.table("audit", header, query, event.id, _cells)


def _cells(rows: Sequence[Any]) -> Iterator[Cells]:
    for row in rows:
        detail = json.dumps(row.detail, ensure_ascii=False, sort_keys=True) if row.detail else ""
        yield [row.at, row.name, row.actor, row.subject, detail, row.address]
