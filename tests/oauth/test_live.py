"""Over real HTTP: a server with threads, a client that nobody here wrote, and races."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.database import db
from idp.settings import Settings
from tests import factories
from tests.oauth.conftest import AFTER_LOGOUT, Site, parameters_of, sign_in, site_in
from tests.oauth.signing_sites import EC, RSA, signing_site


def issuer_of(app: Flask) -> str:
    settings: Settings = app.config["TESSERA"]
    return settings.issuer


def signed_in_browser(app: Flask, site: Site) -> requests.Session:
    """A browser over HTTP, with the cookie of a member who is signed in."""
    sign_in(app, site.browser)
    cookie = site.browser.get_cookie("tessera", domain="localhost")
    browser = requests.Session()
    browser.cookies.set("tessera", cookie.value)
    return browser


def test_authlibs_own_client_signs_a_member_in(live: Flask) -> None:
    site = site_in(live)
    issuer = issuer_of(live)
    with signed_in_browser(live, site) as browser:
        facts = browser.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
        assert facts["issuer"] == issuer
        with OAuth2Session(
            site.client_id,
            site.secret,
            scope="openid profile email offline_access",
            redirect_uri=site.redirect_uri,
            code_challenge_method="S256",
        ) as client:
            verifier = generate_token(48)
            url, state = client.create_authorization_url(
                facts["authorization_endpoint"], code_verifier=verifier, nonce="n-live"
            )
            answer = browser.get(url, allow_redirects=False, timeout=10)
            assert answer.status_code == 303
            tokens = client.fetch_token(
                facts["token_endpoint"],
                authorization_response=answer.headers["Location"],
                code_verifier=verifier,
                state=state,
            )
            keys = KeySet.import_key_set(browser.get(facts["jwks_uri"], timeout=10).json())
            claims = jwt.decode(tokens["id_token"], keys, ["RS256"]).claims
            assert (claims["iss"], claims["aud"], claims["nonce"]) == (
                issuer,
                site.client_id,
                "n-live",
            )
            assert client.get(facts["userinfo_endpoint"]).json()["sub"] == claims["sub"]
            refreshed = client.refresh_token(facts["token_endpoint"])
            assert refreshed["access_token"] != tokens["access_token"]
            client.revoke_token(facts["revocation_endpoint"], refreshed["refresh_token"])
            assert client.get(facts["userinfo_endpoint"]).status_code == 401
        bye = browser.get(
            facts["end_session_endpoint"],
            params={
                "id_token_hint": tokens["id_token"],
                "post_logout_redirect_uri": AFTER_LOGOUT,
            },
            allow_redirects=False,
            timeout=10,
        )
        assert bye.headers["Location"] == AFTER_LOGOUT
        url, _ = OAuth2Session(
            site.client_id, scope="openid", redirect_uri=site.redirect_uri
        ).create_authorization_url(
            facts["authorization_endpoint"],
            prompt="none",
            code_challenge="x" * 43,
            code_challenge_method="S256",
        )
        after = browser.get(url, allow_redirects=False, timeout=10)
        assert "error=login_required" in urlsplit(after.headers["Location"]).query


@pytest.mark.compliance("S19")
@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")])
def test_authlibs_own_client_proves_itself_by_assertions(
    live: Flask, key: Any, algorithm: str
) -> None:
    site = signing_site(live)
    with signed_in_browser(live, site) as browser:
        facts = browser.get(
            f"{issuer_of(live)}/.well-known/openid-configuration", timeout=10
        ).json()
        assert "private_key_jwt" in facts["token_endpoint_auth_methods_supported"]
        assert algorithm in facts["token_endpoint_auth_signing_alg_values_supported"]
        with OAuth2Session(
            site.client_id,
            key,
            token_endpoint_auth_method="private_key_jwt",
            revocation_endpoint_auth_method="private_key_jwt",
            scope="openid offline_access",
            redirect_uri=site.redirect_uri,
            code_challenge_method="S256",
        ) as client:
            sign = PrivateKeyJWT(facts["token_endpoint"], headers={"kid": key.kid}, alg=algorithm)
            client.register_client_auth_method(sign)
            verifier = generate_token(48)
            url, state = client.create_authorization_url(
                facts["authorization_endpoint"], code_verifier=verifier
            )
            answer = browser.get(url, allow_redirects=False, timeout=10)
            tokens = client.fetch_token(
                facts["token_endpoint"],
                authorization_response=answer.headers["Location"],
                code_verifier=verifier,
                state=state,
            )
            assert client.get(facts["userinfo_endpoint"]).json()["sub"]
            told = client.introspect_token(facts["introspection_endpoint"], tokens["access_token"])
            assert told.json()["active"] is True
            refreshed = client.refresh_token(facts["token_endpoint"])
            client.revoke_token(facts["revocation_endpoint"], refreshed["refresh_token"])
            assert client.get(facts["userinfo_endpoint"]).status_code == 401


@pytest.mark.compliance("T02")
def test_of_parallel_exchanges_exactly_one_wins(live: Flask) -> None:
    site = site_in(live, "higher-logic")
    sign_in(live, site.browser)
    for _ in range(5):
        code = site.code()
        start = threading.Barrier(4)

        def exchange(code: str = code, start: threading.Barrier = start) -> int:
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": site.redirect_uri,
            }
            start.wait()
            return requests.post(
                f"{issuer_of(live)}/oauth/token",
                data=form,
                auth=(site.client_id, site.secret),
                timeout=30,
            ).status_code

        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: exchange(), range(4)))
        assert statuses == [200, 400, 400, 400]


@pytest.mark.compliance("T15")
def test_parallel_refreshes_are_all_answered_within_the_grace(live: Flask) -> None:
    site = site_in(live)
    sign_in(live, site.browser)
    refresh_token = site.tokens(scope="openid offline_access")["refresh_token"]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: site.refresh(refresh_token), range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json["refresh_token"] for answer in answers}) == 3


def test_parallel_silent_sign_ons_do_not_disturb_each_other(live: Flask) -> None:
    site = site_in(live)
    member = sign_in(live, site.browser)
    browsers = [live.test_client() for _ in range(6)]
    for browser in browsers:
        sign_in(live, browser, member.account_id)

    def sign_on(browser: Any) -> str:
        answer = browser.get("/oauth/authorize", query_string=site.parameters())
        token = site.exchange(parameters_of(answer)["code"]).json["access_token"]
        return str(site.userinfo(token).json["sub"])

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(sign_on, browsers)) == {member.key}


def test_through_the_real_sign_in_page(live: Flask) -> None:
    """Not signed in: the sign-in page, the password, and back to the site with a code."""
    import re

    site = site_in(live)
    with live.app_context():
        email = factories.account().person.email
        db.session.remove()
    with requests.Session() as browser:
        page = browser.get(
            f"{issuer_of(live)}/oauth/authorize", params=site.parameters(), timeout=10
        )
        assert page.status_code == 200
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text).group(1)
        form = {"csrf_token": token, "email": email, "password": factories.PASSWORD}
        answer = browser.post(page.url, data=form, allow_redirects=False, timeout=10)
        onward = browser.get(
            issuer_of(live) + answer.headers["Location"], allow_redirects=False, timeout=10
        )
        assert onward.status_code == 303
        assert "code=" in onward.headers["Location"]
