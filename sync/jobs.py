"""RQ's part: waking a worker, and the job that it runs.

A job is a nudge (docs/architecture.md, decision 2): it names nothing, carries nothing, and
one that is lost or run twice changes nothing. At most one of each lane is waiting at a time.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import structlog
from sqlalchemy.orm import Session

from idp import jobs
from sync import lanes, noting
from sync.delivery import due, pushing

log = structlog.get_logger()

QUEUES = {lanes.LIVE: "live", lanes.BULK: "bulk"}
# A job gives way to others (mails) and to a worker's wish to end; the next one goes on.
JOB_SECONDS = 5.0
# So long it looks after contacts that keep changing, before it gives way.
QUIET_SECONDS, LOOK_SECONDS = 1.0, 0.02


def wake(lane: int) -> bool:
    """Enqueue a push of a lane unless one is waiting; says whether one was enqueued (Y23)."""
    return jobs.wake(QUEUES[lane], _JOBS[lane])


def wake_if_noted(session: Session) -> None:
    """After a commit: wake the sync when the transaction noted something in the ledger."""
    # A savepoint's end is not the transaction's.
    if not session.in_nested_transaction():
        for lane in sorted(session.info.pop(noting.NOTED, ())):
            wake(lane)


def push() -> dict[str, Any]:
    """The job of the live lane. Gives the numbers of ``pushing.Totals``."""
    return _push(lanes.LIVE)


def push_bulk() -> dict[str, Any]:
    """The job of the bulk lane, which pushes first what becomes due in the live one. Gives the
    numbers of ``pushing.Totals``."""
    return _push(lanes.BULK)


_JOBS: dict[int, Callable[[], dict[str, Any]]] = {lanes.LIVE: push, lanes.BULK: push_bulk}


def _push(lane: int) -> dict[str, Any]:
    job, totals = _JOBS[lane], pushing.Totals()
    end = time.monotonic() + QUIET_SECONDS
    while True:
        jobs.awake(job)
        totals.add(pushing.run(JOB_SECONDS, lane))
        again = totals.unfinished
        if lane == lanes.BULK or again or (seconds := due.quiet_in()) is None:
            break
        again = jobs.ending.is_set() or time.monotonic() > end
        if again:
            break
        jobs.stay_awake(job)
        _wait(seconds)
    if totals.requests or totals.unchanged:
        log.info("pushed", **asdict(totals))
    if again:
        jobs.awake(job)
        wake(lane)
    return asdict(totals)


def _wait(seconds: float) -> None:
    """Wait for contacts that may change again in a moment, or until somebody else is due."""
    end = time.monotonic() + seconds
    # Not at once: what is due while pushes are paused stays due.
    time.sleep(LOOK_SECONDS)
    while time.monotonic() < end and not due.any_due(lanes.LIVE):
        time.sleep(LOOK_SECONDS)
