"""The self-test: Higher Logic's part of the sign-in, played from end to end against the running
server.

It speaks HTTP to the public address, as Higher Logic does, so that what it shows holds for the
proxy, the certificate and the settings as well. For the time of the test the client has another
secret and the member another sign-in, which nobody sees: they live in this process alone, are
deleted whatever happens, and end by themselves when the process dies.
"""

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from idp import audit
from idp.database import db
from idp.directory.accounts import Account
from idp.oauth import discovery, grants, registration, worksheet
from idp.oauth.clients import Client
from idp.oauth.issuer import issuer
from idp.oauth.self_test import flow, refusals
from idp.oauth.self_test.far_side import AGENT, FarSide, NoAnswer
from idp.oauth.self_test.steps import (
    ODD_CHARACTERS,
    Facts,
    Failed,
    Play,
    Result,
    Step,
    passed,
)
from idp.signin import sessions

__all__ = ["STEPS", "Result", "passed", "run"]

log = structlog.get_logger()

# Longer than the test may take (`far_side`), and not by much.
LIFETIME = dt.timedelta(minutes=2)
STEPS: tuple[Step, ...] = (*flow.STEPS, *refusals.STEPS, refusals.TRACES)
_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "end_session_endpoint",
)


@dataclass(frozen=True)
class _Borrowed:
    """What exists for the test alone: a secret of the client and a sign-in of the member."""

    session_id: int
    cookie: str = field(repr=False)
    secret: str = field(repr=False)


def run(
    client: Client,
    account: Account,
    *,
    actor: audit.Who | None = None,
    tell: Callable[[Result], None] = lambda _result: None,
) -> list[Result]:
    """Play Higher Logic's part for a client made from its template, with a test member.

    ``tell`` hears of each step when it is over. ``actor`` is who asked, for the audit. Commits;
    the server that is asked must run, and in another thread or process than this one.
    """
    facts = Facts.of(client, account, worksheet.SCOPE)
    borrowed = _borrow(client, account, actor)
    results: list[Result] = []

    def play(steps: tuple[Step, ...], playing: Play) -> None:
        for step in steps:
            results.append(_played(step, playing, results))
            tell(results[-1])

    with FarSide(issuer(), borrowed.cookie) as far_side:
        metadata = discovery.metadata()
        playing = Play(
            facts=facts,
            far_side=far_side,
            endpoints={name: metadata[name] for name in _ENDPOINTS},
            secret=borrowed.secret,
            state=secrets.token_urlsafe(8) + ODD_CHARACTERS,
        )
        try:
            play(STEPS[:-1], playing)
        finally:
            _give_back(facts, borrowed)
        play(STEPS[-1:], playing)
    failed = [result.name for result in results if result.state == "failed"]
    more: dict[str, Any] = {"failed": failed} if failed else {}
    audit.record(
        audit.Event.CLIENT_TESTED,
        facts.client_id,
        actor=actor,
        member=facts.member,
        result="failed" if failed else "passed",
        **more,
    )
    db.session.commit()
    return results


def _borrow(client: Client, account: Account, actor: audit.Who | None) -> _Borrowed:
    # Before anything is tried: among what follows in the audit is a code that is used twice.
    audit.record(
        audit.Event.CLIENT_TEST_STARTED,
        client.client_id,
        actor=actor,
        member=account.person.title,
    )
    secret = registration.temporary_secret(client, LIFETIME)
    session, cookie = sessions.lend(account, LIFETIME, AGENT)
    db.session.flush()
    borrowed = _Borrowed(session.id, cookie, secret)
    # Also the end of this transaction: on SQLite the server could not write beside it.
    db.session.commit()
    return borrowed


def _give_back(facts: Facts, borrowed: _Borrowed) -> None:
    db.session.rollback()
    grants.forget_session(borrowed.session_id)
    sessions.take_back(borrowed.session_id)
    registration.end_temporary_secret(facts.client_row_id, borrowed.secret)
    db.session.commit()


def _played(step: Step, playing: Play, before: list[Result]) -> Result:
    def result(state: str, seen: str, advice: str = "") -> Result:
        return Result(step.name, step.title, state, step.did, seen, advice)  # type: ignore[arg-type]

    missing = [
        earlier.title for earlier in before if earlier.name in step.needs and earlier.state != "ok"
    ]
    if missing:
        return result("skipped", f"It needs “{missing[0]}”.")
    try:
        return result("ok", step.play(playing))
    except Failed as failure:
        return result("failed", failure.seen, failure.advice)
    except NoAnswer as failure:
        return result("failed", str(failure), failure.advice)
    except Exception:
        # What a step stumbles over is a defect of the test; its end must come all the same.
        log.exception("self-test step broke", step=step.name)
        return result("failed", "The test itself broke here.", "The log says why: report it.")
