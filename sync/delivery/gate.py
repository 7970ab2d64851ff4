"""Whether pushes may go out just now, and what closes and opens that gate.

A wrong key stops them until somebody mends it (Y19); an outage or a 429 pauses them for as long
as the far side asks, or for a growing time with some chance in it (Y08). After a pause one push
by one worker, of one contact, shows whether it is over: a circuit breaker. The state is in the
connection's row: every worker and the clock go by it.
"""

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import ColumnElement, case, literal, or_, select, update
from sqlalchemy.engine import CursorResult

from idp import audit, encryption
from idp.backoff import delay
from idp.database import UTCDateTime, db, now
from sync import connection, ledger
from sync.connection import HigherLogicConnection
from sync.protocol.exchange import Target
from sync.protocol.wire import Outcome
from sync.settings import pace

log = structlog.get_logger()

# Longer than the longest request: whoever was killed while probing holds nobody up for longer.
PROBE = dt.timedelta(seconds=60)
DOUBTS = 3


def is_open() -> bool:
    """Whether there is a connection, neither stopped nor paused."""
    row = connection.get()
    moment = now()
    return (
        row.configured
        and row.stopped_at is None
        and (row.paused_until is None or row.paused_until <= moment)
        and (row.probing_until is None or row.probing_until <= moment)
    )


def target() -> Target | None:
    """Where a push may go now; ``None`` while the gate is closed.

    After a pause it is for one push (``Target.probes``), and for one worker: commits.
    """
    if not is_open():
        return None
    row = connection.get()
    try:
        found: Target = row.target()
    except encryption.Unreadable as error:
        _stop(row, str(error))
        return None
    return _to_probe(found) if found.pauses else found


def _to_probe(target: Target) -> Target | None:
    moment, row = now(), HigherLogicConnection
    taken = _update(
        target,
        row.pauses > 0,
        or_(row.probing_until.is_(None), row.probing_until <= moment),
        or_(row.paused_until.is_(None), row.paused_until <= moment),
        probing_until=moment + PROBE,
    )
    db.session.commit()
    return replace(target, probes=True) if taken.rowcount else None


def did_not_probe(target: Target) -> None:
    """Nothing was pushed to this target: whoever has something may. Commits."""
    if target.probes:
        _update(target, probing_until=None)
        db.session.commit()


def take_turn(target: Target) -> bool:
    """Wait for the turn of the next push by ``requests_per_minute``, which is kept over all
    workers; false when it is too far away to be waited for. Commits."""
    if target.requests_per_minute is None:
        return True
    row = HigherLogicConnection.__table__.c
    apart = dt.timedelta(minutes=1) / target.requests_per_minute
    moment = now()
    following = db.session.scalar(select(row.next_request_at).where(row.id == 1).with_for_update())
    patience = dt.timedelta(seconds=pace.PATIENCE)
    # Whoever waits for a turn has set the next one after it. What is further ahead was set by a
    # clock that was wrong, or for fewer requests a minute: it stops nothing.
    if following is None or following > moment + patience + apart:
        following = moment
    turn = max(moment, following)
    near = turn - moment <= patience
    if near:
        _update(target, next_request_at=turn + apart)
    db.session.commit()
    if near:
        time.sleep((turn - moment).total_seconds())
    return near


def take_less(target: Target, batch: int) -> None:
    """So many contacts and no more go in one push for a while: more was too large. Commits."""
    _update(target, smaller_batch=max(batch, 1), smaller_until=now() + pace.SMALLER)
    db.session.commit()
    log.warning("pushes are smaller for a while", contacts=batch)


def take_as_before(target: Target) -> None:
    """One contact by itself was too large: a push may hold as many as before. Commits."""
    _update(target, smaller_batch=None, smaller_until=None)
    db.session.commit()


def stop(target: Target, outcome: Outcome) -> None:
    """Higher Logic refused this key: nothing more goes out until it is mended. Commits."""
    _stop(target, outcome.message)


def pause(target: Target, outcome: Outcome) -> dt.datetime:
    """Nothing goes out for a while; says until when. Commits."""
    until = now() + delay(target.pauses, at_least=outcome.retry_after or 0.0)
    row = HigherLogicConnection
    # The longest of the pauses that several workers may be asking for.
    result = _update(
        target,
        or_(row.paused_until.is_(None), row.paused_until < until),
        paused_until=until,
        paused_reason=outcome.message,
        pauses=target.pauses + 1,
        probing_until=None,
    )
    db.session.commit()
    if result.rowcount:
        log.warning("pushes paused", reason=outcome.message, until=until.isoformat())
    return until


def doubt(target: Target, outcome: Outcome) -> bool:
    """Higher Logic refused every record of a batch that it was asked about, in these words at
    last. Is it the tenant? Pauses, and says so, when that came ``DOUBTS`` times and nothing was
    accepted in between. Commits."""
    row, moment = HigherLogicConnection, now()
    first = row.doubts == 0
    _update(
        target,
        doubts=row.doubts + 1,
        doubted_at=case((first, literal(moment, type_=UTCDateTime())), else_=row.doubted_at),
    )
    standing = connection.get()
    doubts, since = standing.doubts, standing.doubted_at
    if (
        doubts < DOUBTS
        or since is None
        or db.session.scalar(ledger.accepted_since(since)) is not None
    ):
        db.session.commit()
        return False
    pause(target, outcome)
    return True


def answered(target: Target) -> None:
    """Higher Logic answers again: the next pause is a short one. Commits."""
    if target.pauses or target.doubts:
        _update(
            target,
            or_(HigherLogicConnection.pauses > 0, HigherLogicConnection.doubts > 0),
            paused_until=None,
            paused_reason="",
            pauses=0,
            probing_until=None,
            doubts=0,
        )
        db.session.commit()
        log.info("pushes go on")


def _stop(target: Target | HigherLogicConnection, reason: str) -> None:
    result = _update(
        target,
        HigherLogicConnection.stopped_at.is_(None),
        stopped_at=now(),
        stopped_reason=reason,
        probing_until=None,
    )
    if result.rowcount:
        # Once, by whoever was first.
        audit.record(
            audit.Event.CONNECTION_CHANGED, changed={"stopped": [False, True]}, reason=reason
        )
        log.error("pushes stopped", reason=reason)
    db.session.commit()


def _update(
    target: Target | HigherLogicConnection, *conditions: ColumnElement[bool], **values: Any
) -> CursorResult[Any]:
    """Write the standing, unless the settings were changed since: it is not about those."""
    row = HigherLogicConnection
    result = db.session.execute(
        update(row)
        .where(
            row.id == 1,
            row.base_url == target.base_url,
            row.tenant_code == target.tenant_code,
            row.sealed_key == target.sealed_key,
            *conditions,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE gives
    db.session.expire_all()
    return result
