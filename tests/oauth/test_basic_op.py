"""The basic provider as the OpenID Foundation's suite tries it, where no other test does (B)."""

import base64
import datetime as dt
import json
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import update

from idp.database import db
from idp.oauth.grants import Grant
from idp.signin.sessions import SignInSession, hashed
from tests.oauth.conftest import (
    CALLBACK,
    ISSUER,
    Member,
    Site,
    claims_of,
    next_of,
    parameters_of,
    sign_in,
)


@pytest.mark.compliance("B01")
def test_codes_and_tokens_are_long_and_never_the_same(site: Site, visitor: Member) -> None:
    codes = [site.code() for _ in range(4)]
    answers = [site.exchange(code).json for code in codes]
    drawn = codes + [answer["access_token"] for answer in answers]
    assert len(set(drawn)) == len(drawn)
    for text in drawn:
        # 256 bits in base64url (RFC 6749, 10.10 asks for 128, RFC 9700 for what cannot be guessed).
        assert len(base64.urlsafe_b64decode(text + "=")) == 32


def signed_in_again(app: Flask, site: Site, member: Member, **wish: str) -> dict[str, Any]:
    """The ID token's claims after the way over the sign-in page that a wish asks for."""
    here = next_of(site.authorize(**wish))
    sign_in(app, site.browser, member.account_id)
    answer = parameters_of(site.browser.get(here))
    return claims_of(site.exchange(answer["code"]).json["id_token"])


@pytest.mark.compliance("B17", "B20")
@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "1"}])
def test_a_new_sign_in_has_a_later_auth_time(app: Flask, site: Site, wish: dict[str, str]) -> None:
    member = sign_in(app, site.browser)
    with app.app_context():
        db.session.get(SignInSession, member.session_id).started_at -= dt.timedelta(seconds=2)
        db.session.commit()
    first = claims_of(site.tokens()["id_token"])
    second = signed_in_again(app, site, member, **wish)
    assert second["sub"] == first["sub"]
    assert second["auth_time"] > first["auth_time"]


@pytest.mark.compliance("B19", "B21")
@pytest.mark.parametrize("wish", [{"prompt": "none"}, {"max_age": "10000"}])
def test_a_sign_in_that_is_new_enough_keeps_its_auth_time(
    app: Flask, site: Site, wish: dict[str, str]
) -> None:
    member = sign_in(app, site.browser)
    with app.app_context():
        db.session.get(SignInSession, member.session_id).started_at -= dt.timedelta(seconds=9000)
        db.session.commit()
    first = claims_of(site.tokens()["id_token"])
    second = claims_of(site.tokens(**wish)["id_token"])
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])
    assert second["iat"] - second["auth_time"] >= 9000


@pytest.mark.compliance("B29", "S11")
def test_a_code_used_again_after_thirty_seconds_ends_what_it_gave(
    app: Flask, site: Site, visitor: Member
) -> None:
    code = site.code(scope="openid offline_access")
    first = site.exchange(code).json
    half_a_minute = dt.timedelta(seconds=30)
    with app.app_context():
        # As if the first use were so long ago.
        this = Grant.code_hash == hashed(code)
        passed = {
            "code_claimed_at": Grant.code_claimed_at,
            "code_expires_at": Grant.code_expires_at,
        }
        before = db.session.execute(db.select(*passed.values()).where(this)).one()
        moved = {name: getattr(before, name) - half_a_minute for name in passed}
        db.session.execute(update(Grant).where(this).values(**moved))
        db.session.commit()
    assert site.userinfo(first["access_token"]).status_code == 200
    second = site.exchange(code)
    assert second.status_code == 400
    assert second.json["error"] == "invalid_grant"
    assert site.userinfo(first["access_token"]).status_code == 401
    assert site.refresh(first["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.compliance("B32")
def test_the_whole_flow_with_the_secret_in_the_body(app: Flask, site: Site, member: Member) -> None:
    credentials = {"client_id": site.client_id, "client_secret": site.secret}

    def post(path: str, **form: Any) -> Any:
        response = app.test_client().post(path, data=credentials | form)
        assert response.status_code == 200, response.text
        assert response.headers["Cache-Control"] == "no-store"
        return response.json

    tokens = post(
        "/oauth/token",
        grant_type="authorization_code",
        code=site.code(scope="openid offline_access"),
        redirect_uri=CALLBACK,
        code_verifier=site.verifier,
    )
    assert tokens["token_type"] == "Bearer"
    assert 0 < tokens["expires_in"] <= 3600
    keys = KeySet.import_key_set(app.test_client().get("/oauth/jwks").json)
    claims = jwt.decode(tokens["id_token"], keys, ["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, site.client_id, "n-1")
    assert site.userinfo(tokens["access_token"]).json["sub"] == claims["sub"] == member.key
    fresh = post("/oauth/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert post("/oauth/introspect", token=fresh["access_token"])["active"] is True
    post("/oauth/revoke", token=fresh["refresh_token"])
    assert post("/oauth/introspect", token=fresh["access_token"]) == {"active": False}


@pytest.mark.compliance("B34", "B36")
@pytest.mark.parametrize("inner", [CALLBACK, "https://evil.example.com/", None])
def test_a_request_object_is_refused_whatever_address_is_in_it(
    site: Site, visitor: Member, inner: str | None
) -> None:
    body = {"client_id": site.client_id, "response_type": "code", "redirect_uri": inner}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none"}, body)
    ]
    answer = site.authorize(request=".".join(parts) + ".")
    assert answer.location.startswith(CALLBACK + "?")
    assert parameters_of(answer)["error"] == "request_not_supported"
    assert "code" not in parameters_of(answer)
