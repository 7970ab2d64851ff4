"""RQ's part: waking a worker, and the job that it runs.

A job is a nudge (DESIGN.md, decision 2): it names nothing, carries nothing, and one that is lost
or run twice changes nothing. At most one is waiting at a time; a flag in Redis says so, with an
end of its own, so that a lost job is not waited for.
"""

from dataclasses import asdict
from typing import Any

import structlog
from redis import RedisError
from sqlalchemy.orm import Session

from idp import jobs
from sync import ledger, pushing

log = structlog.get_logger()

QUEUE = "live"
FLAG = "tessera:sync:woken"
FLAG_SECONDS = 10
# A job gives way to others (mails) and to a worker's wish to end; the next one goes on.
JOB_SECONDS = 5.0


def wake() -> bool:
    """Enqueue a push unless one is waiting; says whether one was enqueued.

    Redis away: logged, and no more. The clock finds what is due (Y23).
    """
    try:
        if not jobs.connection().set(FLAG, "1", nx=True, ex=FLAG_SECONDS):
            return False
    except RedisError as error:
        log.warning("sync not woken: Redis is away", error=str(error))
        return False
    return jobs.enqueue(QUEUE, push)


def wake_if_noted(session: Session) -> None:
    """After a commit: wake the sync when the transaction noted something in the ledger."""
    # A savepoint's end is not the transaction's.
    if not session.in_nested_transaction() and session.info.pop(ledger.NOTED, False):
        wake()


def push() -> dict[str, Any]:
    """The job: push what is due. Gives the numbers of ``pushing.Totals``."""
    try:
        # Before anything is claimed: who changes a contact from now on enqueues the next job.
        jobs.connection().delete(FLAG)
    except RedisError as error:
        log.warning("flag not lowered: Redis is away", error=str(error))
    totals = pushing.run(JOB_SECONDS)
    if totals.requests or totals.unchanged:
        log.info("pushed", **asdict(totals))
    if totals.unfinished:
        wake()
    return asdict(totals)
