"""The imports there were."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from idp import exporting
from idp.directory.import_runs import ImportRun
from idp.exporting import Cells, Table

_COUNTED = {
    "created": "New",
    "updated": "Changed",
    "unchanged": "Unchanged",
    "refused": "Not taken",
}


def imports() -> Table:
    """Every import, with what it did so far; the files themselves are gone when it is over."""
    run = ImportRun.__table__.c
    query = select(
        *(run[name] for name in "id file_name kind asked_by state created_at finished_at".split()),
        run.counts,
    ).where(run.digest != "")

    def make(rows: Sequence[Any]) -> Iterator[Cells]:
        for row in rows:
            counts = row.counts or {}
            yield [
                *(row.file_name, row.kind, row.asked_by, row.state),
                *(row.created_at, row.finished_at),
                *(counts.get(name) for name in _COUNTED),
            ]

    header = ["File", "What", "Asked for by", "State", "Begun", "Over", *_COUNTED.values()]
    return exporting.table("imports", header, query, run.id, make)
