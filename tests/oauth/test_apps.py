"""Apps: public clients, which have no secret, and whose members are asked first."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent, Event
from idp.database import db, now
from idp.directory.contacts import InvalidValue
from idp.oauth import consents, registration
from idp.oauth.clients import Client
from idp.oauth.consents import Consent
from idp.signin.sessions import SignInSession
from tests.browsing import csrf_token
from tests.directory.test_turns import side_by_side
from tests.oauth.conftest import CALLBACK, Member, Site, is_page, next_of, parameters_of, sign_in

NewSite = Callable[..., Site]


@pytest.fixture
def phone(new_site: NewSite) -> Site:
    """An app."""
    return new_site("app")


def consent_form(page: str) -> dict[str, str]:
    """What a browser sends of the consent page's form, but for the button."""
    form = page.split('action="/oauth/consent"')[1].split("</form>")[0]
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in fields}


def answer(site: Site, how: str, **changes: str | None) -> str:
    """The member answers the consent page; gives where the browser is sent."""
    page = site.authorize(**changes)
    assert is_page(page), page.location
    form = {**consent_form(page.text), "answer": how}
    response = site.browser.post("/oauth/consent", data=form)
    assert response.status_code == 303, response.text
    return str(response.location)


def allow(site: Site, **changes: str | None) -> None:
    """The member allows the site what it asks for."""
    assert urlsplit(answer(site, "allow", **changes)).path == "/oauth/authorize"


def test_an_app_signs_a_member_in_without_a_secret(app: Flask, phone: Site) -> None:
    member = sign_in(app, phone.browser)
    allow(phone)
    tokens = phone.tokens()
    assert phone.userinfo(tokens["access_token"]).json["sub"] == member.key


@pytest.mark.compliance("S04", "T03")
def test_an_app_proves_itself_by_pkce(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    allow(phone)
    refused = parameters_of(phone.authorize(code_challenge=None, code_challenge_method=None))
    assert refused["error"] == "invalid_request"
    assert phone.exchange(phone.code(), code_verifier="x" * 43).status_code == 400
    assert phone.exchange(phone.code(), code_verifier=None).status_code == 400


@pytest.mark.compliance("S08")
def test_an_apps_refresh_tokens_rotate(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    scope = "openid offline_access"
    allow(phone, scope=scope)
    first = phone.tokens(scope=scope)["refresh_token"]
    second = phone.refresh(first).json["refresh_token"]
    assert second != first
    assert phone.post("/oauth/revoke", {"token": second}).status_code == 200
    assert phone.refresh(second).json["error"] == "invalid_grant"


@pytest.mark.compliance("T06")
def test_nobody_else_goes_without_a_secret(site: Site, visitor: Member, phone: Site) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": site.code(),
        "client_id": site.client_id,
    }
    refused = site.app.test_client().post("/oauth/token", data=form)
    assert refused.status_code == 401
    assert refused.json["error"] == "invalid_client"
    # Nor does an app with one: it would be somebody's guess.
    form = {"grant_type": "refresh_token", "client_id": phone.client_id, "client_secret": "x"}
    assert site.app.test_client().post("/oauth/token", data=form).status_code == 401


@pytest.mark.compliance("S01", "S03")
def test_an_apps_addresses(app: Flask) -> None:
    with app.app_context():
        for good in ("com.example.app:/back", "http://127.0.0.1/back", "https://a.example/back"):
            client, secret = registration.create("An app", "app", [good])
            assert secret is None
            assert client.check_redirect_uri(good)
        loopback, _ = registration.create("An app", "app", ["http://127.0.0.1/back"])
        assert loopback.check_redirect_uri("http://127.0.0.1:5001/back")
        for other in (
            "http://127.0.0.1:5001/other",
            "http://127.0.0.1:5001/back?x=1",
            "http://127.0.0.1:x/back",
            "http://a@127.0.0.1/back",
            "http://127.0.0.1.example.com/back",
            "http://localhost/back",
            "https://127.0.0.1/back",
            # What a reader of addresses leaves out and a Location header keeps.
            "http://127.0.0.1:5001/back\n",
            "http://127.0.0.1:5001/ba\tck",
            " http://127.0.0.1:5001/back",
            "\x01http://127.0.0.1:5001/back",
            "http://127.0.0.1\r:5001/back",
            "HTTP://127.0.0.1:5001/back",
            "http://127.0.0.1:/back",
            "http://127.0.0.1:5001/back?",
        ):
            assert not loopback.check_redirect_uri(other), other
        for bad in ("app:/back", "com.example.app://host/back", "javascript:alert(1)"):
            with pytest.raises(InvalidValue):
                registration.create("An app", "app", [bad])
        with pytest.raises(InvalidValue):
            registration.create("A site", "oidc", ["com.example.app:/back"])
        db.session.rollback()


def test_consent_is_asked_once_and_again_for_more(app: Flask, phone: Site) -> None:
    member = sign_in(app, phone.browser)
    page = phone.authorize(scope="openid")
    assert "Allow A site?" in page.text
    assert "your e-mail address" not in page.text
    allow(phone, scope="openid")
    assert phone.code(scope="openid")
    assert is_page(phone.authorize(scope="openid email"))
    allow(phone, scope="openid email")
    assert phone.code(scope="openid")
    with app.app_context():
        given = select(AuditEvent.actor).where(
            AuditEvent.name == Event.CONSENT_GIVEN, AuditEvent.subject == phone.client_id
        )
        assert db.session.scalars(given).all() == [member.email] * 2


def test_prompt_consent_asks_again_and_ends(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    allow(phone)
    onward = answer(phone, "allow", prompt="consent")
    assert "code" in parameters_of(phone.browser.get(onward))


def test_silently_there_is_no_page(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    refused = parameters_of(phone.authorize(prompt="none"))
    assert refused["error"] == "consent_required"
    assert refused["state"] == phone.default["state"]


def test_not_now_goes_back_with_an_error(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    location = answer(phone, "no")
    assert location.startswith(CALLBACK)
    back = parse_qs(urlsplit(location).query)
    assert back["error"] == ["access_denied"]
    assert back["iss"] == ["http://127.0.0.1:8000"]
    assert is_page(phone.authorize())


def test_who_was_signed_out_meanwhile_is_asked_again_after_the_sign_in(
    app: Flask, phone: Site
) -> None:
    member = sign_in(app, phone.browser)
    form = {**consent_form(phone.authorize().text), "answer": "allow"}
    with app.app_context():
        db.session.get_one(SignInSession, member.session_id).ended_at = now()
        db.session.commit()
    sent = phone.browser.post("/oauth/consent", data=form)
    here = next_of(phone.browser.get(sent.location))
    sign_in(app, phone.browser, member.account_id)
    assert "Allow A site?" in phone.browser.get(here).text


def test_of_two_answers_at_once_both_are_taken(app: Flask, phone: Site) -> None:
    account_id = sign_in(app, phone.browser).account_id

    def give(scope: str) -> None:
        consents.give(account_id, db.session.get_one(Client, phone.row_id), scope)

    with app.app_context():
        side_by_side(app, lambda: give("openid"), lambda: give("openid email"))
        assert db.session.get_one(Consent, (account_id, phone.row_id)).scope == "openid email"


@pytest.mark.compliance("S23", "S02")
def test_consent_cannot_be_given_for_somebody(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    page = phone.authorize()
    forged = {"query": "client_id=x", "answer": "allow"}
    assert phone.browser.post("/oauth/consent", data=forged).status_code == 400  # no CSRF token
    token = csrf_token(page.text)
    for query in (
        f"client_id={phone.client_id}&redirect_uri=https%3A%2F%2Fevil.example",
        "client_id=nobody",
        "a=1&a=2",
        "",
    ):
        form = {"csrf_token": token, "query": query, "answer": "no"}
        refused = phone.browser.post("/oauth/consent", data=form)
        assert refused.status_code == 400
        assert is_page(refused)


@pytest.mark.compliance("T01", "T18")
def test_consent_withdrawn_ends_everything_at_once(app: Flask, phone: Site) -> None:
    sign_in(app, phone.browser)
    scope = "openid offline_access"
    allow(phone, scope=scope)
    tokens = phone.tokens(scope=scope)
    code = phone.code(scope=scope)
    page = phone.browser.get("/profile/sites")
    assert "A site" in page.text
    row_id = page.text.split('name="client" value="')[1].split('"')[0]
    form = {"csrf_token": csrf_token(page.text), "client": row_id}
    assert phone.browser.post("/profile/sites", data=form).status_code == 303
    assert phone.userinfo(tokens["access_token"]).status_code == 401
    assert phone.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert phone.exchange(code).json["error"] == "invalid_grant"
    assert is_page(phone.authorize())
    assert "not allowed any site" in phone.browser.get("/profile/sites").text


def test_taking_back_what_was_never_given_changes_nothing(
    app: Flask, phone: Site, new_site: NewSite
) -> None:
    sign_in(app, phone.browser)
    allow(phone)
    other = new_site("app")
    token = csrf_token(phone.browser.get("/profile/sites").text)
    for client in (str(other.row_id), "999999", "", "x", "²", "1" * 50):
        form = {"csrf_token": token, "client": client}
        assert phone.browser.post("/profile/sites", data=form).status_code == 303
    assert phone.code()


def test_the_pages_are_for_members_who_are_signed_in(app: Flask) -> None:
    stranger = app.test_client()
    assert stranger.get("/profile/sites").location.startswith("/sign-in")
    assert stranger.get("/oauth/consent").status_code == 405
