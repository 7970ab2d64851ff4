"""RP-initiated logout (L) and front-channel logout (FC)."""

import base64
import datetime as dt
import hmac
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc import jwt
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.audit import AuditEvent, Event
from idp.database import db, now
from idp.oauth import grants, id_tokens, keys, registration
from idp.oauth.clients import Client
from idp.signin.sessions import SignInSession
from tests.oauth.conftest import (
    AFTER_LOGOUT,
    ISSUER,
    Member,
    Site,
    is_page,
    parameters_of,
    sign_in,
)


def ended(app: Flask, member: Member) -> bool:
    with app.app_context():
        return db.session.get(SignInSession, member.session_id).ended_at is not None


def logout(site: Site, **parameters: str) -> TestResponse:
    return site.browser.get("/oauth/logout", query_string=parameters)


def press_the_button(site: Site, page: TestResponse) -> TestResponse:
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', content(page)))
    return site.browser.post("/oauth/logout/confirm", data=form)


def content(page: TestResponse) -> str:
    """The page's own part, without the frame around it (which has a sign-out button, too)."""
    return page.text.split("<main")[1]


@pytest.mark.compliance("L01")
def test_a_valid_hint_signs_out_and_goes_back_with_state(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    tokens = site.tokens()
    response = logout(
        site,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=AFTER_LOGOUT,
        state="s & t",
    )
    assert response.status_code == 303
    assert response.location.startswith(AFTER_LOGOUT + "?")
    assert parameters_of(response) == {"state": "s & t"}
    assert ended(app, member)
    assert parameters_of(site.authorize(prompt="none"))["error"] == "login_required"
    assert site.userinfo(tokens["access_token"]).status_code == 401
    with app.app_context():
        events = select(AuditEvent).where(
            AuditEvent.name == Event.SIGNED_OUT, AuditEvent.subject == member.key
        )
        assert db.session.scalars(events).one().actor == member.email


@pytest.mark.compliance("L06")
def test_without_state_there_is_none(site: Site, visitor: Member) -> None:
    response = logout(
        site, id_token_hint=site.tokens()["id_token"], post_logout_redirect_uri=AFTER_LOGOUT
    )
    assert response.location == AFTER_LOGOUT


def test_a_posted_logout_works_with_and_without_the_cookie(app: Flask, site: Site) -> None:
    for with_cookie in (True, False):
        member = sign_in(app, site.browser)
        form = {
            "id_token_hint": site.tokens()["id_token"],
            "post_logout_redirect_uri": AFTER_LOGOUT,
        }
        # SameSite=Lax: another site's form comes without the cookie.
        sender = site.browser if with_cookie else app.test_client()
        response = sender.post("/oauth/logout", data=form)
        if not with_cookie:
            assert response.location.startswith("/oauth/logout?")
            response = site.browser.get(response.location)
        assert response.location == AFTER_LOGOUT
        assert ended(app, member)


@pytest.mark.compliance("L02")
@pytest.mark.parametrize("hint", ["nonsense", "a.b.c", "é.é.é", "e30.e30.e30"])
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

    def encode(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    with app.app_context():
        key = keys.current()
        if how == "none":
            return f"{encode({'alg': 'none', 'typ': 'JWT'})}.{body}."
        if how == "HS256":
            start = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{body}"
            mac = hmac.digest(key.as_pem(private=False), start.encode(), "sha256")
            return f"{start}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        if how == "claims":
            return f"{header}.{encode({**claims, 'sub': 'another'})}.{signature}"
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


@pytest.mark.compliance("L04", "L05", "L07", "L14", "S23")
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"state": "s"},
        {"post_logout_redirect_uri": AFTER_LOGOUT},
        {"post_logout_redirect_uri": AFTER_LOGOUT, "state": "s"},
    ],
)
def test_without_a_hint_the_member_is_asked(
    app: Flask, site: Site, parameters: dict[str, str]
) -> None:
    member = sign_in(app, site.browser)
    page = logout(site, **parameters)
    assert page.status_code == 200
    assert is_page(page)
    assert "Sign out of" in content(page)
    assert not ended(app, member)
    # Another site's form has no CSRF token.
    assert site.browser.post("/oauth/logout/confirm", data=parameters).status_code == 400
    assert not ended(app, member)
    done = press_the_button(site, page)
    assert ended(app, member)
    if "post_logout_redirect_uri" in parameters:
        assert done.status_code == 303
        assert done.location == AFTER_LOGOUT + ("?state=s" if "state" in parameters else "")
    else:
        assert done.status_code == 200
        assert "You are signed out" in done.text


@pytest.mark.compliance("L08")
def test_a_hint_alone_ends_the_session_and_stays_here(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    response = logout(site, id_token_hint=site.tokens()["id_token"])
    assert response.status_code == 200
    assert "You are signed out" in response.text
    assert ended(app, member)


@pytest.mark.compliance("L09", "L10", "L15", "S02")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/",
        AFTER_LOGOUT + "?added=1",
        AFTER_LOGOUT + "/",
        AFTER_LOGOUT.upper(),
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("name", ["post_logout_redirect_uri", "returnUrl"])
def test_an_address_on_no_list_is_never_gone_to(
    app: Flask, site: Site, uri: str, name: str
) -> None:
    member = sign_in(app, site.browser)
    hint = site.tokens()["id_token"]
    page = logout(site, **{name: uri})
    assert uri not in page.text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', content(page)))
    done = site.browser.post("/oauth/logout/confirm", data={**form, name: uri})
    assert is_page(done)
    assert ended(app, member)
    sign_in(app, site.browser, member.account_id)
    assert is_page(logout(site, id_token_hint=hint, **{name: uri}))


def test_a_named_client_has_its_own_list(app: Flask, site: Site, new_site: object) -> None:
    sign_in(app, site.browser)
    with app.app_context():
        registration.change(
            db.session.get(Client, site.row_id),
            post_logout_redirect_uris=["https://only.example.org/this"],
        )
        db.session.commit()
    hint = site.tokens()["id_token"]
    response = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert is_page(response)


def test_a_client_out_of_use_has_no_list(app: Flask, site: Site, visitor: Member) -> None:
    uri = "https://gone.example.org/bye"
    with app.app_context():
        registration.change(
            db.session.get(Client, site.row_id), post_logout_redirect_uris=[uri], active=False
        )
        db.session.commit()
    assert uri not in logout(site, post_logout_redirect_uri=uri).text


def test_a_hint_of_somebody_else_does_not_end_this_session(app: Flask, site: Site) -> None:
    sign_in(app, site.browser)
    hint = site.tokens()["id_token"]
    other = sign_in(app, site.browser)
    page = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert "Sign out of" in content(page)
    assert not ended(app, other)


def test_with_nobody_here_a_hint_goes_back_and_a_bare_link_offers_to(
    app: Flask, site: Site
) -> None:
    sign_in(app, site.browser)
    hint = site.tokens()["id_token"]
    stranger = app.test_client()
    by_hint = stranger.get(
        "/oauth/logout",
        query_string={"id_token_hint": hint, "post_logout_redirect_uri": AFTER_LOGOUT},
    )
    assert by_hint.location == AFTER_LOGOUT
    bare = stranger.get("/oauth/logout", query_string={"returnUrl": AFTER_LOGOUT})
    assert bare.status_code == 200
    assert f'href="{AFTER_LOGOUT}"' in bare.text
    assert "signed-out.js" not in bare.text


@pytest.mark.compliance("FC1")
def test_every_site_of_the_session_is_told(
    app: Flask, site: Site, new_site: Callable[..., Site]
) -> None:
    member = sign_in(app, site.browser)
    listening = new_site(frontchannel_logout_uri="https://one.example.org/out?a=1")
    never_used = new_site(frontchannel_logout_uri="https://two.example.org/out")
    listening.browser = site.browser
    listening.tokens()
    hint = site.tokens()["id_token"]
    page = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT, state="s")
    assert page.status_code == 200
    assert page.text.count("<iframe") == 1
    frame = re.search(r'<iframe src="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    assert frame.startswith("https://one.example.org/out?")
    with app.app_context():
        sid = grants.session_id(db.session.get(SignInSession, member.session_id).token_hash)
    assert parse_qs(urlsplit(frame).query) == {"a": ["1"], "iss": [ISSUER], "sid": [sid]}
    assert "frame-src https://one.example.org;" in page.headers["Content-Security-Policy"]
    # Goes on by a script of ours, or by the link.
    assert "signed-out.js" in page.text
    assert f'href="{AFTER_LOGOUT}?state=s"' in page.text
    with app.test_client().get("/static/signed-out.js") as script:
        assert script.status_code == 200
    assert never_used.client_id not in page.text


def test_the_members_own_sign_out_tells_them_too(app: Flask, new_site: Callable[..., Site]) -> None:
    site = new_site(frontchannel_logout_uri="https://one.example.org/out")
    member = sign_in(app, site.browser)
    site.tokens()
    with app.test_request_context("/"):
        row = db.session.get(SignInSession, member.session_id)
        response = app.extensions["tessera-signed-out-page"](row)
        assert "https://one.example.org/out?iss=" in response.get_data(as_text=True)
        alone = app.extensions["tessera-signed-out-page"](None, "https://site.example.org/", None)
        assert alone.status_code == 303


def test_a_silent_logout_is_a_get_that_writes_only_when_it_must(
    app: Flask, site: Site, statements: list[str]
) -> None:
    sign_in(app, site.browser)
    statements.clear()
    logout(site)
    assert all(one.startswith("SELECT") for one in statements)
