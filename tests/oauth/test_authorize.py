"""The authorization endpoint: who gets a code, who a page, who an error."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import registration
from idp.oauth.clients import Client
from idp.oauth.grants import Grant
from tests.oauth.conftest import (
    CALLBACK,
    ISSUER,
    Member,
    Site,
    is_page,
    next_of,
    parameters_of,
    sign_in,
)


@pytest.mark.compliance("S05", "B01")
def test_a_code_comes_back_with_state_and_issuer(site: Site, visitor: Member) -> None:
    response = site.authorize()
    answer = parameters_of(response)
    assert response.location.startswith(CALLBACK + "?")
    assert answer.keys() == {"code", "state", "iss"}
    assert answer["iss"] == ISSUER
    assert answer["state"] == site.default["state"]


@pytest.mark.compliance("B08")
def test_neither_nonce_nor_state_is_needed(site: Site, visitor: Member) -> None:
    answer = parameters_of(site.authorize(nonce=None, state=None))
    assert answer.keys() == {"code", "iss"}


@pytest.mark.compliance("B14", "B22", "B24")
@pytest.mark.parametrize(
    "extra",
    [
        {"scope": "email profile openid"},
        {"extra": "foobar"},
        {"login_hint": "ada@example.org"},
        {"prompt": "consent"},
        {"response_mode": "query"},
    ],
)
def test_what_may_be_ignored_is_ignored(site: Site, visitor: Member, extra: dict[str, str]) -> None:
    assert "code" in parameters_of(site.authorize(**extra))


@pytest.mark.compliance("B30", "S02", "S01")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/callback",
        CALLBACK + "/",
        CALLBACK + "?x=1",
        CALLBACK.upper(),
        CALLBACK + "#fragment",
        "//site.example.org/callback",
        "javascript:alert(1)",
        None,
    ],
)
def test_an_unregistered_redirect_uri_gets_a_page(
    site: Site, visitor: Member, uri: str | None
) -> None:
    response = site.authorize(redirect_uri=uri)
    assert response.status_code == 400
    assert is_page(response)


@pytest.mark.compliance("S02")
@pytest.mark.parametrize("client_id", ["nobody", None, "x" * 2000])
def test_an_unknown_client_gets_a_page(site: Site, visitor: Member, client_id: str | None) -> None:
    response = site.authorize(client_id=client_id)
    assert response.status_code == 400
    assert is_page(response)


def test_a_client_out_of_use_gets_a_page(app: Flask, site: Site, visitor: Member) -> None:
    with app.app_context():
        registration.change(db.session.get(Client, site.row_id), active=False)
        db.session.commit()
    assert is_page(site.authorize())


@pytest.mark.compliance("B02", "B33", "B34", "S04", "S05", "S06")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "\N{SNOWMAN}"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://site.example.org/r"}, "request_uri_not_supported"),
        ({"scope": "nothing known"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "x" * 44}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "sing"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "\N{SUPERSCRIPT TWO}"}, "invalid_request"),
        ({"id_token_hint": "a.b.c"}, "invalid_request"),
    ],
)
def test_other_errors_are_told_to_the_client(
    site: Site, visitor: Member, changes: dict[str, str | None], error: str
) -> None:
    response = site.authorize(**changes)
    answer = parameters_of(response)
    assert response.location.startswith(CALLBACK + "?")
    assert answer.keys() == {"error", "error_description", "state", "iss"}
    assert answer["error"] == error
    assert answer["iss"] == ISSUER
    assert answer["state"] == site.default["state"]


@pytest.mark.compliance("B31", "S15")
def test_a_posted_request_goes_on_as_a_get(site: Site, visitor: Member) -> None:
    response = site.browser.post("/oauth/authorize", data=site.parameters())
    assert response.status_code == 303
    assert response.location.startswith("/oauth/authorize?")
    assert "code" in parameters_of(site.browser.get(response.location))


def test_a_posted_request_is_judged_like_any(site: Site, visitor: Member) -> None:
    response = site.browser.post("/oauth/authorize", data=site.parameters(redirect_uri="https://x"))
    assert is_page(response)
    answer = parameters_of(
        site.browser.post("/oauth/authorize", data=site.parameters(response_type="token"))
    )
    assert answer["error"] == "unsupported_response_type"


def test_asking_writes_nothing_until_somebody_is_signed_in(
    app: Flask, site: Site, statements: list[str]
) -> None:
    site.authorize()
    site.authorize(prompt="none")
    site.authorize(redirect_uri="https://evil.example.com")
    assert not [one for one in statements if not one.startswith("SELECT")]


def test_a_silent_sign_on_costs_a_fixed_number_of_statements(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    site.authorize()  # the process keeps a copy of the client from now on
    statements.clear()
    site.authorize()
    verbs = [one.split()[0] for one in statements]
    assert verbs == ["SELECT", "INSERT", "COMMIT"]


@pytest.mark.compliance("S12", "S16", "S17")
def test_headers_of_pages_and_redirects(site: Site, visitor: Member) -> None:
    for response in (site.authorize(), site.authorize(client_id="nobody")):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_deactivated_member_is_sent_to_sign_in(app: Flask, site: Site, member: Member) -> None:
    with app.app_context():
        accounts.deactivate(db.session.get(Account, member.account_id))
        db.session.commit()
    assert next_of(site.authorize())
    with app.app_context():
        count = select(func.count()).where(Grant.account_id == member.account_id)
        assert db.session.scalar(count) == 0


def test_a_redirect_uri_keeps_its_own_query(app: Flask, new_site: Callable[..., Site]) -> None:
    site = new_site()
    with app.app_context():
        registration.change(
            db.session.get(Client, site.row_id),
            redirect_uris=["https://site.example.org/cb?a=1&b=%2F"],
        )
        db.session.commit()
    sign_in(app, site.browser)
    answer = parameters_of(site.authorize(redirect_uri="https://site.example.org/cb?a=1&b=%2F"))
    assert answer["a"] == "1"
    assert answer["b"] == "/"
    assert "code" in answer


def test_the_sign_in_page_leads_back(app: Flask, site: Site) -> None:
    # The real page, which is not this package's.
    response = site.browser.get(site.authorize().location)
    assert response.status_code == 200
