"""ES256 for the clients that are registered for it, RS256 for all others."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.oauth import keys, registration
from idp.oauth.clients import Client
from tests.oauth.conftest import (
    AFTER_LOGOUT,
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
def modern(new_site: NewSite) -> Site:
    """A site that wants ES256."""
    return new_site(signing_algorithm="ES256")


def jwks(app: Flask) -> Any:
    return app.test_client().get("/oauth/jwks").json


def test_an_id_token_is_signed_as_the_client_is_registered(app: Flask, modern: Site) -> None:
    member = sign_in(app, modern.browser)
    answer = modern.tokens()
    token = jwt.decode(answer["id_token"], KeySet.import_key_set(jwks(app)), ["ES256"])
    assert token.header["alg"] == "ES256"
    assert token.claims["sub"] == member.key
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert token.claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")


@pytest.mark.compliance("B03", "C07")
def test_others_are_signed_for_with_rs256(app: Flask, site: Site, visitor: Member) -> None:
    token = jwt.decode(site.tokens()["id_token"], KeySet.import_key_set(jwks(app)), ["RS256"])
    assert token.header["alg"] == "RS256"


@pytest.mark.compliance("K1", "B01")
def test_the_es256_key_is_published_once_somebody_needs_it(fresh_app: Flask) -> None:
    assert {key["alg"] for key in jwks(fresh_app)["keys"]} == {"RS256"}
    modern = site_in(fresh_app, signing_algorithm="ES256")
    sign_in(fresh_app, modern.browser)
    token = modern.tokens()["id_token"]
    published = jwks(fresh_app)["keys"]
    assert {key["alg"] for key in published} == {"RS256", "ES256"}
    key = next(key for key in published if key["alg"] == "ES256")
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    # The first exchange, which makes the key, is an exchange like any other.
    jwt.decode(token, KeySet.import_key_set({"keys": [key]}), ["ES256"])


@pytest.mark.compliance("K1", "K2")
def test_a_rotation_gives_each_algorithm_in_use_a_new_key(fresh_app: Flask) -> None:
    modern = site_in(fresh_app, signing_algorithm="ES256")
    sign_in(fresh_app, modern.browser)
    before = modern.tokens()["id_token"]
    with fresh_app.app_context():
        keys.current()
        keys.rotate()
        db.session.commit()
    after = modern.tokens()["id_token"]
    published = KeySet.import_key_set(jwks(fresh_app))
    assert len(published.keys) == 6, "of each: the current, the next, the one before"
    old, new = (jwt.decode(token, published, ["ES256"]).header["kid"] for token in (before, after))
    assert old != new


def test_a_change_of_the_algorithm_holds_at_once(app: Flask, site: Site, visitor: Member) -> None:
    published = KeySet.import_key_set(jwks(app))
    jwt.decode(site.tokens()["id_token"], published, ["RS256"])
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        registration.change(client, signing_algorithm="ES256")
        with pytest.raises(InvalidValue):
            registration.change(client, signing_algorithm="none")
        with pytest.raises(InvalidValue):
            registration.change(client, signing_algorithm="HS256")
        db.session.commit()
    token = site.tokens()["id_token"]
    jwt.decode(token, KeySet.import_key_set(jwks(app)), ["ES256"])


@pytest.mark.compliance("B23", "L01")
def test_an_es256_id_token_is_a_hint(app: Flask, modern: Site) -> None:
    member = sign_in(app, modern.browser)
    hint = modern.tokens()["id_token"]
    assert "code" in parameters_of(modern.authorize(prompt="none", id_token_hint=hint))
    bye = logout(modern, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert bye.location == AFTER_LOGOUT
    assert ended(app, member)


@pytest.mark.compliance("T21", "L03")
@pytest.mark.parametrize("how", ["another key's kid", "another algorithm", "HS256", "none"])
def test_the_header_does_not_choose_how_a_signature_is_checked(
    app: Flask, modern: Site, how: str
) -> None:
    member = sign_in(app, modern.browser)
    claims = claims_of(modern.tokens()["id_token"])
    with app.app_context():
        rsa, ec = keys.current("RS256"), keys.current("ES256")
        hint = _forged(how, claims, rsa, ec)
    response = logout(modern, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert response.status_code == 400
    assert is_page(response)
    assert not ended(app, member)


def _forged(how: str, claims: dict[str, Any], rsa: Any, ec: Any) -> str:
    if how == "another key's kid":
        return jwt.encode({"alg": "ES256", "kid": rsa.kid}, claims, ec, ["ES256"])
    if how == "another algorithm":
        # The private key is ours, but it is no key for PS256.
        free = type(rsa).import_key(rsa.as_pem(private=True))
        return jwt.encode({"alg": "PS256", "kid": rsa.kid}, claims, free, ["PS256"])
    _, body, _ = jwt.encode({"alg": "ES256", "kid": ec.kid}, claims, ec, ["ES256"]).split(".")
    start = _segment(f'{{"alg":"{how}","kid":"{ec.kid}","typ":"JWT"}}')
    if how == "none":
        return f"{start}.{body}."
    mac = hmac.digest(ec.as_pem(private=False), f"{start}.{body}".encode(), "sha256")
    return f"{start}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_es256_costs_an_exchange_nothing_more(
    app: Flask, modern: Site, statements: list[str]
) -> None:
    sign_in(app, modern.browser)
    modern.tokens()  # the process keeps the signing key from now on
    code = modern.code()
    statements.clear()
    modern.exchange(code)
    verbs = [one.split()[0] for one in statements]
    assert verbs == cost_of_exchange(app)
