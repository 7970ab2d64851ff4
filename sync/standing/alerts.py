"""Trouble of the sync that somebody is told of by mail: when it begins, and when it is over.

What is so is read from the database by the clock; a row says what was told. So one trouble is two
mails, however long it lasts, however many clocks look, and whoever dies in between: the row and
its mails (``alert_mails``) are written in one transaction, and the database lets only one row of
each trouble be open. What the guard holds of many groups at once is one mail.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import structlog
from sqlalchemy import Index, String, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, db, now, reading
from sync import connection
from sync.removals import held
from sync.standing import alert_mails, figures
from sync.standing.alert_mails import HELD, STALLED, STOPPED

log = structlog.get_logger()

# What was told is kept for whoever looks into what happened.
KEPT = dt.timedelta(days=90)


class SyncAlert(Base):
    """A trouble from its beginning to its end.

    ``kind`` is ``stalled`` (nothing accepted for hours while something is pending), ``stopped``
    (Higher Logic refused the key) or ``held`` (the removal guard holds the group whose key is
    ``subject``). ``began_at`` is since when it was so, ``noticed_at`` when the clock saw it.
    """

    __tablename__ = "sync_alert"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(100), default="")
    began_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    noticed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    over_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


Index(
    "ix_sync_alert_open",
    SyncAlert.kind,
    SyncAlert.subject,
    unique=True,
    postgresql_where=SyncAlert.over_at.is_(None),
    sqlite_where=SyncAlert.over_at.is_(None),
)

table = cast(Table, SyncAlert.__table__)


@dataclass(frozen=True)
class Trouble:
    """What is so: which trouble, and since when; ``hold`` is one of ``held.of_groups``."""

    kind: str
    subject: str
    since: dt.datetime
    hold: Any = None


def tick() -> int:
    """See what began and what is over since the last look, and have it told; says of how many.

    Reads only, unless something did. Commits.
    """
    db.session.rollback()
    with reading():
        standing, here = connection.get(), figures.get()
        holds = {group.key: group for group in held.of_groups()}
        open_ones = db.session.execute(select(table).where(table.c.over_at.is_(None))).all()
        known = {(row.kind, row.subject) for row in open_ones}
        begun = [
            one
            for one in troubles(standing, here, holds.values())
            if (one.kind, one.subject) not in known
        ]
        over = [row for row in open_ones if not _lasts(row, standing, here, holds)]
        db.session.rollback()
    told = _begin(begun, standing, here) + _end(over, standing, here)
    db.session.commit()
    alert_mails.wake_if_due()
    return told


def troubles(
    standing: connection.HigherLogicConnection, here: figures.Figures, holds: Iterable[Any]
) -> list[Trouble]:
    """What staff are told of when it is new; ``holds`` are of ``held.of_groups``."""
    if not standing.configured:
        return []
    return [
        *_of_pushes(standing, here),
        *(Trouble(HELD, hold.key, hold.since, hold) for hold in holds),
    ]


def _of_pushes(
    standing: connection.HigherLogicConnection, here: figures.Figures
) -> Iterable[Trouble]:
    if standing.stopped_at is not None:
        # That nothing is accepted follows from it, and is not told of beside it.
        return [Trouble(STOPPED, "", standing.stopped_at)]
    since, limit = here.stalled_since, dt.timedelta(hours=standing.alert_after_hours)
    # Who has just mended the key is not told that nothing was accepted until then.
    if since is None or now() - max(since, standing.resumed_at or since) < limit:
        return []
    return [Trouble(STALLED, "", since)]


def _lasts(
    row: Any,
    standing: connection.HigherLogicConnection,
    here: figures.Figures,
    holds: Mapping[str, Any],
) -> bool:
    """Whether what an open row tells of is so still."""
    if not standing.configured:
        return False
    if row.kind == STOPPED:
        return standing.stopped_at is not None
    if row.kind == HELD:
        # Another hold of the same group is another trouble.
        return row.subject in holds and holds[row.subject].since == row.began_at
    accepted = here.last_accepted_at
    return here.pending > 0 and (accepted is None or accepted <= row.noticed_at)


def _begin(
    begun: Iterable[Trouble], standing: connection.HigherLogicConnection, here: figures.Figures
) -> int:
    noted = [(id, one) for one in begun if (id := _noted(one)) is not None]
    held_now = [(id, one.hold) for id, one in noted if one.kind == HELD]
    for id, one in noted:
        if one.kind == STOPPED:
            alert_mails.write(id, alert_mails.stopped(standing.stopped_reason))
        elif one.kind == STALLED:
            alert_mails.write(id, alert_mails.stalled(one.since, here))
    if held_now:
        alert_mails.write(held_now[0][0], alert_mails.held([hold for _, hold in held_now]))
    return len(noted)


def _noted(trouble: Trouble) -> int | None:
    """The row of a trouble, once it is written."""
    words = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    # Of two clocks that see it, the one whose row is there first tells of it.
    id: int | None = db.session.scalar(
        words.insert(table)
        .values(
            kind=trouble.kind, subject=trouble.subject, began_at=trouble.since, noticed_at=now()
        )
        .on_conflict_do_nothing()
        .returning(table.c.id)
    )
    if id is not None:
        log.error("sync alert", kind=trouble.kind, since=trouble.since.isoformat())
    return id


def _end(
    over: Iterable[Any], standing: connection.HigherLogicConnection, here: figures.Figures
) -> int:
    ended = [row for row in over if _closed(row)]
    # One mail of each kind.
    for row in {row.kind: row for row in ended}.values():
        if standing.configured:
            last = here.last_accepted_at
            accepted = last is not None and last > row.noticed_at
            alert_mails.write(row.id, alert_mails.over(row.kind, here, accepted=accepted))
    return len(ended)


def _closed(row: Any) -> bool:
    """Whether it was this clock that has written that a trouble is over."""
    ended = db.session.scalar(
        update(table)
        .where(table.c.id == row.id, table.c.over_at.is_(None))
        .values(over_at=now())
        .returning(table.c.id)
    )
    if ended is not None:
        log.info("sync alert is over", kind=row.kind)
    return ended is not None


def tidy() -> int:
    """Delete what was over long ago, with its mails; says how many. Commits."""
    deleted = db.session.execute(
        delete(table).where(table.c.over_at < now() - KEPT).returning(table.c.id)
    ).all()
    db.session.commit()
    return len(deleted)
