"""Counts that stay true when a worker is killed: each chunk's are kept in its own transaction.

Whoever takes the import up begins with the first row, and finds unchanged what was written
before: up to where the counts were kept, they say what became of the rows, and its own from there.
"""

from typing import Any

from sqlalchemy import update

from idp.database import db
from idp.directory.import_runs.leases import Claim
from idp.directory.import_runs.runs import ImportRun
from idp.directory.import_runs.watch import Stopped
from idp.directory.importing import Report


class Tally:
    """The counts of one import; ``before`` is what an earlier worker had kept of it."""

    def __init__(self, claimed: Claim, before: dict[str, int] | None) -> None:
        self._claimed = claimed
        self._before = before
        self._more: dict[str, int] | None = None if before else {}

    def keep(self, report: Report) -> None:
        """Keep the counts so far, in the transaction at hand. Raises ``Stopped`` when another
        worker has the run: then the chunk is not to be kept either."""
        so_far = counts(report)
        before = self._before
        if before is not None and self._more is None and report.rows_done >= before["done"]:
            self._more = {name: before[name] - so_far[name] for name in so_far}
        values: dict[str, Any] = {"attempts": ImportRun.attempts}
        if self._more is not None:
            values = {"written": self.of(report) | {"done": report.rows_done}}
        kept = db.session.execute(
            update(ImportRun)
            .where(
                ImportRun.id == self._claimed.run_id,
                ImportRun.lease_owner == self._claimed.owner,
            )
            .values(values)
            .execution_options(synchronize_session=False)
        )
        if not getattr(kept, "rowcount", 0):
            raise Stopped("lost")

    def of(self, report: Report) -> dict[str, int]:
        """What became of the rows, over all workers that were at it."""
        more = self._more or {}
        return {name: number + more.get(name, 0) for name, number in counts(report).items()}


def counts(report: Report) -> dict[str, int]:
    """What a report counts."""
    return {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "refused": report.refused_count,
        "remarks": report.remarks_count,
    }
