"""The community's sign-in and sign-out, against an identity provider that plays along or not."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox.association import SECRET, Association
from tests.sandbox.conftest import Sandbox
from tests.sandbox.records import community, company, demographic, person, security

BOUNCE = "/HigherLogic/Security/LoginBounce.aspx"
CALLBACK = "/HigherLogic/Security/OAuth/Authentication.aspx"


@pytest.fixture
def sandbox(association: Association, restarted: Callable[..., Any]) -> Iterator[Sandbox]:
    with restarted(
        issuer=association.issuer,
        community_client_id="community id",
        community_client_secret=SECRET,
    ) as started:
        ada = person(
            "ada",
            security("members"),
            community("policy"),
            ParentMemberKey="engines",
            Title="Analyst",
            InformalName="Ada",
        )
        ada["Demographics"] = [demographic("region", "Northeast")]
        started.taken(company("engines", security("sponsors", "Sponsors")), ada)
        yield started


def sign_in(sandbox: Sandbox, browser: requests.Session, **query: str) -> requests.Response:
    return browser.get(sandbox.base + BOUNCE, params=query, timeout=10)


def test_a_member_signs_in_once_for_both_sites(
    sandbox: Sandbox, association: Association, browser: requests.Session
) -> None:
    page = sign_in(sandbox, browser, ReturnUrl="/profile")

    assert page.url == f"{sandbox.base}/profile"
    for text in ("Ada Byron", "Analyst", "Engines Ltd", "Policy Committee", "Current Members"):
        assert text in page.text
    assert "Northeast" in page.text
    assert "through Engines Ltd" in page.text
    asked = association.asked["authorize"]
    assert set(asked) == {"client_id", "response_type", "scope", "redirect_uri", "state"}
    assert asked["scope"] == "profile"
    assert asked["redirect_uri"] == sandbox.base + CALLBACK
    assert association.asked["token"]["grant_type"] == "authorization_code"
    # RFC 6749 2.3.1: both are form-encoded before they are joined.
    client = association.asked["client"]
    assert (client.username, client.password) == ("community%20id", "s3cret%3Awith%20%25")
    assert "Welcome, Ada" in browser.get(sandbox.base, timeout=10).text


def test_a_profile_shows_the_store_as_it_is_now(
    sandbox: Sandbox, browser: requests.Session
) -> None:
    sign_in(sandbox, browser)

    sandbox.taken(person("ada", community("board", "Board")))

    page = browser.get(f"{sandbox.base}/profile", timeout=10).text
    assert "Board" in page
    assert "Policy Committee" not in page


def test_the_authorize_request_spells_spaces_and_slashes_out(sandbox: Sandbox) -> None:
    response = requests.get(sandbox.base + BOUNCE, allow_redirects=False, timeout=10)

    assert "client_id=community%20id&" in response.headers["Location"]
    assert "%2FHigherLogic%2FSecurity%2FOAuth%2FAuthentication.aspx" in response.headers["Location"]


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil", "x"])
def test_the_return_url_stays_here(
    sandbox: Sandbox, browser: requests.Session, target: str
) -> None:
    assert sign_in(sandbox, browser, ReturnUrl=target).url == sandbox.base + "/"


def test_a_state_is_for_one_use_and_one_browser(
    sandbox: Sandbox, association: Association, browser: requests.Session
) -> None:
    page = sign_in(sandbox, browser)
    used = page.history[2].url
    assert CALLBACK in used
    again = browser.get(used, timeout=10)
    assert again.status_code == 400
    assert "This sign-in is over" in again.text

    begun = browser.get(sandbox.base + BOUNCE, allow_redirects=False, timeout=10)
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    for url in (f"{CALLBACK}?state={state}&code=code-0", f"{CALLBACK}?code=code-0"):
        assert requests.get(sandbox.base + url, timeout=10).status_code == 400


def test_an_error_of_the_association_is_a_clear_page(
    sandbox: Sandbox, association: Association, browser: requests.Session
) -> None:
    association.authorize_error = "access_denied"

    page = sign_in(sandbox, browser)

    assert page.status_code == 403
    assert "Your association did not sign you in" in page.text
    assert "access_denied" in page.text


@pytest.mark.parametrize(
    ("claims", "status", "said"),
    [
        ({"sub": "stranger"}, 403, "this community does not know you yet"),
        ({"sub": "ADA"}, 403, "this community does not know you yet"),
        ({"sub": "engines"}, 403, "this community does not know you yet"),
        ({"sub": 7}, 502, "identifier attribute"),
        ({"name": "Ada"}, 502, "identifier attribute"),
    ],
)
def test_who_is_no_known_contact_stays_outside(
    sandbox: Sandbox,
    association: Association,
    browser: requests.Session,
    claims: dict[str, Any],
    status: int,
    said: str,
) -> None:
    association.claims = claims

    page = sign_in(sandbox, browser)

    assert page.status_code == status
    assert said in page.text.replace("“", "").replace("”", "")
    assert browser.get(f"{sandbox.base}/profile", allow_redirects=False, timeout=10).is_redirect


def test_a_contact_still_in_the_queue_is_not_known_yet(
    sandbox: Sandbox, association: Association, browser: requests.Session
) -> None:
    sandbox.set(refresh_per_second=0)
    sandbox.push(person("bob"))
    association.claims = {"sub": "bob"}
    assert sign_in(sandbox, browser).status_code == 403

    sandbox.set(refresh_per_second=None)
    sandbox.settle()
    assert sign_in(sandbox, browser).status_code == 200


@pytest.mark.parametrize(
    ("attribute", "answer"),
    [
        ("token_answer", ({"error": "invalid_client"}, 401)),
        ("token_answer", ("<html>", 200)),
        ("token_answer", ({"token_type": "Bearer"}, 200)),
        ("token_answer", ({"access_token": "the-token", "token_type": "mac"}, 200)),
        ("userinfo_answer", ({"error": "invalid_token"}, 401)),
        ("userinfo_answer", (["ada"], 200)),
    ],
)
def test_a_broken_answer_is_a_clear_page(
    sandbox: Sandbox,
    association: Association,
    browser: requests.Session,
    attribute: str,
    answer: Any,
) -> None:
    setattr(association, attribute, answer)

    page = sign_in(sandbox, browser)

    assert page.status_code == 502
    assert "Traceback" not in page.text
    assert "the-token" not in page.text


def test_an_unreachable_association_is_a_clear_page(
    sandbox: Sandbox, browser: requests.Session
) -> None:
    sandbox.submit(
        browser,
        "/admin/sso",
        issuer="http://127.0.0.1:9",
        authorize_url=sandbox.app.extensions["sandbox"].tenant.sign_in().authorize_url,
        identifier_attribute="sub",
        scope="profile",
        community_client_id="community id",
    )

    page = sign_in(sandbox, browser)

    assert page.status_code == 502
    assert "cannot be reached" in page.text


def test_another_identifier_attribute(
    sandbox: Sandbox, association: Association, browser: requests.Session
) -> None:
    association.claims = {"sub": "x", "ams_id": "ada"}
    answer = sandbox.submit(
        browser,
        "/admin/sso",
        issuer=association.issuer,
        identifier_attribute="ams_id",
        scope="profile",
        community_client_id="community id",
    )
    assert "Saved" in answer.text

    assert "Welcome, Ada" in sign_in(sandbox, browser).text
    # The empty field has left the secret as it was.
    assert association.asked["client"].password == "s3cret%3Awith%20%25"


def test_without_a_client_id_the_page_says_so(restarted: Callable[..., Any]) -> None:
    with restarted() as sandbox:
        page = requests.get(sandbox.base + BOUNCE, timeout=10)
        assert page.status_code == 503
        assert "not set up yet" in page.text


def test_the_button_signs_out_here_and_at_the_association(
    sandbox: Sandbox, association: Association, browser: requests.Session
) -> None:
    sign_in(sandbox, browser)

    page = sandbox.submit(browser, "/HigherLogic/Security/Logout.aspx")

    assert page.url == f"{sandbox.base}/HigherLogic/Security/LoggedOut.aspx"
    assert association.asked["logout"] == {"returnUrl": page.url}
    assert "Welcome, Ada" not in browser.get(sandbox.base, timeout=10).text


def test_a_sign_out_needs_the_pages_own_form(sandbox: Sandbox, browser: requests.Session) -> None:
    sign_in(sandbox, browser)
    url = f"{sandbox.base}/HigherLogic/Security/Logout.aspx"

    assert browser.post(url, timeout=10).status_code == 400
    assert "Sign out?" in browser.get(url, timeout=10).text
    assert "Welcome, Ada" in browser.get(sandbox.base, timeout=10).text


@pytest.mark.parametrize("page", ["FrontChannelLogout.aspx", "Logout.aspx"])
def test_a_front_channel_logout_ends_the_session(
    sandbox: Sandbox, association: Association, browser: requests.Session, page: str
) -> None:
    sign_in(sandbox, browser)
    url = f"{sandbox.base}/HigherLogic/Security/{page}"

    wrong = browser.get(url, params={"iss": "https://other.example"}, timeout=10)
    assert wrong.status_code == 400
    assert "Welcome, Ada" in browser.get(sandbox.base, timeout=10).text

    response = browser.get(url, params={"iss": association.issuer, "sid": "s"}, timeout=10)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert f"frame-ancestors {association.issuer}" in policy
    assert "X-Frame-Options" not in response.headers
    assert "Welcome, Ada" not in browser.get(sandbox.base, timeout=10).text


def test_a_member_who_is_gone_is_signed_out(sandbox: Sandbox, browser: requests.Session) -> None:
    sign_in(sandbox, browser)
    requests.post(f"{sandbox.base}/control/reset", timeout=10)
    assert "Sign in with your association" in browser.get(sandbox.base, timeout=10).text


def test_the_cookies_have_names_of_their_own(sandbox: Sandbox, browser: requests.Session) -> None:
    sign_in(sandbox, browser)
    assert {cookie.name for cookie in browser.cookies} == {"sandbox_community", "sandbox_state"}
    assert all(cookie.has_nonstandard_attr("HttpOnly") for cookie in browser.cookies)


def test_localhost_is_sent_to_the_one_address(sandbox: Sandbox) -> None:
    url = sandbox.base.replace("127.0.0.1", "localhost") + "/communities?page=2"
    response = requests.get(url, allow_redirects=False, timeout=10)
    assert response.headers["Location"] == f"{sandbox.base}/communities?page=2"
