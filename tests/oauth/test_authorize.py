"""The authorization endpoint: who gets a code, who a page, who an error."""

import datetime as dt
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.oauth import reauthentication, registration
from idp.oauth.clients import Client
from idp.oauth.grants import Grant
from idp.signin.sessions import SignInSession
from tests.oauth.conftest import (
    CALLBACK,
    ISSUER,
    Member,
    Site,
    claims_of,
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


@pytest.mark.compliance("B14", "B15", "B16", "B22", "B24", "B25", "B26", "B27")
@pytest.mark.parametrize(
    "extra",
    [
        {"scope": "email profile openid"},
        {"display": "page"},
        {"display": "popup"},
        {"extra": "foobar"},
        {"login_hint": "ada@example.org"},
        {"ui_locales": "xx-unknown de"},
        {"claims_locales": "de"},
        {"acr_values": "1 2"},
        {"claims": '{"userinfo":{"name":{"essential":true}}}'},
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


@pytest.mark.compliance("S04")
def test_plain_is_refused_for_higher_logic_too(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    answer = parameters_of(
        community.authorize(code_challenge="x" * 43, code_challenge_method="plain")
    )
    assert answer["error"] == "invalid_request"


@pytest.mark.compliance("B18")
def test_prompt_none_without_a_sign_in_is_login_required(site: Site) -> None:
    answer = parameters_of(site.authorize(prompt="none"))
    assert answer["error"] == "login_required"
    assert answer["iss"] == ISSUER


@pytest.mark.compliance("B19", "B21")
@pytest.mark.parametrize("more", [{"prompt": "none"}, {"max_age": "10000"}])
def test_a_silent_sign_on_shows_no_page_and_keeps_auth_time(
    app: Flask, site: Site, more: dict[str, str]
) -> None:
    member = sign_in(app, site.browser)
    first = claims_of(site.tokens()["id_token"])
    age(app, member, 0)
    second = claims_of(site.tokens(**more)["id_token"])
    assert second["sub"] == first["sub"] == member.key
    assert second["auth_time"] == first["auth_time"]


def age(app: Flask, member: Member, seconds: float) -> None:
    """Make a sign-in so much older."""
    with app.app_context():
        row = db.session.get(SignInSession, member.session_id)
        row.started_at -= dt.timedelta(seconds=seconds)
        db.session.commit()


@pytest.mark.compliance("B17")
@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_prompt_login_asks_again_once(app: Flask, site: Site, prompt: str) -> None:
    member = sign_in(app, site.browser)
    age(app, member, 5)
    first = claims_of(site.tokens()["id_token"])
    response = site.authorize(prompt=prompt)
    assert parse_qs(urlsplit(response.location).query)["again"] == ["1"]
    here = next_of(response)
    # Not satisfied by coming back without a new sign-in.
    assert next_of(site.browser.get(here))
    sign_in(app, site.browser, member.account_id)
    answer = parameters_of(site.browser.get(here))
    assert "code" in answer
    second = claims_of(site.exchange(answer["code"]).json["id_token"])
    assert second["auth_time"] > first["auth_time"]


@pytest.mark.compliance("B17")
def test_a_mark_is_good_for_its_client_and_its_time_only(
    app: Flask, site: Site, new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = next_of(site.authorize(prompt="login"))
    mark = parse_qs(urlsplit(here).query)["tessera_asked"][0]
    member = sign_in(app, site.browser)
    other = new_site()
    other.browser = site.browser
    assert next_of(other.authorize(prompt="login", tessera_asked=mark))
    assert next_of(site.authorize(prompt="login", tessera_asked="forged"))
    age(app, member, 60)
    assert next_of(site.browser.get(here)), "an older sign-in does not answer a later wish"
    sign_in(app, site.browser, member.account_id)
    assert "code" in parameters_of(site.browser.get(here))
    monkeypatch.setattr(reauthentication, "LIFETIME", dt.timedelta(0))
    assert next_of(site.browser.get(here))


@pytest.mark.compliance("B20")
def test_max_age_asks_again_when_the_sign_in_is_older(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    assert "code" in parameters_of(site.authorize(max_age="60"))
    age(app, member, 100)
    assert parameters_of(site.authorize(max_age="60", prompt="none"))["error"] == "login_required"
    here = next_of(site.authorize(max_age="60"))
    sign_in(app, site.browser, member.account_id)
    assert "code" in parameters_of(site.browser.get(here))


@pytest.mark.compliance("B20")
def test_max_age_zero_ends(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    here = next_of(site.authorize(max_age="0"))
    sign_in(app, site.browser, member.account_id)
    time.sleep(0.02)
    assert "code" in parameters_of(site.browser.get(here))


@pytest.mark.compliance("B24")
def test_the_login_hint_goes_to_the_sign_in_page(site: Site) -> None:
    query = parse_qs(urlsplit(site.authorize(login_hint="ada@example.org").location).query)
    assert query["login_hint"] == ["ada@example.org"]
    assert "again" not in query


@pytest.mark.compliance("B23")
def test_the_hint_must_name_who_is_signed_in(app: Flask, site: Site, member: Member) -> None:
    hint = site.tokens()["id_token"]
    assert "code" in parameters_of(site.authorize(prompt="none", id_token_hint=hint))
    other = sign_in(app, site.browser)
    answer = parameters_of(site.authorize(prompt="none", id_token_hint=hint))
    assert answer["error"] == "login_required"
    here = next_of(site.authorize(id_token_hint=hint))
    sign_in(app, site.browser, other.account_id)
    assert parameters_of(site.browser.get(here))["error"] == "login_required"
    sign_in(app, site.browser, member.account_id)
    assert "code" in parameters_of(site.browser.get(here))


@pytest.mark.compliance("B23", "T22")
def test_a_hint_of_another_client_or_kind_is_refused(
    app: Flask, site: Site, visitor: Member, new_site: Callable[..., Site]
) -> None:
    tokens = site.tokens()
    other = new_site()
    other.browser = site.browser
    assert (
        parameters_of(other.authorize(id_token_hint=tokens["id_token"]))["error"]
        == "invalid_request"
    )
    assert (
        parameters_of(site.authorize(id_token_hint=tokens["access_token"]))["error"]
        == "invalid_request"
    )


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
    assert verbs == ["SELECT", "SELECT", "INSERT", "COMMIT"]


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
