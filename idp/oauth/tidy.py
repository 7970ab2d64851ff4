"""Garbage collection: what has expired, and that nothing can need any more, is deleted (ST3).

In batches, each a short transaction of its own, so that nobody waits for it. The order matters: a
grant goes when its last token has gone, since a second use of its code must be noticed while
anything that the first one got could live; a session goes when its last grant has gone, since the
grants say whom to tell of its end, and tokens that outlive it name it (``sid``). How long what is
kept is in docs/operations.md.
"""

import datetime as dt
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Delete, and_, bindparam, delete, exists, or_, select

from idp.database import Base, UTCDateTime, db, now
from idp.oauth.assertions import UsedAssertion
from idp.oauth.grants import Grant
from idp.oauth.keys import SigningKey
from idp.oauth.logout_notices import LogoutNotice
from idp.oauth.pushed import PushedRequest
from idp.oauth.tokens import Token
from idp.signin.sessions import SignInSession
from idp.tidying import BATCH, TICK_SECONDS, until_done

log = structlog.get_logger()

# After its end, for whoever looks into what happened.
KEPT = dt.timedelta(days=1)
DELIVERED_KEPT = dt.timedelta(days=7)
FAILED_KEPT = dt.timedelta(days=30)


@dataclass(frozen=True)
class Kind:
    """One kind of garbage, and the statement that deletes a batch of it."""

    name: str
    statement: Delete


def tick() -> dict[str, int]:
    """The clock's part: delete for a while; gives how many of each kind."""
    return run(seconds=TICK_SECONDS)


def run(*, seconds: float | None = None) -> dict[str, int]:
    """Delete everything that is garbage now, for up to so many seconds.

    Gives how many of each kind were deleted. Commits; ends the transaction at hand.
    """
    db.session.rollback()
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    moment = now()
    given = {
        "now": moment,
        "kept": moment - KEPT,
        "delivered": moment - DELIVERED_KEPT,
        "failed": moment - FAILED_KEPT,
    }

    def batch(kind: Kind) -> tuple[int, int]:
        number = int(getattr(db.session.execute(kind.statement, given), "rowcount", 0))
        db.session.commit()
        return number, number

    deleted = {kind.name: until_done(partial(batch, kind), end) for kind in KINDS}
    if any(deleted.values()):
        log.info("tidied", deleted=deleted)
    return deleted


def _before(column: Any, name: str) -> ColumnElement[bool]:
    return column < bindparam(name, type_=UTCDateTime())  # type: ignore[no-any-return]


def _kind(name: str, model: type[Base], garbage: ColumnElement[bool]) -> Kind:
    (key,) = model.__table__.primary_key
    # Rows that somebody else is deleting are passed over: two clocks do no harm.
    batch = select(key).where(garbage).order_by(key).limit(BATCH).with_for_update(skip_locked=True)
    statement = delete(model).where(key.in_(batch))
    return Kind(name, statement.execution_options(synchronize_session=False))


_SESSION_IS_OVER = or_(
    _before(SignInSession.expires_at, "kept"), _before(SignInSession.ended_at, "kept")
)

KINDS = (
    _kind("pushed requests", PushedRequest, _before(PushedRequest.expires_at, "now")),
    _kind("used assertions", UsedAssertion, _before(UsedAssertion.expires_at, "now")),
    _kind(
        "tokens",
        Token,
        and_(
            _before(Token.access_expires_at, "kept"),
            or_(Token.refresh_expires_at.is_(None), _before(Token.refresh_expires_at, "kept")),
        ),
    ),
    _kind(
        "grants",
        Grant,
        and_(
            _before(Grant.created_at, "kept"),
            or_(Grant.code_expires_at.is_(None), _before(Grant.code_expires_at, "kept")),
            ~exists().where(Token.grant_id == Grant.id),
            or_(
                Grant.session_id.is_(None),
                exists().where(SignInSession.id == Grant.session_id, _SESSION_IS_OVER),
            ),
        ),
    ),
    _kind(
        "sessions",
        SignInSession,
        and_(_SESSION_IS_OVER, ~exists().where(Grant.session_id == SignInSession.id)),
    ),
    _kind(
        "logout notices",
        LogoutNotice,
        or_(
            _before(LogoutNotice.delivered_at, "delivered"),
            and_(LogoutNotice.due_at.is_(None), _before(LogoutNotice.created_at, "failed")),
        ),
    ),
    _kind("signing keys", SigningKey, _before(SigningKey.retires_at, "now")),
)
