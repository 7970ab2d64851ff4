"""How the sync stands in numbers: cheap enough for every page of the panel and every scrape.

Nothing here grows with the directory: what is pending and what failed is found by partial
indexes, and the count of all others is kept for a while where it takes long (``kept``).
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select

from idp.database import db, now
from sync import activity, connection, held, lanes, leases, ledger
from sync.kept import kept


@dataclass(frozen=True)
class Breaker:
    """Whether pushes go out. ``state`` is ``closed`` (they do), ``open`` (not before ``until``) or
    ``probing`` (the pause is over, and one request tries whether Higher Logic answers again).

    ``since`` is the first request that had no answer; ``reason`` a sentence for the staff.
    """

    state: str
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Figures:
    """Numbers of contacts, and moments.

    ``pending`` is neither accepted nor refused yet, ``pending_live`` who of them is in the lane of
    what somebody waits for; ``failed`` was refused, ``held`` are removals that the guard keeps back
    until staff decide; ``accepted`` is who has at Higher Logic what is wanted there.
    ``rate`` is in contacts accepted per second; ``None`` while there is no basis for one.
    """

    pending: int
    pending_live: int
    failed: int
    held: int
    accepted: int
    oldest_pending_at: dt.datetime | None
    last_accepted_at: dt.datetime | None
    rate: float | None
    breaker: Breaker
    connected: bool
    stopped_at: dt.datetime | None
    stopped_reason: str

    @property
    def seconds_left(self) -> float | None:
        """How long what is pending takes at this rate; ``None`` while nobody can say."""
        flows = self.connected and self.stopped_at is None and self.breaker.state == "closed"
        if not (self.pending and flows and self.rate):
            return None
        return self.pending / self.rate

    @property
    def stalled_since(self) -> dt.datetime | None:
        """Since when nothing was accepted although something is pending (Y13)."""
        if not (self.pending and self.oldest_pending_at):
            return None
        return max(filter(None, (self.oldest_pending_at, self.last_accepted_at)))


def get() -> Figures:
    """The figures as they are now. A fixed number of statements."""
    row = ledger.table.c
    waiting = row.wanted > row.accepted
    pending, live, failed, oldest = kept(
        "sync: waiting",
        lambda: db.session.execute(
            select(
                func.count(case((leases.pending(), 1))),
                func.count(case((and_(leases.pending(), row.lane == lanes.LIVE), 1))),
                func.count(case((leases.failed(), 1))),
                func.min(case((leases.pending(), row.wanted_since))),
            ).where(waiting)
        ).one(),
    )
    standing = connection.get()
    return Figures(
        pending=pending,
        pending_live=live,
        failed=failed,
        held=kept("sync: held", held.number),
        accepted=kept("sync: accepted", _accepted),
        oldest_pending_at=oldest,
        last_accepted_at=activity.last_accepted_at(),
        rate=activity.rate(),
        breaker=_breaker(standing),
        connected=standing.configured,
        stopped_at=standing.stopped_at,
        stopped_reason=standing.stopped_reason,
    )


def _accepted() -> int:
    row = ledger.table.c
    has = and_(row.accepted_at.is_not(None), row.wanted == row.accepted)
    return db.session.scalar(select(func.count()).select_from(ledger.table).where(has)) or 0


def _breaker(standing: connection.HigherLogicConnection) -> Breaker:
    if not standing.pauses:
        return Breaker("closed")
    until = standing.paused_until
    return Breaker(
        state="open" if until is not None and until > now() else "probing",
        since=activity.unanswered_since(),
        until=until,
        reason=standing.paused_reason,
    )
