"""How the sync stands in numbers: cheap enough for every page of the panel and every scrape.

Nothing here grows with the directory: what is pending and what failed is found by partial
indexes, and the count of all others is kept for a while where it takes long (``kept``).
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select

from idp.database import db, now
from sync import connection, lanes, ledger
from sync.removals import held
from sync.sent import activity
from sync.standing.kept import kept


@dataclass(frozen=True)
class Breaker:
    """Whether pushes go out. ``state`` is ``closed`` (they do), ``open`` (not before ``until``) or
    ``probing`` (the pause is over, and one request tries whether Higher Logic answers again).

    ``since`` is the first request that had no answer, or of which every record was refused;
    ``reason`` a sentence for the staff.
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
    ``stalled_since`` is since when nothing was accepted although something is pending (Y13).
    ``rate`` is in contacts accepted per second; ``None`` while there is no basis for one.
    """

    pending: int
    pending_live: int
    failed: int
    held: int
    accepted: int
    oldest_pending_at: dt.datetime | None
    last_accepted_at: dt.datetime | None
    stalled_since: dt.datetime | None
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


@dataclass(frozen=True)
class Waiting:
    """What waits, in numbers of contacts as in ``Figures``, and since when."""

    pending: int
    live: int
    failed: int
    oldest_at: dt.datetime | None

    def stalled_since(self, last_accepted_at: dt.datetime | None) -> dt.datetime | None:
        """Since when nothing was accepted although something is pending (Y13)."""
        if not (self.pending and self.oldest_at):
            return None
        return max(filter(None, (self.oldest_at, last_accepted_at)))


def get() -> Figures:
    """The figures as they are now. A fixed number of statements."""
    standing, there = connection.get(), waiting()
    last = activity.last_accepted_at()
    return Figures(
        pending=there.pending,
        pending_live=there.live,
        failed=there.failed,
        held=kept("sync: held", held.number),
        accepted=kept("sync: accepted", _accepted),
        oldest_pending_at=there.oldest_at,
        last_accepted_at=last,
        stalled_since=there.stalled_since(last),
        rate=activity.rate(),
        breaker=breaker(standing),
        connected=standing.configured,
        stopped_at=standing.stopped_at,
        stopped_reason=standing.stopped_reason,
    )


def waiting() -> Waiting:
    """What waits. One statement."""
    row = ledger.table.c
    live = and_(ledger.pending(), row.lane == lanes.LIVE)
    counted = kept(
        "sync: waiting",
        lambda: db.session.execute(
            select(
                func.count(case((ledger.pending(), 1))),
                func.count(case((live, 1))),
                func.count(case((ledger.failed(), 1))),
                func.min(case((ledger.pending(), row.wanted_since))),
            ).where(row.wanted > row.accepted)
        ).one(),
    )
    return Waiting(*counted)


def _accepted() -> int:
    row = ledger.table.c
    has = and_(row.accepted_at.is_not(None), row.wanted == row.accepted)
    return db.session.scalar(select(func.count()).select_from(ledger.table).where(has)) or 0


def breaker(standing: connection.HigherLogicConnection) -> Breaker:
    """Whether pushes go out, by the connection's row."""
    if not standing.pauses:
        return Breaker("closed")
    until = standing.paused_until
    return Breaker(
        state="open" if until is not None and until > now() else "probing",
        since=activity.unanswered_since() or (standing.doubted_at if standing.doubts else None),
        until=until,
        reason=standing.paused_reason,
    )
