"""Clients are told that a session ended: each by itself. The receivers are real servers."""

import functools
import time
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import outgoing
from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.oauth import clients, registration
from idp.oauth.clients import Client
from idp.oauth.logout_notices import LogoutNotice
from idp.settings import Settings
from tests.oauth.backchannel.conftest import notices, sign_in_and_out, tell, told_at
from tests.oauth.conftest import ISSUER, site_in
from tests.receiver import Receiver, receiving

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.mark.compliance("BC1")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_logout_token_is_what_the_specification_says(
    app: Flask, receiver: Receiver, algorithm: str
) -> None:
    site = site_in(app, backchannel_logout_uri=receiver.url, signing_algorithm=algorithm)
    signed_in = sign_in_and_out(site)
    before = int(time.time())
    assert tell(app) == {"delivered": 1, "postponed": 0, "given_up": 0, "skipped": 0}

    assert receiver.seen[0]["Content-Type"] == "application/x-www-form-urlencoded"
    assert list(receiver.forms[0]) == ["logout_token"]
    published = KeySet.import_key_set(app.test_client().get("/oauth/jwks").json)
    token = jwt.decode(receiver.tokens[0], published, [algorithm])
    assert token.header["typ"] == "logout+jwt"
    assert token.header["alg"] == algorithm
    claims = token.claims
    assert claims.keys() == {"iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"}
    assert claims["iss"] == ISSUER
    assert claims["aud"] == site.client_id
    assert claims["events"] == {EVENT: {}}
    assert (claims["sub"], claims["sid"]) == (signed_in["sub"], signed_in["sid"])
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] == claims["iat"] + 120

    notice = notices(app)[0]
    assert notice.delivered_at is not None
    assert (notice.due_at, notice.attempts, notice.last_answer) == (None, 1, "200")
    assert tell(app) == {"delivered": 0, "postponed": 0, "given_up": 0, "skipped": 0}
    assert len(receiver.forms) == 1


def test_a_logout_token_is_no_id_token_hint(app: Flask, receiver: Receiver) -> None:
    told_at(app, receiver)
    tell(app)
    answer = app.test_client().get(
        "/oauth/logout", query_string={"id_token_hint": receiver.tokens[0]}
    )
    assert answer.status_code == 400
    assert "no ID token of this server" in answer.text


@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_answer_is_an_answer(app: Flask, receiver: Receiver, status: int) -> None:
    receiver.status = status
    told_at(app, receiver)
    assert tell(app)["delivered"] == 1


@pytest.mark.compliance("BC2")
def test_discovery_says_so(app: Flask) -> None:
    facts = app.test_client().get("/.well-known/openid-configuration").json
    assert facts["backchannel_logout_supported"] is True
    assert facts["backchannel_logout_session_supported"] is True


@pytest.mark.compliance("BC3")
def test_a_site_that_is_silent_or_fails_delays_no_other(
    app: Flask, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sites are out of order, one is not there at all; the fourth is told while the first
    still keeps us waiting."""
    quickly = functools.partial(outgoing.post_form, deadline=3.0)
    monkeypatch.setattr(outgoing, "post_form", quickly)
    receiver.silent.set()
    silent = told_at(app, receiver)
    with receiving() as gone:
        site = told_at(app, gone)
    well = told_at(app, other)
    with receiving() as failing:
        failing.status, failing.body = 500, b"Internal error"
        broken = told_at(app, failing)

        totals = tell(app)

    assert totals == {"delivered": 1, "postponed": 3, "given_up": 0, "skipped": 0}
    answers = {notice.client_id: notice.last_answer for notice in notices(app)}
    assert answers[well.row_id] == "200"
    assert answers[silent.row_id] == "no answer within 3 seconds"
    assert answers[broken.row_id] == "500 Internal error"
    assert "ConnectError" in answers[site.row_id]


@pytest.mark.compliance("BC3")
def test_the_members_own_sign_out_waits_for_nobody(app: Flask, receiver: Receiver) -> None:
    receiver.silent.set()
    site = told_at(app, receiver)
    assert site.browser.get("/").status_code == 303
    assert receiver.forms == [], "nobody was asked in the request"


@pytest.mark.compliance("BC4")
def test_a_client_that_is_gone_or_out_of_use_is_passed_over(
    app: Flask, receiver: Receiver, other: Receiver
) -> None:
    gone, disabled = told_at(app, receiver), told_at(app, receiver)
    moved, well = told_at(app, receiver), told_at(app, other)
    with app.app_context():
        db.session.execute(Client.__table__.delete().where(Client.id == gone.row_id))
        registration.change(clients.find(disabled.client_id), active=False)
        registration.change(clients.find(moved.client_id), backchannel_logout_uri=None)
        db.session.commit()
    assert tell(app) == {"delivered": 1, "postponed": 0, "given_up": 0, "skipped": 2}
    assert receiver.forms == []
    assert {
        notice.last_answer for notice in notices(app, LogoutNotice.client_id != well.row_id)
    } == {
        "The client is out of use.",
        "The client has no address for it any more.",
    }
    assert tell(app)["skipped"] == 0


@pytest.mark.compliance("BC6")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(
    app: Flask, receiver: Receiver, other: Receiver, status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": other.url}
    told_at(app, receiver)
    assert tell(app)["postponed"] == 1
    assert other.forms == []


@pytest.mark.compliance("BC6")
def test_a_public_deployment_tells_nobody_on_its_own_machine(
    app: Flask, receiver: Receiver, settings: Settings
) -> None:
    told_at(app, receiver)
    app.config["TESSERA"] = settings.model_copy(update={"public_url": "https://id.example.org"})
    assert tell(app)["postponed"] == 1
    assert receiver.forms == []
    assert notices(app)[0].last_answer == "the name leads to 127.0.0.1, an internal address"


def test_a_failure_of_ours_holds_no_other_back(
    app: Flask, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_at(app, receiver)
    told_at(app, other)
    really = outgoing.post_form

    async def broken(url: str, *arguments: Any, **options: Any) -> Any:
        if url == receiver.url:
            raise ZeroDivisionError
        return await really(url, *arguments, **options)

    monkeypatch.setattr(outgoing, "post_form", broken)
    totals = tell(app)
    assert (totals["delivered"], totals["postponed"]) == (1, 1)


@pytest.mark.compliance("BC6")
@pytest.mark.parametrize(
    ("address", "issuer", "reason"),
    [
        ("https://10.0.0.1/told", ISSUER, "internal_address"),
        ("https://169.254.169.254/told", ISSUER, "internal_address"),
        ("https://[::ffff:10.0.0.1]/told", ISSUER, "internal_address"),
        ("https://[64:ff9b::a00:1]/told", ISSUER, "internal_address"),
        ("https://127.0.0.1/told", "https://id.example.org", "internal_address"),
        ("http://site.example.org/told", ISSUER, "not_https"),
        ("https://user:word@site.example.org/told", ISSUER, "credentials"),
        ("https://127.0.0.1/told", ISSUER, None),
        ("https://93.184.215.14/told", "https://id.example.org", None),
    ],
)
def test_an_internal_address_is_not_even_registered(
    app: Flask, settings: Settings, address: str, issuer: str, reason: str | None
) -> None:
    app.config["TESSERA"] = settings.model_copy(update={"public_url": issuer})
    if reason is None:
        assert site_in(app, backchannel_logout_uri=address)
        return
    with pytest.raises(InvalidValue) as caught:
        site_in(app, backchannel_logout_uri=address)
    assert (caught.value.field, caught.value.reason) == ("backchannel_logout_uri", reason)
