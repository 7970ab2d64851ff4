"""Authlib's Flask client and its resource protectors, as a site and an API of their own."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from joserfc import jws

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import keys
from tests.foreign import flask_site, pages
from tests.foreign.tessera import Member, Tessera
from tests.serving import address_of, serving
from tests.stack import Person, eventually

pytestmark = pytest.mark.slow

# How each client of the site is registered, and how it says who it is.
CLIENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "basic": ("oidc", "client_secret_basic", {}),
    "post": ("oidc", "client_secret_post", {}),
    "elliptic": ("oidc", "client_secret_basic", {"signing_algorithm": "ES256"}),
    "jwt": ("oidc", "client_secret_basic", {"access_token_format": "jwt"}),
    "elliptic-jwt": (
        "oidc",
        "client_secret_basic",
        {"signing_algorithm": "ES256", "access_token_format": "jwt"},
    ),
    "app": ("app", "none", {}),
}


class Site:
    """The site, as far as a browser sees it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, browser: Person, client: str, page: str = "") -> requests.Response:
        """A page of the site."""
        return browser.get(f"{self.address}/{client}/{page}")

    def enter(self, browser: Person, member: Member, client: str) -> Any:
        """Sign in at the site, by way of Tessera's page; what the site keeps."""
        answer = pages.sign_in(browser, self.get(browser, client, "login"), member)
        if client == "app":
            answer = pages.send(browser, answer, answer="allow")
        assert answer.url == f"{self.address}/{client}/", answer.text
        return answer.json()

    def api(self, path: str, token: str) -> requests.Response:
        """What the site's API answers to somebody with an access token."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.address}/api/{path}", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def site(tessera: Tessera) -> Iterator[Site]:
    """The site on a port of its own, its clients registered."""
    with serving() as server:
        address = address_of(server)
        registered: dict[str, flask_site.Registered] = {}
        for name, (template, authentication, more) in CLIENTS.items():
            made = tessera.client(
                template,
                f"{address}/{name}/callback",
                post_logout_redirect_uris=[f"{address}/{name}/signed-out"],
                **more,
            )
            registered[name] = {**made, "authentication": authentication}
        server.app = flask_site.site(tessera.issuer, registered, tessera.client("machine"))
        yield Site(address)


@pytest.fixture
def member(tessera: Tessera) -> Member:
    """Somebody with an account."""
    return tessera.member()


@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_member_signs_in_and_out(
    site: Site, browser: Person, member: Member, client: str
) -> None:
    got = site.enter(browser, member, client)
    # Authlib checked the ID token: signature, iss, aud, nonce, at_hash.
    assert got["userinfo"]["sub"] == member.key
    expected = CLIENTS[client][2].get("signing_algorithm", "RS256")
    assert jws.extract_compact(got["id_token"].encode()).headers()["alg"] == expected
    known = site.get(browser, client, "me").json()
    assert (known["sub"], known["email"]) == (member.key, member.email)
    assert site.get(browser, client, "logout").json() == "signed out"
    # Signed out at both: the next sign-in asks again.
    assert "/sign-in" in site.get(browser, client, "login").url


@pytest.mark.compliance("S08")
@pytest.mark.parametrize("client", ["basic", "post", "elliptic-jwt"])
def test_it_refreshes_when_the_hour_is_over(
    site: Site, browser: Person, member: Member, client: str
) -> None:
    first = site.enter(browser, member, client)
    assert site.get(browser, client, "me-later").json()["sub"] == member.key
    second = site.get(browser, client).json()
    for token in ("access_token", "refresh_token"):
        assert second[token] != first[token]
    assert site.get(browser, client, "me").json()["sub"] == member.key


@pytest.mark.compliance("S14")
@pytest.mark.parametrize("client", ["jwt", "elliptic-jwt"])
def test_an_api_takes_a_jwt_by_its_signature(
    site: Site, browser: Person, member: Member, client: str
) -> None:
    got = site.enter(browser, member, client)
    answer = site.api("signature", got["access_token"])
    assert answer.json() == {"sub": member.key, "scope": got["scope"]}
    # An ID token is signed by the same key, and is none (RFC 9068, 2.1).
    assert site.api("signature", got["id_token"]).status_code == 401


@pytest.mark.compliance("T20")
@pytest.mark.parametrize("client", ["basic", "jwt"])
def test_an_api_asks_about_a_token(
    tessera: Tessera, site: Site, browser: Person, member: Member, client: str
) -> None:
    got = site.enter(browser, member, client)
    answer = site.api("asking", got["access_token"])
    assert answer.json() == {"sub": member.key, "scope": got["scope"]}
    assert site.api("asking", "no token of ours").status_code == 401
    with tessera.app.app_context():
        accounts.deactivate(db.session.get(Account, member.account_id))
        db.session.commit()
    assert site.api("asking", got["access_token"]).status_code == 401


@pytest.mark.compliance("K1")
@pytest.mark.parametrize("client", ["basic", "elliptic"])
def test_it_follows_a_rotation_of_the_keys(
    tessera: Tessera, site: Site, browser: Person, member: Member, client: str
) -> None:
    first = _kid(site.enter(browser, member, client))
    with tessera.app.app_context():
        keys.rotate()
        db.session.commit()

    def signed_by_the_new_key() -> bool:
        got = site.get(browser, client, "login").json()
        return got["userinfo"]["sub"] == member.key and _kid(got) != first

    eventually(signed_by_the_new_key, "the web processes sign with the new key", 20)


def _kid(got: Any) -> str:
    kid = jws.extract_compact(got["id_token"].encode()).headers()["kid"]
    assert isinstance(kid, str)
    return kid
