"""What was sent, minute by minute: for the rate, for the chart of the last day, for who watches.

A row for each minute and verdict. A worker counts in memory and writes at the end of a round, in
a transaction that it commits anyway. Minutes older than a week are folded into one row at the
beginning of time, so that the sums only ever grow: what Prometheus calls a counter.
"""

import datetime as dt
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import BigInteger, String, Table, delete, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, db, now
from sync.protocol.wire import Verdict

KEPT = dt.timedelta(days=8)
# Where what is older goes.
BEFORE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
# A rate is of the last minutes, and nothing is said before so many seconds can tell.
RATE_MINUTES = 5
LEAST_SECONDS = 20.0
# How long a worker keeps its numbers to itself in the middle of a round.
WRITTEN_SECONDS = 5.0


class SyncMinute(Base):
    """The pushes of one minute with one verdict (``wire.Verdict``).

    ``contacts`` is how many contacts they settled: a batch that was refused and halved settled
    none. ``first_at`` and ``last_at`` say when the first and the last of them were answered;
    ``last_at`` is empty where that was by another tenant.
    """

    __tablename__ = "sync_minute"

    minute: Mapped[dt.datetime] = mapped_column(UTCDateTime, primary_key=True)
    verdict: Mapped[str] = mapped_column(String(20), primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    contacts: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


table = cast(Table, SyncMinute.__table__)
_ACCEPTED = Verdict.ACCEPTED.value


@dataclass
class _Counted:
    requests: int
    contacts: int
    first_at: dt.datetime
    last_at: dt.datetime


class Tally:
    """What a worker has done since it wrote last."""

    def __init__(self) -> None:
        self._counted: dict[tuple[dt.datetime, str], _Counted] = {}
        self._written = time.monotonic()

    def count(self, verdict: Verdict, contacts: int) -> None:
        """A push was answered, and that settled so many contacts."""
        moment = now()
        key = (moment.replace(second=0, microsecond=0), verdict.value)
        found = self._counted.setdefault(key, _Counted(0, 0, moment, moment))
        found.requests += 1
        found.contacts += contacts
        found.last_at = moment

    def write_if_old(self) -> None:
        """``write``, when that was a while ago: a round may be told to go slowly."""
        if time.monotonic() - self._written >= WRITTEN_SECONDS:
            self.write()

    def write(self) -> None:
        """Add it to the table, in the transaction at hand: one statement, or none."""
        if self._counted:
            _add(
                {"minute": minute, "verdict": verdict, **vars(counted)}
                # In one order always: two workers then wait for each other and do not deadlock.
                for (minute, verdict), counted in sorted(
                    self._counted.items(), key=lambda item: item[0]
                )
            )
            self._counted = {}
        self._written = time.monotonic()


def _add(rows: Iterable[dict[str, Any]]) -> None:
    postgres = db.engine.dialect.name == "postgresql"
    insert = (postgresql if postgres else sqlite).insert(table).values(list(rows))
    given, kept = insert.excluded, table.c
    least, latest = (func.least, func.greatest) if postgres else (func.min, func.max)
    db.session.execute(
        insert.on_conflict_do_update(
            index_elements=[kept.minute, kept.verdict],
            set_={
                "requests": kept.requests + given.requests,
                "contacts": kept.contacts + given.contacts,
                "first_at": least(kept.first_at, given.first_at),
                # SQLite's max() of two is NULL when one of them is.
                "last_at": latest(
                    func.coalesce(kept.last_at, given.last_at),
                    func.coalesce(given.last_at, kept.last_at),
                ),
            },
        )
    )


def last_accepted_at() -> dt.datetime | None:
    """When Higher Logic accepted something last. One statement."""
    row = table.c
    found: dt.datetime | None = db.session.scalar(
        select(row.last_at)
        .where(row.verdict == _ACCEPTED, row.last_at.is_not(None))
        .order_by(row.minute.desc())
        .limit(1)
    )
    return found


def unanswered_since() -> dt.datetime | None:
    """The first push since the last answer that had none, or was asked to be slower. A refusal is
    an answer. One statement."""
    row = table.c
    answered = (_ACCEPTED, Verdict.REFUSED.value)
    last = select(func.max(row.last_at)).where(row.verdict.in_(answered)).scalar_subquery()
    found: dt.datetime | None = db.session.scalar(
        select(func.min(row.first_at)).where(
            row.verdict.in_((Verdict.OUTAGE.value, Verdict.SLOW_DOWN.value)),
            row.minute > BEFORE,
            row.last_at.is_not(None),  # or it was another tenant
            func.coalesce(row.first_at > last, true()),
        )
    )
    return found


def forget_last_accepted() -> None:
    """Nothing was accepted yet: the connection leads to another tenant. What was sent stays."""
    db.session.execute(update(table).values(last_at=None))


def rate() -> float | None:
    """Contacts accepted per second over the last minutes; ``None`` while there is no basis.

    From the first acceptance in those minutes until now: a run that has just begun is not divided
    by minutes in which there was nothing to send. One statement.
    """
    moment, row = now(), table.c
    first, contacts = db.session.execute(
        select(func.min(row.first_at), func.sum(row.contacts)).where(
            row.minute > moment - RATE_MINUTES * MINUTE, row.verdict == _ACCEPTED
        )
    ).one()
    seconds = (moment - first).total_seconds() if contacts else 0.0
    return int(contacts) / seconds if seconds >= LEAST_SECONDS else None


@dataclass(frozen=True)
class Hour:
    """An hour of the last day: contacts accepted and refused, and requests without an answer."""

    begin: dt.datetime
    accepted: int
    refused: int
    unanswered: int


def last_day() -> list[Hour]:
    """The last 24 hours, the one at hand last; hours in which nothing was sent are zeros.

    One statement.
    """
    row, end = table.c, now().replace(minute=0, second=0, microsecond=0)
    hours = [end - number * HOUR for number in range(23, -1, -1)]
    counted = {begin: dict.fromkeys((verdict.value for verdict in Verdict), 0) for begin in hours}
    for minute, verdict, requests, contacts in db.session.execute(
        select(row.minute, row.verdict, row.requests, row.contacts).where(row.minute >= hours[0])
    ):
        settled = verdict in {_ACCEPTED, Verdict.REFUSED.value}
        of_hour = counted.get(minute.replace(minute=0))
        if of_hour is not None:
            of_hour[verdict] = of_hour.get(verdict, 0) + (contacts if settled else requests)
    return [
        Hour(
            begin,
            found[_ACCEPTED],
            found[Verdict.REFUSED.value],
            sum(found[one.value] for one in (Verdict.OUTAGE, Verdict.SLOW_DOWN, Verdict.WRONG_KEY)),
        )
        for begin, found in counted.items()
    ]


def totals() -> dict[str, tuple[int, int]]:
    """Requests and contacts since the beginning, by verdict; they never get less. One statement."""
    row = table.c
    found = db.session.execute(
        select(row.verdict, func.sum(row.requests), func.sum(row.contacts)).group_by(row.verdict)
    )
    counted = {verdict: (int(requests), int(contacts)) for verdict, requests, contacts in found}
    return {verdict.value: (0, 0) for verdict in Verdict} | counted


def tidy() -> int:
    """Fold minutes older than a week into the sums; says how many rows. Commits.

    Two at once do no harm: a row that is deleted is told of to one of them.
    """
    row = table.c
    found = db.session.execute(
        delete(table)
        .where(row.minute < now() - KEPT, row.minute > BEFORE)
        .returning(row.verdict, row.requests, row.contacts, row.first_at, row.last_at)
    ).all()
    sums: dict[str, dict[str, Any]] = {}
    for one in found:
        into = sums.setdefault(
            one.verdict,
            {
                "minute": BEFORE,
                "verdict": one.verdict,
                "requests": 0,
                "contacts": 0,
                "first_at": one.first_at,
                "last_at": one.last_at,
            },
        )
        into["requests"] += one.requests
        into["contacts"] += one.contacts
        into["first_at"] = min(into["first_at"], one.first_at)
        into["last_at"] = max((at for at in (into["last_at"], one.last_at) if at), default=None)
    if sums:
        _add(sums[verdict] for verdict in sorted(sums))
    db.session.commit()
    return len(found)
