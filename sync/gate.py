"""Whether pushes may go out just now, and what closes and opens that gate.

A wrong key stops them until somebody mends it (Y19); an outage or a 429 pauses them for as long
as the far side asks, or for a growing time with some chance in it (Y08). The state is in the
connection's row: every worker and the clock go by it.
"""

import datetime as dt
from typing import Any

import structlog
from sqlalchemy import or_, update
from sqlalchemy.engine import CursorResult

from idp import audit, encryption
from idp.backoff import delay
from idp.database import db, now
from sync import connection
from sync.connection import HigherLogicConnection
from sync.exchange import Target
from sync.wire import Outcome

log = structlog.get_logger()


def is_open() -> bool:
    """Whether there is a connection, neither stopped nor paused."""
    row = connection.get()
    return (
        row.configured
        and row.stopped_at is None
        and (row.paused_until is None or row.paused_until <= now())
    )


def target() -> Target | None:
    """Where a push may go now; ``None`` while the gate is closed."""
    if not is_open():
        return None
    row = connection.get()
    try:
        found: Target = row.target()
    except encryption.Unreadable as error:
        _stop(row.base_url, row.tenant_code, row.sealed_key, str(error))
        return None
    return found


def stop(target: Target, outcome: Outcome) -> None:
    """Higher Logic refused this key: nothing more goes out until it is mended. Commits."""
    _stop(target.base_url, target.tenant_code, target.sealed_key, outcome.message)


def pause(target: Target, outcome: Outcome) -> dt.datetime:
    """Nothing goes out for a while; says until when. Commits."""
    until = now() + delay(target.pauses, at_least=outcome.retry_after or 0.0)
    row = HigherLogicConnection
    # The longest of the pauses that several workers may be asking for.
    result = _update(
        target.base_url,
        target.tenant_code,
        target.sealed_key,
        or_(row.paused_until.is_(None), row.paused_until < until),
        paused_until=until,
        paused_reason=outcome.message,
        pauses=target.pauses + 1,
    )
    db.session.commit()
    if result.rowcount:
        log.warning("pushes paused", reason=outcome.message, until=until.isoformat())
    return until


def answered(target: Target) -> None:
    """Higher Logic answers again: the next pause is a short one. Commits."""
    if target.pauses:
        _update(
            target.base_url,
            target.tenant_code,
            target.sealed_key,
            HigherLogicConnection.pauses > 0,
            paused_until=None,
            paused_reason="",
            pauses=0,
        )
        db.session.commit()
        log.info("pushes go on")


def _stop(base_url: str, tenant_code: str, sealed_key: str, reason: str) -> None:
    result = _update(
        base_url,
        tenant_code,
        sealed_key,
        HigherLogicConnection.stopped_at.is_(None),
        stopped_at=now(),
        stopped_reason=reason,
    )
    if result.rowcount:
        # Once, by whoever was first.
        audit.record(audit.Event.CONNECTION_CHANGED, changed=["stopped"], reason=reason)
        log.error("pushes stopped", reason=reason)
    db.session.commit()


def _update(
    base_url: str, tenant_code: str, sealed_key: str, condition: Any, **values: Any
) -> CursorResult[Any]:
    """Write the standing, unless the settings were changed since: it is not about those."""
    row = HigherLogicConnection
    result = db.session.execute(
        update(row)
        .where(
            row.id == 1,
            row.base_url == base_url,
            row.tenant_code == tenant_code,
            row.sealed_key == sealed_key,
            condition,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE gives
    db.session.expire_all()
    return result
