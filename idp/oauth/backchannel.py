"""Telling clients that sessions have ended: OpenID Connect Back-Channel Logout 1.0, as RQ jobs.

Each notice is a request of its own, with a few seconds to be answered in; those of a batch run
side by side, so that a client which does not answer delays no other, and one that does not answer
is left alone for a while. What was not taken is tried again, ever more slowly, and given up in the
end, with the last answer kept. A notice may be told twice, never lost: each try's token is new.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from redis import RedisError
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from idp import jobs
from idp.backoff import delay
from idp.database import db, now, reading
from idp.oauth import keys, logout_tokens
from idp.oauth.clients import Client
from idp.oauth.issuer import issuer
from idp.oauth.logout_notices import ANSWER_LENGTH, NOTED, LogoutNotice
from idp.settings import is_loopback

log = structlog.get_logger()

QUEUE = "logout"
# Longer than a request can take (``outgoing.DEADLINE``) and its answer to be written.
LEASE = dt.timedelta(seconds=30)
# Over some two hours: a minute after the first try, then twice as long each time.
ATTEMPTS = 8
FIRST, LONGEST = 60.0, 3600.0
# Requests at a time, and how many of them to one client.
BATCH, OF_ONE_CLIENT = 32, 8
# A job gives way to others and to a worker's wish to end; the next one goes on.
JOB_SECONDS = 5.0
# A client that did not answer costs a worker one batch in so many seconds.
AWAY_SECONDS = 30
_AWAY = "tessera:logout:away:"


@dataclass(frozen=True)
class Claim:
    """A notice that is ours to tell, with what the client was when it was claimed."""

    id: int
    attempts: int
    subject: str
    sid: str
    client: int
    client_id: str
    algorithm: str
    uri: str | None
    in_use: bool


@dataclass(frozen=True)
class Outcome:
    """What came of a try; ``away``: nobody was there, or the far side failed as a whole."""

    words: str
    delivered: bool = False
    skipped: bool = False
    away: bool = False


@dataclass
class Totals:
    """What a job did, by the number of notices."""

    delivered: int = 0
    postponed: int = 0
    given_up: int = 0
    skipped: int = 0


def tell() -> dict[str, int]:
    """The job: tell what is due. Gives the numbers of ``Totals``."""
    jobs.awake(tell)
    # Without a readable key nothing is claimed, and no try is used up.
    keys.current()
    totals = Totals()
    end = time.monotonic() + JOB_SECONDS
    while claims := claim():
        settle(claims, deliver(claims), totals)
        if time.monotonic() >= end:
            jobs.wake(QUEUE, tell)
            break
    return asdict(totals)


def tick() -> bool:
    """Wake a worker if something is due that nobody woke one for; says whether it was woken."""
    return bool(_clients_due()) and jobs.wake(QUEUE, tell)


@event.listens_for(Session, "after_commit")
def _wake_if_noted(session: Session) -> None:
    # A savepoint's end is not the transaction's.
    if not session.in_nested_transaction() and session.info.pop(NOTED, False):
        jobs.wake(QUEUE, tell)


def claim() -> list[Claim]:
    """Take up to ``BATCH`` due notices, few of one client; each counts as a try from now on.

    One short transaction: while a client is waited for, none is open.
    """
    clients = _clients_due()
    if not clients:
        return []
    moment = now()
    # The oldest of each client: one that has many delays no other's.
    ranked = (
        select(
            LogoutNotice.id,
            func.row_number()
            .over(partition_by=LogoutNotice.client_id, order_by=LogoutNotice.due_at)
            .label("place"),
        )
        .where(LogoutNotice.due_at <= moment, LogoutNotice.client_id.in_(clients))
        .subquery()
    )
    ids = db.session.scalars(
        select(LogoutNotice.id)
        .where(
            LogoutNotice.id.in_(select(ranked.c.id).where(ranked.c.place <= OF_ONE_CLIENT)),
            LogoutNotice.due_at <= moment,
        )
        .order_by(LogoutNotice.due_at, LogoutNotice.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    db.session.execute(
        update(LogoutNotice)
        .where(LogoutNotice.id.in_(ids))
        .values(attempts=LogoutNotice.attempts + 1, due_at=moment + LEASE)
        .execution_options(synchronize_session=False)
    )
    rows = db.session.execute(
        select(
            LogoutNotice.id,
            LogoutNotice.attempts,
            LogoutNotice.subject,
            LogoutNotice.sid,
            Client.id.label("client"),
            Client.client_id,
            Client.signing_algorithm.label("algorithm"),
            Client.backchannel_logout_uri.label("uri"),
            Client.disabled_at.is_(None).label("in_use"),
        )
        .join(Client, Client.id == LogoutNotice.client_id)
        .where(LogoutNotice.id.in_(ids))
        .order_by(LogoutNotice.id)
    ).all()
    db.session.commit()
    return [Claim(**row._mapping) for row in rows]


def deliver(claims: Sequence[Claim]) -> list[Outcome]:
    """Tell all of them at once; gives what came of each, in their order."""
    tokens = [
        logout_tokens.encode(claim.client_id, claim.algorithm, claim.subject, claim.sid)
        for claim in claims
    ]
    db.session.rollback()
    loopback = is_loopback(issuer())

    async def all_of_them() -> list[Outcome | BaseException]:
        return await asyncio.gather(
            *(
                _tell_one(claim, token, loopback=loopback)
                for claim, token in zip(claims, tokens, strict=True)
            ),
            return_exceptions=True,
        )

    return [_outcome(came) for came in asyncio.run(all_of_them())]


def _outcome(came: Outcome | BaseException) -> Outcome:
    # A defect of ours that one notice meets must not keep the others from being told.
    if isinstance(came, Exception):
        log.error("logout notice failed", exc_info=came)
        return Outcome(f"A failure of ours: {type(came).__name__}")
    if isinstance(came, BaseException):
        raise came
    return came


async def _tell_one(claim: Claim, token: str, *, loopback: bool) -> Outcome:
    # Web processes write notices and never send them: they are spared the library.
    from idp.outgoing import NoAnswer, post_form

    if not claim.in_use:
        return Outcome("The client is out of use.", skipped=True)
    if claim.uri is None:
        return Outcome("The client has no address for it any more.", skipped=True)
    try:
        answer = await post_form(claim.uri, {"logout_token": token}, loopback=loopback)
    except NoAnswer as error:
        return Outcome(str(error), away=True)
    words = f"{answer.status} {answer.words}".strip()
    # Back-Channel Logout, 2.8: 200; some frameworks make 204 of an empty answer.
    if answer.status in (200, 204):
        return Outcome(words, delivered=True)
    return Outcome(words, away=answer.status >= 500)


def settle(claims: Sequence[Claim], outcomes: Sequence[Outcome], totals: Totals) -> None:
    """Write down what came of each try, and leave clients alone that are away."""
    for claim, outcome in zip(claims, outcomes, strict=True):
        values: dict[str, Any] = {"last_answer": outcome.words[:ANSWER_LENGTH], "due_at": None}
        about = {"client": claim.client_id, "attempts": claim.attempts, "answer": outcome.words}
        if outcome.delivered:
            values |= {"delivered_at": now()}
            totals.delivered += 1
        elif outcome.skipped:
            log.info("logout notice skipped", **about)
            totals.skipped += 1
        elif claim.attempts >= ATTEMPTS:
            log.error("logout notice given up", sid=claim.sid, **about)
            totals.given_up += 1
        else:
            values["due_at"] = now() + delay(claim.attempts - 1, first=FIRST, longest=LONGEST)
            log.warning("logout notice not taken", **about)
            totals.postponed += 1
        # Not when another took it over in the meantime, since we were slower than our lease.
        db.session.execute(
            update(LogoutNotice)
            .where(LogoutNotice.id == claim.id, LogoutNotice.attempts == claim.attempts)
            .values(values)
            .execution_options(synchronize_session=False)
        )
    db.session.commit()
    told = list(zip(claims, outcomes, strict=True))
    answered = {claim.client for claim, outcome in told if not outcome.away}
    _leave_alone({claim.client for claim, outcome in told if outcome.away} - answered)


def _clients_due() -> list[int]:
    """The clients, by row id, that something is due for and that are not left alone."""
    db.session.rollback()
    with reading():
        due = select(LogoutNotice.client_id).where(LogoutNotice.due_at <= now()).distinct()
        clients = list(db.session.scalars(due))
        db.session.rollback()
    if not clients:
        return []
    try:
        away = jobs.connection().mget([f"{_AWAY}{client}" for client in clients])
    except RedisError as error:
        log.warning("clients that were away are asked again: Redis is away", error=str(error))
        return clients
    return [client for client, flag in zip(clients, away, strict=True) if flag is None]


def _leave_alone(clients: Collection[int]) -> None:
    try:
        for client in clients:
            jobs.connection().set(f"{_AWAY}{client}", "1", ex=AWAY_SECONDS)
    except RedisError as error:
        log.warning("clients that are away are asked again: Redis is away", error=str(error))
