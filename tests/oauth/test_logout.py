"""RP-initiated logout: who is signed out, who is asked, and where the browser goes (L)."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.oauth import registration
from idp.oauth.clients import Client
from tests.oauth.conftest import AFTER_LOGOUT, Member, Site, is_page, parameters_of, sign_in
from tests.oauth.leaving import content, ended, logout, press_the_button


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


def test_a_silent_logout_is_a_get_that_writes_only_when_it_must(
    app: Flask, site: Site, statements: list[str]
) -> None:
    sign_in(app, site.browser)
    statements.clear()
    logout(site)
    assert all(one.startswith("SELECT") for one in statements)
