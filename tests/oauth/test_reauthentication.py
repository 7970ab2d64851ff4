"""Who must sign in again, and who silently goes on: prompt, max_age and hints."""

import datetime as dt
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from idp.database import db
from idp.oauth import reauthentication
from idp.signin.sessions import SignInSession
from tests.oauth.conftest import (
    ISSUER,
    Member,
    Site,
    claims_of,
    is_page,
    next_of,
    parameters_of,
    sign_in,
)


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


@pytest.mark.parametrize(
    "another", [{"state": "another"}, {"nonce": "another"}, {"code_challenge": "x" * 43}]
)
def test_a_mark_gets_no_other_request_past_the_password(
    app: Flask, site: Site, another: dict[str, str]
) -> None:
    """A browser that is left open has marks in its history."""
    here = next_of(site.authorize())
    sign_in(app, site.browser)
    assert "code" in parameters_of(site.browser.get(here))
    mark = parse_qs(urlsplit(here).query)["tessera_asked"][0]
    assert next_of(site.authorize(**another, prompt="login", tessera_asked=mark))
    assert next_of(site.authorize(**another, max_age="0", tessera_asked=mark))


def test_a_request_of_the_greatest_length_comes_back_from_the_sign_in(
    app: Flask, site: Site
) -> None:
    """Our own mark, which it has then, makes it no longer than is taken."""
    length = next(
        number for number in range(2048, 0, -1) if not is_page(site.authorize(state=":" * number))
    )
    here = next_of(site.authorize(state=":" * length))
    sign_in(app, site.browser)
    assert parameters_of(site.browser.get(here))["state"] == ":" * length


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
