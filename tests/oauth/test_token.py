"""The token endpoint: codes, and what is exchanged for them."""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select, update

from idp import audit
from idp.audit import AuditEvent
from idp.database import db, now
from idp.oauth import authentication_context, grants
from idp.oauth.grants import Grant
from idp.signin.sessions import SignInSession, hashed
from tests.oauth.conftest import ISSUER, Member, Site, claims_of, cost_of_exchange


@pytest.mark.compliance("B01", "B03", "B38")
def test_the_openid_connect_flow(app: Flask, site: Site, member: Member) -> None:
    before = int(now().timestamp())
    response = site.exchange(site.code())
    answer = response.json
    assert response.headers["Cache-Control"] == "no-store"
    assert response.mimetype == "application/json"
    assert answer.keys() == {"token_type", "access_token", "expires_in", "scope", "id_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert answer["scope"] == "openid profile email"

    jwks = KeySet.import_key_set(site.browser.get("/oauth/jwks").json)
    token = jwt.decode(answer["id_token"], jwks, ["RS256"])
    assert token.header["alg"] == "RS256"
    assert token.header["kid"] in {key.kid for key in jwks}
    claims = token.claims
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(half).decode().rstrip("=")
    with app.app_context():
        session = db.session.get(SignInSession, member.session_id)
        assert claims.pop("auth_time") == int(session.started_at.timestamp())
        assert claims.pop("sid") == grants.session_id(session.token_hash)
    assert before <= claims.pop("iat") <= int(now().timestamp())
    assert claims.pop("exp") > before
    # Nothing but this: neither name nor anything else that nobody asked the ID token for.
    assert claims == {
        "iss": ISSUER,
        "aud": site.client_id,
        "sub": member.key,
        "nonce": "n-1",
        "acr": authentication_context.PASSWORD,
        "amr": ["pwd"],
    }


@pytest.mark.compliance("B08")
def test_without_a_nonce_there_is_none(site: Site, visitor: Member) -> None:
    assert "nonce" not in claims_of(site.tokens(nonce=None)["id_token"])


@pytest.mark.compliance("B28", "B29", "S11", "T01")
def test_a_code_works_once_and_a_second_use_ends_what_the_first_got(
    app: Flask, site: Site, visitor: Member
) -> None:
    code = site.code()
    first = site.exchange(code).json["access_token"]
    assert site.userinfo(first).status_code == 200
    second = site.exchange(code)
    assert second.status_code == 400
    assert second.json["error"] == "invalid_grant"
    assert second.json.keys() == {"error", "error_description"}
    assert site.userinfo(first).status_code == 401
    with app.app_context():
        recorded = select(AuditEvent).where(
            AuditEvent.name == audit.Event.CODE_REUSED, AuditEvent.subject == site.client_id
        )
        assert db.session.scalars(recorded).one().actor == f"client {site.client_id}"


@pytest.mark.compliance("B29")
def test_a_second_use_after_the_code_expired_ends_it_too(
    app: Flask, site: Site, visitor: Member
) -> None:
    code = site.code()
    first = site.exchange(code).json["access_token"]
    expire(app, code)
    assert site.exchange(code).json["error"] == "invalid_grant"
    assert site.userinfo(first).status_code == 401


def expire(app: Flask, code: str) -> None:
    with app.app_context():
        past = now() - dt.timedelta(seconds=1)
        db.session.execute(
            update(Grant).where(Grant.code_hash == hashed(code)).values(code_expires_at=past)
        )
        db.session.commit()


@pytest.mark.compliance("T01")
def test_an_expired_code_gives_nothing(app: Flask, site: Site, visitor: Member) -> None:
    code = site.code()
    expire(app, code)
    assert site.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.compliance("T01")
def test_a_code_is_for_its_client(
    site: Site, visitor: Member, new_site: Callable[..., Site]
) -> None:
    code = site.code()
    thief = new_site()
    answer = thief.exchange(code, code_verifier=site.verifier)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"
    assert site.exchange(code).status_code == 200


@pytest.mark.compliance("T01")
@pytest.mark.parametrize("uri", ["https://site.example.org/other", None])
def test_a_code_is_for_its_redirect_uri(site: Site, visitor: Member, uri: str | None) -> None:
    answer = site.exchange(site.code(), redirect_uri=uri)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"


@pytest.mark.compliance("S07", "C17")
@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        (None, "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
        ("implicit", "unsupported_grant_type"),
        ('<script>"', "unsupported_grant_type"),
    ],
)
def test_no_other_grant_is_spoken(site: Site, grant_type: str | None, error: str) -> None:
    answer = site.exchange("code", grant_type=grant_type)
    assert answer.status_code == 400
    assert answer.json["error"] == error


def test_a_missing_or_unknown_code(site: Site) -> None:
    assert site.exchange("unknown").json["error"] == "invalid_grant"
    assert site.exchange("").json["error"] == "invalid_request"


@pytest.mark.compliance("T11")
def test_get_is_no_way_to_ask_for_tokens(app: Flask) -> None:
    response = app.test_client().get("/oauth/token")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_an_exchange_costs_a_fixed_number_of_statements(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    site.tokens()  # the process keeps the signing key from now on
    code = site.code()
    statements.clear()
    site.exchange(code)
    verbs = [one.split()[0] for one in statements]
    assert verbs == cost_of_exchange(site.app)


def test_userinfo_costs_one_statement_and_writes_nothing(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    token = site.tokens()["access_token"]
    statements.clear()
    site.userinfo(token)
    assert [one.split()[0] for one in statements] == ["SELECT"]
