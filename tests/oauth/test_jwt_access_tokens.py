"""Access tokens that are JWTs (RFC 9068), for the clients that are registered for them."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwt import Token as Decoded

from idp.database import db, now
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import access_tokens, authentication_context, keys, parameters, registration
from idp.oauth.clients import Client
from idp.settings import Settings
from idp.signin.sessions import SignInSession
from tests import factories
from tests.oauth.conftest import (
    ISSUER,
    Member,
    Site,
    claims_of,
    cost_of_exchange,
    is_page,
    parameters_of,
    sign_in,
    site_in,
)
from tests.oauth.leaving import ended, logout

NewSite = Callable[..., Site]


@pytest.fixture
def shop(new_site: NewSite) -> Site:
    """A site whose access tokens are JWTs."""
    return new_site(access_token_format="jwt")


def verified(app: Flask, token: str, algorithm: str = "RS256") -> Decoded:
    """What a resource that verifies the signature reads."""
    jwks = KeySet.import_key_set(app.test_client().get("/oauth/jwks").json)
    return jwt.decode(token, jwks, [algorithm])


def machine_in(app: Flask, **options: Any) -> Site:
    with app.app_context():
        client, secret = registration.create("A machine", "machine", **options)
        db.session.commit()
        return Site(app, client.id, client.client_id, secret, "", app.test_client(), {})


def introspected(site: Site, token: str) -> Any:
    return site.post("/oauth/introspect", {"token": token}).json


@pytest.mark.compliance("S14")
def test_the_claims_are_those_of_the_profile(app: Flask, shop: Site) -> None:
    member = sign_in(app, shop.browser)
    before = int(now().timestamp())
    answer = shop.tokens(scope="openid email")
    token = verified(app, answer["access_token"])
    assert token.header.keys() == {"typ", "alg", "kid"}
    assert (token.header["typ"], token.header["alg"]) == ("at+jwt", "RS256")
    claims = token.claims
    assert before <= claims.pop("iat") <= int(now().timestamp())
    assert 0 <= claims.pop("exp") - before - answer["expires_in"] <= 5
    assert len(claims.pop("jti")) >= 43
    with app.app_context():
        session = db.session.get(SignInSession, member.session_id)
        assert claims.pop("auth_time") == int(session.started_at.timestamp())
    # Nothing of the member but the key.
    assert claims == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": member.key,
        "client_id": shop.client_id,
        "scope": "openid email",
        **authentication_context.claims(),
    }


def test_no_two_are_the_same(app: Flask, shop: Site) -> None:
    sign_in(app, shop.browser)
    first, second = (shop.tokens()["access_token"] for _ in range(2))
    assert first != second
    assert verified(app, first).claims["jti"] != verified(app, second).claims["jti"]


def test_it_is_signed_as_the_client_is_registered(app: Flask, new_site: NewSite) -> None:
    modern = new_site(access_token_format="jwt", signing_algorithm="ES256")
    sign_in(app, modern.browser)
    token = modern.tokens()["access_token"]
    assert verified(app, token, "ES256").header["alg"] == "ES256"
    assert modern.userinfo(token).status_code == 200


def test_others_are_opaque(app: Flask, site: Site, visitor: Member) -> None:
    assert "." not in site.tokens()["access_token"]


def test_userinfo_takes_it_in_header_and_body(app: Flask, shop: Site) -> None:
    member = sign_in(app, shop.browser)
    token = shop.tokens()["access_token"]
    assert shop.userinfo(token).json["sub"] == member.key
    posted = app.test_client().post("/oauth/userinfo", data={"access_token": token})
    assert posted.json["sub"] == member.key


def test_the_longest_fits_every_parameter(fresh_app: Flask, settings: Settings) -> None:
    """A key of 100 characters, every scope, an issuer of a long name: the JWT is no monster."""
    fresh_app.config["TESSERA"] = settings.model_copy(
        update={"public_url": f"https://{'members.' * 25}example.org"}
    )
    shop = site_in(fresh_app, access_token_format="jwt")
    with fresh_app.app_context():
        account_id = factories.account(key="k" * 100).id
    member = sign_in(fresh_app, shop.browser, account_id)
    token = shop.tokens(scope="openid profile email phone address offline_access")["access_token"]
    assert 1000 < len(token) <= parameters.LONGEST_VALUE
    assert introspected(shop, token)["active"] is True
    posted = fresh_app.test_client().post("/oauth/userinfo", data={"access_token": token})
    assert posted.json["sub"] == member.key
    assert shop.post("/oauth/revoke", {"token": token}).status_code == 200
    assert introspected(shop, token) == {"active": False}


@pytest.mark.compliance("T20")
def test_introspection_says_what_the_token_says(app: Flask, shop: Site) -> None:
    sign_in(app, shop.browser)
    token = shop.tokens()["access_token"]
    told, says = introspected(shop, token), verified(app, token).claims
    assert told["active"] is True
    for name in ("iss", "aud", "sub", "client_id", "scope"):
        assert told[name] == says[name], name
    for name in ("iat", "exp"):
        assert abs(told[name] - says[name]) <= 1, name


@pytest.mark.compliance("T18", "T19")
@pytest.mark.parametrize("end", ["deactivated", "signed out", "revoked", "client"])
def test_it_ends_at_once_wherever_we_are_asked(app: Flask, shop: Site, end: str) -> None:
    member = sign_in(app, shop.browser)
    token = shop.tokens()["access_token"]
    asking = machine_in(app)
    assert introspected(asking, token)["active"] is True
    if end == "revoked":
        shop.post("/oauth/revoke", {"token": token})
    with app.app_context():
        if end == "deactivated":
            accounts.deactivate(db.session.get(Account, member.account_id))
        elif end == "signed out":
            db.session.get(SignInSession, member.session_id).ended_at = now()
        elif end == "client":
            registration.change(db.session.get(Client, shop.row_id), active=False)
        db.session.commit()
    assert shop.userinfo(token).status_code == 401
    assert introspected(asking, token) == {"active": False}
    # Who checks the signature alone sees its end when it expires: the price of the format.
    assert verified(app, token).claims["exp"] > now().timestamp()


@pytest.mark.compliance("T12")
def test_a_refreshed_one_has_its_own_claims(app: Flask, shop: Site) -> None:
    sign_in(app, shop.browser)
    first = shop.tokens(scope="openid email offline_access")
    again = shop.refresh(first["refresh_token"], scope="openid offline_access").json
    before, after = (verified(app, got["access_token"]).claims for got in (first, again))
    assert after["scope"] == "openid offline_access"
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])
    assert after["jti"] != before["jti"]
    assert "." not in again["refresh_token"]


def test_a_machines_speaks_for_the_machine(app: Flask) -> None:
    machine = machine_in(app, access_token_format="jwt")
    answer = machine.post("/oauth/token", {"grant_type": "client_credentials"}).json
    claims = verified(app, answer["access_token"]).claims
    assert claims["sub"] == claims["client_id"] == machine.client_id
    assert claims["scope"] == "introspect"
    assert claims.keys() & {"auth_time", "acr", "amr"} == set()
    assert introspected(machine, answer["access_token"])["sub"] == machine.client_id
    assert machine.userinfo(answer["access_token"]).status_code == 401


@pytest.mark.compliance("T22", "L02")
def test_it_is_no_id_token_hint(app: Flask, shop: Site) -> None:
    member = sign_in(app, shop.browser)
    token = shop.tokens()["access_token"]
    refused = parameters_of(shop.authorize(prompt="none", id_token_hint=token))
    assert refused["error"] == "invalid_request"
    assert is_page(logout(shop, id_token_hint=token))
    assert not ended(app, member)


@pytest.mark.compliance("T22")
def test_an_id_token_is_no_access_token(app: Flask, shop: Site) -> None:
    sign_in(app, shop.browser)
    id_token = shop.tokens()["id_token"]
    assert shop.userinfo(id_token).status_code == 401
    assert introspected(shop, id_token) == {"active": False}


@pytest.mark.compliance("T21")
@pytest.mark.parametrize("how", ["never issued", "other claims", "unsigned"])
def test_a_signature_alone_makes_no_access_token_here(app: Flask, shop: Site, how: str) -> None:
    member = sign_in(app, shop.browser)
    token = shop.tokens()["access_token"]
    header, _, signature = token.split(".")
    with app.app_context():
        key = keys.current()
        claims = {**claims_of(token), "sub": "another"}
        forged = jwt.encode({"typ": access_tokens.TYPE, "alg": "RS256", "kid": key.kid},
                            claims, key, ["RS256"])  # fmt: skip
        db.session.rollback()
    if how == "other claims":
        forged = f"{header}.{forged.split('.')[1]}.{signature}"
    elif how == "unsigned":
        forged = forged.rpartition(".")[0] + "."
    assert shop.userinfo(forged).status_code == 401
    assert introspected(shop, forged) == {"active": False}
    assert shop.userinfo(token).json["sub"] == member.key


def test_it_costs_an_exchange_no_statement_more(
    app: Flask, shop: Site, statements: list[str]
) -> None:
    sign_in(app, shop.browser)
    shop.tokens()  # the process keeps the signing key from now on
    code = shop.code()
    statements.clear()
    token = shop.exchange(code).json["access_token"]
    verbs = [one.split()[0] for one in statements]
    assert verbs == cost_of_exchange(app)
    statements.clear()
    shop.userinfo(token)
    assert [one.split()[0] for one in statements] == ["SELECT"]


@pytest.mark.compliance("B29", "S11")
def test_a_code_used_twice_ends_it(app: Flask, shop: Site) -> None:
    sign_in(app, shop.browser)
    code = shop.code()
    token = shop.exchange(code).json["access_token"]
    assert shop.exchange(code).json["error"] == "invalid_grant"
    assert shop.userinfo(token).status_code == 401


def test_it_expires_when_it_says(app: Flask, shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(app, shop.browser)
    token = shop.tokens()["access_token"]
    end = dt.datetime.fromtimestamp(verified(app, token).claims["exp"], dt.UTC)
    assert abs((end - now()).total_seconds() - 3600) < 30
    monkeypatch.setattr("idp.oauth.tokens.now", lambda: end + dt.timedelta(seconds=2))
    assert shop.userinfo(token).status_code == 401
