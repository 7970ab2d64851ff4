"""The audit's end: what is older than the association keeps it is deleted, by the clock.

Nothing else deletes or changes an event: triggers of the database refuse it, and let go only what
is older than ``association.audit_days``, and never what is younger than ``FEWEST_AUDIT_DAYS``.
In batches, each a short transaction of its own, as what expires elsewhere (``idp.oauth.tidy``).
"""

import datetime as dt
import time

import structlog
from sqlalchemy import delete, select

from idp import association
from idp.audit.writing import AuditEvent
from idp.database import db, now
from idp.tidying import BATCH, TICK_SECONDS, until_done

log = structlog.get_logger()

# The database looks at its own clock, which may be another machine's.
MARGIN = dt.timedelta(days=1)


def tick() -> int:
    """The clock's part: delete for a while; gives how many events."""
    return run(seconds=TICK_SECONDS)


def run(*, seconds: float = float("inf")) -> int:
    """Delete what is too old, for up to so many seconds; gives how many events.

    Commits; ends the transaction at hand.
    """
    db.session.rollback()
    end = time.monotonic() + seconds
    before = now() - dt.timedelta(days=association.get().audit_days) - MARGIN
    event = AuditEvent.__table__.c
    # Rows that somebody else is deleting are passed over: two clocks do no harm.
    oldest = (
        select(event.id)
        .where(event.at < before)
        .order_by(event.at, event.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    gone = delete(AuditEvent).where(event.id.in_(oldest))
    gone = gone.execution_options(synchronize_session=False)

    def batch() -> tuple[int, int]:
        number = int(getattr(db.session.execute(gone), "rowcount", 0))
        db.session.commit()
        return number, number

    deleted = until_done(batch, end, size=BATCH)
    if deleted:
        log.info("audit tidied", deleted=deleted)
    return deleted
