"""The history's end: what is older than the association keeps it is deleted.

In batches, each a short transaction of its own, as what expires elsewhere (``idp.oauth.tidy``).
What Higher Logic has of a contact is kept as long as it has it, however old, for what was sent is
the only way to say what that is; it goes when it was replaced as long ago as the rest is kept.
"""

import datetime as dt
import time

import structlog
from sqlalchemy import and_, delete, exists, select, update

from idp.database import db, now
from idp.tidying import BATCH, TICK_SECONDS, until_done
from sync import connection
from sync.sent import history
from sync.sent.history import ACCEPTED

log = structlog.get_logger()


def tick() -> int:
    """The clock's part: delete for a while; gives how many rows."""
    return run(seconds=TICK_SECONDS)


def run(*, seconds: float = float("inf")) -> int:
    """Delete what is too old, for up to so many seconds; gives how many rows.

    Commits; ends the transaction at hand.
    """
    db.session.rollback()
    end = time.monotonic() + seconds
    before = now() - dt.timedelta(days=connection.get().history_days)
    deleted = until_done(lambda: _batch(before), end, size=BATCH)
    if deleted:
        log.info("history tidied", deleted=deleted)
    return deleted


def _batch(before: dt.datetime) -> tuple[int, int]:
    """Look at some of the oldest rows; says how many that were, and how many rows are gone."""
    row, later = history.table.c, history.table.alias("later")
    replaced = exists().where(
        later.c.contact_id == row.contact_id, later.c.id > row.id, later.c.code == ACCEPTED
    )
    replaced_long_ago = replaced.where(later.c.last_at < before)
    # Rows that somebody else is deleting are passed over: two clocks do no harm.
    found = db.session.execute(
        select(row.id, row.contact_id, and_(row.code == ACCEPTED, ~replaced).label("stands"))
        .where(~row.lasting, row.last_at < before)
        .order_by(row.last_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=history.table)
    ).all()
    standing = [one.id for one in found if one.stands]
    gone = [one.id for one in found if not one.stands]
    if standing:
        db.session.execute(update(history.table).where(row.id.in_(standing)).values(lasting=True))
    # What lasted until one of these took its place.
    replacing = [one.contact_id for one in found]
    number = 0
    if found:
        result = db.session.execute(
            delete(history.table).where(
                row.id.in_(gone)
                | and_(
                    row.contact_id.in_(replacing),
                    row.lasting,
                    row.id.not_in(standing),
                    replaced_long_ago,
                )
            )
        )
        number = int(getattr(result, "rowcount", 0))
    db.session.commit()
    return len(found), number
