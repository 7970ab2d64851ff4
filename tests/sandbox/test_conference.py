"""The second client, an ordinary OpenID Connect site."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.association import Association
from tests.sandbox.conftest import Sandbox, attends


def sign_in(conference: Sandbox, browser: requests.Session) -> requests.Response:
    return browser.get(f"{conference.base}/conference/sign-in", timeout=10)


def test_a_member_signs_in(
    conference: Sandbox, association: Association, browser: requests.Session
) -> None:
    page = sign_in(conference, browser)

    assert page.url == f"{conference.base}/conference/"
    assert "Ada Byron" in page.text
    assert "ada@a.org" in page.text
    asked = association.asked["authorize"]
    assert asked["scope"] == "openid profile email"
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"]
    assert asked["redirect_uri"] == f"{conference.base}/conference/callback"
    assert "sandbox_conference" in browser.cookies


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "other"},
        {"aud": "other"},
        {"aud": ["other"], "azp": "conference"},
        {"iss": "http://other.example"},
        {"exp": 1},
    ],
)
def test_a_wrong_id_token_signs_nobody_in(
    conference: Sandbox, association: Association, browser: requests.Session, wrong: dict[str, Any]
) -> None:
    association.id_token_claims = wrong

    page = sign_in(conference, browser)

    assert page.status_code == 400
    assert "did not sign you in" in page.text
    assert not attends(conference, browser)


def test_user_info_about_somebody_else_signs_nobody_in(
    conference: Sandbox, association: Association, browser: requests.Session
) -> None:
    association.userinfo_answer = ({"sub": "bob", "name": "Bob"}, 200)

    assert sign_in(conference, browser).status_code == 502
    assert not attends(conference, browser)


def test_a_callback_is_for_one_use_and_one_browser(
    conference: Sandbox, browser: requests.Session
) -> None:
    callback = sign_in(conference, browser).history[2].url
    assert "/conference/callback" in callback

    for other in (browser, requests.Session()):
        assert other.get(callback, timeout=10).status_code == 400
        other.close()


def test_an_error_of_the_association_is_a_clear_page(
    conference: Sandbox, association: Association, browser: requests.Session
) -> None:
    association.authorize_error = "access_denied"

    page = sign_in(conference, browser)

    assert page.status_code == 400
    assert "access_denied" in page.text
    assert "conference.css" in page.text


def test_signing_out_ends_both_sessions(
    conference: Sandbox, association: Association, browser: requests.Session
) -> None:
    sign_in(conference, browser)
    form = browser.get(f"{conference.base}/conference/", timeout=10).text
    token = form.split('name="csrf_token" value="')[1].split('"')[0]

    page = browser.post(
        f"{conference.base}/conference/sign-out", data={"csrf_token": token}, timeout=10
    )

    assert "You are signed out" in page.text
    asked = association.asked["logout"]
    assert asked["post_logout_redirect_uri"] == f"{conference.base}/conference/signed-out"
    assert asked["id_token_hint"].count(".") == 2
    assert asked["state"]
    assert not attends(conference, browser)
    forged = browser.get(f"{conference.base}/conference/signed-out?state=forged", timeout=10)
    assert forged.status_code == 400


def test_a_front_channel_logout_ends_the_named_session(
    conference: Sandbox, association: Association, browser: requests.Session
) -> None:
    sign_in(conference, browser)
    url = f"{conference.base}/conference/frontchannel-logout"

    assert browser.get(url, params={"iss": "https://other.example"}, timeout=10).status_code == 400
    browser.get(url, params={"iss": association.issuer, "sid": "another"}, timeout=10)
    assert attends(conference, browser)

    answer = browser.get(url, params={"iss": association.issuer, "sid": "sid-1"}, timeout=10)
    policy = answer.headers["Content-Security-Policy"]
    assert f"frame-ancestors {association.issuer}" in policy
    assert not attends(conference, browser)


def test_the_sandbox_starts_without_the_association(restarted: Callable[..., Any]) -> None:
    with restarted(issuer="http://127.0.0.1:9", conference_client_id="conference") as conference:
        assert requests.get(f"{conference.base}/conference/", timeout=10).status_code == 200
        page = requests.get(f"{conference.base}/conference/sign-in", timeout=10)
        assert page.status_code == 502
        assert "cannot be reached" in page.text


def test_without_a_client_id_the_page_says_so(restarted: Callable[..., Any]) -> None:
    with restarted() as conference:
        page = requests.get(f"{conference.base}/conference/sign-in", timeout=10)
        assert page.status_code == 503
