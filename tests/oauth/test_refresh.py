"""Refresh tokens: only for offline access, replaced at each use, and a stolen one ends all."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp import audit
from idp.audit import AuditEvent
from idp.database import db, now
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import tokens
from idp.oauth.grants import Grant
from idp.oauth.tokens import Token
from idp.signin import passwords
from idp.signin.sessions import SignInSession, hashed
from tests.oauth.conftest import Member, Site, claims_of, cost_of_exchange, sign_in

OFFLINE = "openid offline_access profile"


@pytest.fixture
def first(site: Site, member: Member) -> dict[str, Any]:
    """A first answer with a refresh token."""
    return site.tokens(scope=OFFLINE)


def test_only_offline_access_brings_a_refresh_token(app: Flask, site: Site) -> None:
    sign_in(app, site.browser)
    assert "refresh_token" not in site.tokens()
    assert "refresh_token" in site.tokens(scope=OFFLINE)


@pytest.mark.compliance("B37", "S08")
def test_a_refresh_gives_new_tokens(site: Site, first: dict[str, Any]) -> None:
    response = site.refresh(first["refresh_token"])
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    second = response.json
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == first["scope"]
    assert site.userinfo(second["access_token"]).status_code == 200
    before, after = claims_of(first["id_token"]), claims_of(second["id_token"])
    for name in ("iss", "sub", "aud", "auth_time", "sid"):
        assert before[name] == after[name]
    assert "nonce" not in after


@pytest.mark.compliance("T12", "S09")
def test_a_narrower_scope_is_fine_and_a_wider_one_is_not(site: Site, first: dict[str, Any]) -> None:
    wider = site.refresh(first["refresh_token"], scope=OFFLINE + " email")
    assert wider.status_code == 400
    assert wider.json["error"] == "invalid_scope"
    narrow = site.refresh(first["refresh_token"], scope="openid openid").json
    assert narrow["scope"] == "openid"
    assert "name" not in site.userinfo(narrow["access_token"]).json
    # What was left out once may be asked for again.
    assert site.refresh(narrow["refresh_token"]).json["scope"] == first["scope"]


def age_replacement(app: Flask, refresh_token: str) -> None:
    with app.app_context():
        long_ago = now() - tokens.REUSE_GRACE - dt.timedelta(seconds=1)
        db.session.execute(
            update(Token)
            .where(Token.refresh_hash == hashed(refresh_token))
            .values(replaced_at=long_ago)
        )
        db.session.commit()


@pytest.mark.compliance("T13", "S08")
def test_reuse_ends_the_family_and_is_recorded(
    app: Flask, site: Site, first: dict[str, Any]
) -> None:
    second = site.refresh(first["refresh_token"]).json
    age_replacement(app, first["refresh_token"])
    assert site.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert site.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    for answer in (first, second):
        assert site.userinfo(answer["access_token"]).status_code == 401
    with app.app_context():
        recorded = select(AuditEvent).where(
            AuditEvent.name == audit.Event.REFRESH_REUSED, AuditEvent.subject == site.client_id
        )
        assert len(db.session.scalars(recorded).all()) == 1


@pytest.mark.compliance("T14")
def test_a_lost_answer_can_be_asked_for_again(site: Site, first: dict[str, Any]) -> None:
    site.refresh(first["refresh_token"])
    again = site.refresh(first["refresh_token"])
    assert again.status_code == 200
    assert site.userinfo(again.json["access_token"]).status_code == 200


@pytest.mark.compliance("B37", "S09")
def test_a_refresh_token_is_for_its_client(
    site: Site, first: dict[str, Any], new_site: Callable[..., Site]
) -> None:
    assert new_site().refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert site.refresh(first["refresh_token"]).status_code == 200


@pytest.mark.compliance("T16", "S10")
def test_refresh_tokens_end_when_idle_and_some_day_in_any_case(
    app: Flask, site: Site, first: dict[str, Any], community: Site
) -> None:
    with app.app_context():
        row = db.session.scalar(
            select(Token).where(Token.refresh_hash == hashed(first["refresh_token"]))
        )
        assert row.refresh_expires_at <= now() + tokens.REFRESH_IDLE
        grant = db.session.get(Grant, row.grant_id)
        grant.created_at = now() - tokens.REFRESH_ABSOLUTE + dt.timedelta(hours=1)
        db.session.commit()
    second = site.refresh(first["refresh_token"]).json
    with app.app_context():
        row = db.session.scalar(
            select(Token).where(Token.refresh_hash == hashed(second["refresh_token"]))
        )
        assert row.refresh_expires_at <= now() + dt.timedelta(hours=1)
        row.refresh_expires_at = now()
        db.session.commit()
    assert site.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    assert community.refresh("x").json["error"] == "unauthorized_client"


@pytest.mark.compliance("T17", "T18")
@pytest.mark.parametrize("end", ["deactivate", "password"])
def test_a_refresh_ends_with_the_account(
    app: Flask, site: Site, member: Member, first: dict[str, Any], end: str
) -> None:
    with app.app_context():
        account = db.session.get(Account, member.account_id)
        if end == "deactivate":
            accounts.deactivate(account)
        else:
            passwords.set_password(account, "another long password")
        db.session.commit()
    assert site.refresh(first["refresh_token"]).json["error"] == "invalid_grant"


def test_what_is_brought_again_and_again_fills_no_audit(
    app: Flask, site: Site, member: Member
) -> None:
    code = site.code(scope="openid offline_access")
    used = site.exchange(code).json
    for _ in range(3):
        assert site.exchange(code).json["error"] == "invalid_grant"
    first = site.tokens(scope="openid offline_access")
    site.refresh(first["refresh_token"])
    age_replacement(app, first["refresh_token"])
    for _ in range(3):
        assert site.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    last = site.tokens(scope="openid offline_access")
    for token in (last["access_token"], last["refresh_token"], used["refresh_token"]) * 3:
        assert site.post("/oauth/revoke", {"token": token}).status_code == 200
    with app.app_context():
        recorded = select(AuditEvent.name).where(AuditEvent.subject == site.client_id)
        names = list(db.session.scalars(recorded.order_by(AuditEvent.id)))
    assert names[-4:] == [
        audit.Event.CODE_REUSED,
        audit.Event.REFRESH_REUSED,
        *[audit.Event.TOKEN_REVOKED] * 2,
    ]


def test_offline_access_outlives_the_sign_in(
    app: Flask, site: Site, member: Member, first: dict[str, Any]
) -> None:
    with app.app_context():
        db.session.get(SignInSession, member.session_id).ended_at = now()
        db.session.commit()
    second = site.refresh(first["refresh_token"])
    assert second.status_code == 200
    assert site.userinfo(second.json["access_token"]).status_code == 200


@pytest.mark.compliance("T19")
def test_revoking_a_refresh_token_ends_the_family(site: Site, first: dict[str, Any]) -> None:
    assert site.post("/oauth/revoke", {"token": first["refresh_token"]}).status_code == 200
    assert site.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert site.userinfo(first["access_token"]).status_code == 401


@pytest.mark.compliance("T19")
def test_revoking_an_access_token_leaves_its_refresh_token(
    site: Site, first: dict[str, Any]
) -> None:
    assert site.post("/oauth/revoke", {"token": first["access_token"]}).status_code == 200
    assert site.userinfo(first["access_token"]).status_code == 401
    second = site.refresh(first["refresh_token"])
    assert second.status_code == 200
    assert site.userinfo(second.json["access_token"]).status_code == 200
    assert site.userinfo(first["access_token"]).status_code == 401


def test_a_refresh_costs_a_fixed_number_of_statements(
    site: Site, first: dict[str, Any], statements: list[str]
) -> None:
    statements.clear()
    site.refresh(first["refresh_token"])
    verbs = [one.split()[0] for one in statements]
    assert verbs == cost_of_exchange(site.app)
