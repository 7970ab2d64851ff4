"""RQ's part: waking a worker, and the job that it runs.

A job is a nudge (docs/architecture.md, decision 2): it names nothing, carries nothing, and
one that is lost or run twice changes nothing. At most one is waiting at a time.
"""

from dataclasses import asdict
from typing import Any

import structlog
from sqlalchemy.orm import Session

from idp import jobs
from sync import ledger, pushing

log = structlog.get_logger()

QUEUE = "live"
# A job gives way to others (mails) and to a worker's wish to end; the next one goes on.
JOB_SECONDS = 5.0


def wake() -> bool:
    """Enqueue a push unless one is waiting; says whether one was enqueued (Y23)."""
    return jobs.wake(QUEUE, push)


def wake_if_noted(session: Session) -> None:
    """After a commit: wake the sync when the transaction noted something in the ledger."""
    # A savepoint's end is not the transaction's.
    if not session.in_nested_transaction() and session.info.pop(ledger.NOTED, False):
        wake()


def push() -> dict[str, Any]:
    """The job: push what is due. Gives the numbers of ``pushing.Totals``."""
    jobs.awake(push)
    totals = pushing.run(JOB_SECONDS)
    if totals.requests or totals.unchanged:
        log.info("pushed", **asdict(totals))
    if totals.unfinished:
        wake()
    return asdict(totals)
