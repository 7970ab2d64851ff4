"""Introspection (RFC 7662), and machines, which are given tokens in their own name."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from idp.database import db, now
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import authentication_context, registration
from idp.oauth.clients import Client
from idp.oauth.tokens import Token
from idp.signin.sessions import hashed
from tests.oauth.conftest import ISSUER, Member, Site, basic, claims_of

NewSite = Callable[..., Site]
OFFLINE = "openid email offline_access"


@pytest.fixture
def machine(app: Flask) -> Site:
    """A resource server."""
    with app.app_context():
        client, secret = registration.create("The shop's server", "machine")
        db.session.commit()
        return Site(app, client.id, client.client_id, secret, "", app.test_client(), {})


def asked(site: Site, token: str, **more: str) -> Any:
    """What a site is told of a token."""
    response = site.post("/oauth/introspect", {"token": token, **more})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return response.json


@pytest.mark.compliance("T20", "S14")
def test_a_site_asks_about_its_own_tokens(site: Site, visitor: Member) -> None:
    tokens = site.tokens(scope=OFFLINE)
    access = asked(site, tokens["access_token"], token_type_hint="refresh_token")
    assert access == {
        "active": True,
        "iss": ISSUER,
        "sub": visitor.key,
        "aud": ISSUER,
        "client_id": site.client_id,
        "scope": OFFLINE,
        "iat": access["iat"],
        "exp": access["iat"] + tokens["expires_in"],
        "token_type": "Bearer",
        "acr": authentication_context.PASSWORD,
        "auth_time": claims_of(tokens["id_token"])["auth_time"],
    }
    refresh = asked(site, tokens["refresh_token"])
    assert refresh["active"] is True
    assert refresh["exp"] > access["exp"]
    assert refresh.keys() & {"token_type", "acr", "auth_time"} == set()


@pytest.mark.compliance("T20")
def test_nobody_asks_unauthenticated(app: Flask, site: Site, new_site: NewSite) -> None:
    unknown = app.test_client().post("/oauth/introspect", data={"token": "x"})
    assert unknown.status_code == 401
    assert "WWW-Authenticate" in unknown.headers
    wrong = {"Authorization": basic(site.client_id, "wrong")}
    refused = app.test_client().post("/oauth/introspect", data={"token": "x"}, headers=wrong)
    assert refused.status_code == 401
    assert new_site("app").post("/oauth/introspect", {"token": "x"}).status_code == 401
    assert site.post("/oauth/introspect", {}).json["error"] == "invalid_request"


@pytest.mark.compliance("T20")
def test_another_sites_token_is_not_active_but_for_a_machine(
    site: Site, visitor: Member, new_site: NewSite, machine: Site
) -> None:
    token = site.tokens()["access_token"]
    assert asked(new_site(), token) == {"active": False}
    assert asked(machine, token)["sub"] == visitor.key


@pytest.mark.compliance("T20")
@pytest.mark.parametrize("end", ["unknown", "revoked", "expired", "used", "deactivated"])
def test_what_has_ended_is_not_active(app: Flask, site: Site, member: Member, end: str) -> None:
    tokens = site.tokens(scope=OFFLINE)
    token = tokens["refresh_token" if end == "used" else "access_token"]
    if end == "unknown":
        token = "unknown"
    elif end == "revoked":
        site.post("/oauth/revoke", {"token": token})
    elif end == "used":
        site.refresh(token)
    with app.app_context():
        if end == "expired":
            past = now() - dt.timedelta(seconds=1)
            this = Token.access_hash == hashed(token)
            db.session.execute(update(Token).where(this).values(access_expires_at=past))
        elif end == "deactivated":
            accounts.deactivate(db.session.get(Account, member.account_id))
        db.session.commit()
    assert asked(site, token) == {"active": False}


def test_introspection_reads_only(site: Site, visitor: Member, statements: list[str]) -> None:
    token = site.tokens()["access_token"]
    statements.clear()
    asked(site, token)
    assert [one.split()[0] for one in statements] == ["SELECT", "SELECT"]


def own(machine: Site, **more: str) -> Any:
    """A machine asks for a token in its own name."""
    return machine.post("/oauth/token", {"grant_type": "client_credentials", **more})


def test_a_machine_is_given_a_token_of_its_own(machine: Site) -> None:
    answer = own(machine).json
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert answer["scope"] == "introspect"
    told = asked(machine, answer["access_token"])
    assert (told["active"], told["sub"]) == (True, machine.client_id)
    assert own(machine, scope="openid").json["error"] == "invalid_scope"


@pytest.mark.compliance("T23")
def test_a_machines_token_is_nobodys_userinfo(machine: Site) -> None:
    token = own(machine).json["access_token"]
    assert machine.userinfo(token).status_code == 401


@pytest.mark.compliance("T19")
def test_a_machines_token_ends_by_revocation_and_with_the_machine(
    app: Flask, machine: Site, new_site: NewSite
) -> None:
    first, second = own(machine).json["access_token"], own(machine).json["access_token"]
    machine.post("/oauth/revoke", {"token": first})
    assert asked(machine, first) == {"active": False}
    assert asked(machine, second)["active"] is True
    with app.app_context():
        registration.change(db.session.get(Client, machine.row_id), active=False)
        other, secret = registration.create("Another", "machine")
        db.session.commit()
        asking = Site(app, other.id, other.client_id, secret, "", app.test_client(), {})
    assert own(machine).status_code == 401
    assert asked(asking, second) == {"active": False}


@pytest.mark.compliance("C17")
def test_only_machines_have_this_grant(site: Site, community: Site, machine: Site) -> None:
    for other in (site, community):
        assert own(other).json["error"] == "unauthorized_client"
    refused = machine.authorize(
        client_id=machine.client_id, redirect_uri="https://a.example.org/", response_type="code"
    )
    assert refused.status_code == 400
