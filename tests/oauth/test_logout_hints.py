"""The ID token as a hint at logout: only our own, unchanged, for its own client."""

import base64
import datetime as dt
import hmac
import json
from collections.abc import Callable

import pytest
from flask import Flask
from joserfc import jwt

from idp.database import now
from idp.oauth import id_tokens, keys
from tests.oauth.conftest import AFTER_LOGOUT, Site, is_page, sign_in
from tests.oauth.leaving import content, ended, logout

ODD_HEADERS = (["alg"], "alg", {"alg": "RS256", "crit": 1}, {"alg": {}}, {"alg": "RS256", "kid": 1})


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.compliance("L02", "T26")
@pytest.mark.parametrize(
    "hint",
    [
        *("nonsense", "a.b.c", "é.é.é", "e30.e30.e30"),
        *(f"{encoded(header)}.e30.AAAA" for header in ODD_HEADERS),
    ],
)
def test_a_bad_hint_gets_a_page(app: Flask, site: Site, hint: str) -> None:
    member = sign_in(app, site.browser)
    response = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert response.status_code == 400
    assert is_page(response)
    assert not ended(app, member)


@pytest.mark.compliance("L03", "T21")
@pytest.mark.parametrize("how", ["none", "HS256", "claims", "signature", "other-type"])
def test_a_modified_hint_gets_a_page(app: Flask, site: Site, how: str) -> None:
    member = sign_in(app, site.browser)
    hint = modified(app, site.tokens()["id_token"], how)
    response = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert response.status_code == 400
    assert is_page(response)
    assert not ended(app, member)


def modified(app: Flask, id_token: str, how: str) -> str:
    header, body, signature = id_token.split(".")

    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    with app.app_context():
        key = keys.current()
        if how == "none":
            return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{body}."
        if how == "HS256":
            start = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{body}"
            mac = hmac.digest(key.as_pem(private=False), start.encode(), "sha256")
            return f"{start}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        if how == "claims":
            return f"{header}.{encoded({**claims, 'sub': 'another'})}.{signature}"
        if how == "other-type":
            other = {"alg": "RS256", "kid": key.kid, "typ": "logout+jwt"}
            return jwt.encode(other, claims, key, ["RS256"])
        return f"{header}.{body}.{signature[:-4]}AAAA"


@pytest.mark.compliance("T22")
def test_an_access_token_is_no_hint(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    response = logout(site, id_token_hint=site.tokens()["access_token"])
    assert response.status_code == 400
    assert not ended(app, member)


@pytest.mark.compliance("L12")
def test_an_expired_hint_is_accepted(
    app: Flask, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = sign_in(app, site.browser)
    monkeypatch.setattr(id_tokens, "now", lambda: now() - dt.timedelta(hours=2))
    hint = site.tokens()["id_token"]
    monkeypatch.undo()
    response = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert response.location == AFTER_LOGOUT
    assert ended(app, member)


@pytest.mark.compliance("L13")
def test_a_hint_of_another_client_than_the_named_is_refused(
    app: Flask, site: Site, new_site: Callable[..., Site]
) -> None:
    member = sign_in(app, site.browser)
    response = logout(
        site,
        id_token_hint=site.tokens()["id_token"],
        client_id=new_site().client_id,
        post_logout_redirect_uri=AFTER_LOGOUT,
    )
    assert response.status_code == 400
    assert is_page(response)
    assert not ended(app, member)


def test_a_hint_of_somebody_else_does_not_end_this_session(app: Flask, site: Site) -> None:
    sign_in(app, site.browser)
    hint = site.tokens()["id_token"]
    other = sign_in(app, site.browser)
    page = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert "Sign out of" in content(page)
    assert not ended(app, other)
