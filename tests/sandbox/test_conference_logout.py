"""The second client is told by the provider's server that a member signed out."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.sandbox.association import KEY, Association
from tests.sandbox.conftest import Sandbox, attends

EVENT = "http://schemas.openid.net/event/backchannel-logout"
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@pytest.fixture
def attendee(conference: Sandbox, browser: requests.Session) -> requests.Session:
    browser.get(f"{conference.base}/conference/sign-in", timeout=10)
    assert attends(conference, browser)
    return browser


def logout_token(
    association: Association, *, key: RSAKey = KEY, typ: str = "logout+jwt", **changes: Any
) -> str:
    now = int(time.time())
    claims = {
        "iss": association.issuer,
        "aud": "conference",
        "iat": now,
        "exp": now + 120,
        "jti": "once",
        "events": {EVENT: {}},
        "sub": "ada",
        "sid": "sid-1",
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": "one", "typ": typ}, kept, key)


def tell(conference: Sandbox, token: str) -> requests.Response:
    return requests.post(
        f"{conference.base}/conference/backchannel-logout",
        data={"logout_token": token},
        timeout=10,
    )


@pytest.mark.parametrize("named", [{}, {"sub": None}, {"sid": None}])
def test_the_session_that_is_named_ends(
    conference: Sandbox,
    association: Association,
    attendee: requests.Session,
    named: dict[str, Any],
) -> None:
    answer = tell(conference, logout_token(association, **named))
    assert (answer.status_code, answer.json()) == (200, {"ended": 1})
    assert answer.headers["Cache-Control"] == "no-store"
    assert not attends(conference, attendee)


def test_another_session_stays(
    conference: Sandbox, association: Association, attendee: requests.Session
) -> None:
    answer = tell(conference, logout_token(association, sid="another"))
    assert (answer.status_code, answer.json()) == (200, {"ended": 0})
    assert attends(conference, attendee)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": OTHER_KEY},
        {"typ": "JWT"},
        {"iss": "http://other.example"},
        {"aud": "other"},
        {"aud": ["other"]},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"events": None},
        {"events": {}},
        {"events": {EVENT: None}},
        {"nonce": "n"},
        {"sub": None, "sid": None},
    ],
)
def test_a_token_that_does_not_hold_ends_nothing(
    conference: Sandbox,
    association: Association,
    attendee: requests.Session,
    wrong: dict[str, Any],
) -> None:
    answer = tell(conference, logout_token(association, **wrong))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert attends(conference, attendee)


@pytest.mark.parametrize("token", ["", "no token", "a.b.c", "x" * 9000])
def test_garbage_is_refused(conference: Sandbox, token: str) -> None:
    assert tell(conference, token).status_code == 400


def test_a_provider_that_is_away_is_asked_to_come_again(restarted: Callable[..., Any]) -> None:
    with restarted(issuer="http://127.0.0.1:9", conference_client_id="conference") as conference:
        assert tell(conference, "a.b.c").status_code == 503
