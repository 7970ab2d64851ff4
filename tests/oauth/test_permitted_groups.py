"""Clients that are for the members of some groups alone."""

from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory.accounts import Account
from idp.oauth import registration
from idp.oauth.clients import Client
from idp.oauth.grants import Grant
from tests import browsing, factories
from tests.oauth.conftest import CALLBACK, Member, Site, is_page, parameters_of, sign_in

NewSite = Callable[..., Site]


@pytest.fixture
def club(app: Flask, new_site: NewSite) -> Site:
    """A site for those alone whose member type is Fellow."""
    site = new_site()
    for_fellows(app, site)
    return site


def for_fellows(app: Flask, site: Site) -> None:
    """The association keeps a site for a group."""
    with app.app_context():
        group = factories.group({"field": "member_type", "op": "is", "value": "Fellow"})
        registration.change(db.session.get(Client, site.row_id), permitted_groups=[group])
        db.session.commit()


def make_fellow(app: Flask, member: Member, member_type: str = "Fellow") -> None:
    """The association makes somebody a fellow."""
    with app.app_context():
        db.session.get(Account, member.account_id).person.member_type = member_type
        db.session.commit()


def link(page: str, words: str) -> str:
    """Where a link or button of a page leads."""
    return unescape(page.split(f">{words}</a>")[0].rsplit('href="', 1)[1].split('"')[0])


def test_its_members_sign_in_and_nobody_else(app: Flask, club: Site) -> None:
    member = sign_in(app, club.browser)
    page = club.authorize()
    assert page.status_code == 403
    assert is_page(page)
    assert "A site is not open to you" in page.text
    assert member.email in page.text
    with app.app_context():
        grants = select(func.count()).where(Grant.account_id == member.account_id)
        assert db.session.scalar(grants) == 0
    make_fellow(app, member)
    assert club.userinfo(club.tokens()["access_token"]).json["sub"] == member.key


def test_silently_there_is_no_page(app: Flask, club: Site) -> None:
    sign_in(app, club.browser)
    answer = parameters_of(club.authorize(prompt="none"))
    assert answer["error"] == "access_denied"
    assert "group" in answer["error_description"]
    assert answer["state"] == club.default["state"]


@pytest.mark.compliance("S02", "S05")
def test_the_page_leads_back_to_the_site_with_the_error(app: Flask, club: Site) -> None:
    sign_in(app, club.browser)
    back = link(club.authorize().text, "Back to A site")
    assert back.startswith(CALLBACK + "?")
    answer = parse_qs(urlsplit(back).query)
    assert answer["error"] == ["access_denied"]
    assert answer["state"] == [club.default["state"]]
    assert answer["iss"] == ["http://127.0.0.1:8000"]
    evil = club.authorize(redirect_uri="https://evil.example.org/")
    assert evil.status_code == 400
    assert "evil.example.org" not in evil.text


def test_somebody_else_may_sign_in_instead(app: Flask, club: Site) -> None:
    member = sign_in(app, club.browser)
    with app.app_context():
        fellow = factories.account(member_type="Fellow").person
        email, key = fellow.email, fellow.key
    address = link(club.authorize().text, "Sign in as somebody else")
    page = club.browser.get(address)
    assert page.status_code == 200
    assert member.email not in page.text
    form = {
        "csrf_token": browsing.csrf_token(page.text),
        "email": email,
        "password": factories.PASSWORD,
    }
    onward = club.browser.post(address, data=form).location
    code = parameters_of(club.browser.get(onward))["code"]
    token = club.exchange(code).json["access_token"]
    assert club.userinfo(token).json["sub"] == key


@pytest.mark.compliance("T01", "T17")
def test_who_leaves_the_group_has_nothing_left(app: Flask, club: Site) -> None:
    member = sign_in(app, club.browser)
    make_fellow(app, member)
    scope = "openid offline_access"
    tokens, code = club.tokens(scope=scope), club.code(scope=scope)
    make_fellow(app, member, "Student")
    assert is_page(club.authorize())
    assert club.exchange(code).json["error"] == "invalid_grant"
    assert club.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert club.userinfo(tokens["access_token"]).status_code == 401


def test_a_deleted_group_lets_nobody_in(app: Flask, club: Site) -> None:
    member = sign_in(app, club.browser)
    make_fellow(app, member)
    assert club.code()
    with app.app_context():
        client = db.session.get(Client, club.row_id)
        for group in list(client.permitted_groups):
            db.session.delete(group)
        db.session.commit()
    assert is_page(club.authorize())


def test_consent_is_not_asked_of_who_is_not_let_in(app: Flask, new_site: NewSite) -> None:
    phone = new_site("app")
    for_fellows(app, phone)
    sign_in(app, phone.browser)
    assert "is not open to you" in phone.authorize().text


def test_who_is_turned_away_is_recorded(app: Flask, club: Site) -> None:
    member = sign_in(app, club.browser)
    club.authorize()
    club.authorize(prompt="none")  # a site's question, nobody's attempt
    with app.app_context():
        rows = select(AuditEvent.actor).where(
            AuditEvent.name == Event.ACCESS_REFUSED, AuditEvent.subject == club.client_id
        )
        assert db.session.scalars(rows).all() == [member.email]


def test_only_restricted_clients_cost_a_look_at_groups(
    app: Flask, club: Site, statements: list[str]
) -> None:
    member = sign_in(app, club.browser)
    make_fellow(app, member)
    club.authorize()
    statements.clear()
    club.authorize()
    verbs = [one.split()[0] for one in statements]
    assert verbs == ["SELECT", "SELECT", "INSERT", "COMMIT"]
