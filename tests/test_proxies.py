"""What a proxy says of the request is believed only where a setting says so (S20)."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from idp.database import db
from idp.settings import Settings
from idp.signin.sessions import SignInSession
from tests import browsing, factories
from tests.conftest import Browser
from wsgi import create_app

FORWARDED = {
    "X-Forwarded-For": "198.51.100.66, 192.0.2.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example.com",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=198.51.100.66;host=evil.example.com;proto=https",
    "X-Real-IP": "198.51.100.66",
}


@pytest.fixture
def behind(settings: Settings) -> Iterator[Callable[[int], Flask]]:
    """Makes the app of a deployment behind so many proxies."""
    made = []

    def app_behind(proxies: int) -> Flask:
        app = create_app(settings.model_copy(update={"trusted_proxies": proxies}))
        app.test_client_class = Browser
        made.append(app)
        return app

    yield app_behind
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def address_of_a_sign_in(app: Flask, **headers: str) -> str:
    """Where a sign-in came from, as the session has it."""
    with app.app_context():
        account = factories.account()
        browser = app.test_client()
        page = browser.get("/sign-in", headers=headers)
        data = {"csrf_token": browsing.csrf_token(page.text), "email": account.person.email}
        data["password"] = factories.PASSWORD
        assert browser.post("/sign-in", data=data, headers=headers).status_code == 303
        mine = select(SignInSession.address).where(SignInSession.account_id == account.id)
        return str(db.session.scalars(mine).one())


@pytest.mark.compliance("S20")
@pytest.mark.parametrize(
    ("proxies", "address"), [(0, "127.0.0.1"), (1, "192.0.2.7"), (2, "198.51.100.66")]
)
def test_an_address_comes_from_as_many_proxies_as_are_trusted(
    behind: Callable[[int], Flask], proxies: int, address: str
) -> None:
    assert address_of_a_sign_in(behind(proxies), **FORWARDED) == address


@pytest.mark.compliance("S20")
def test_nobody_gets_around_a_limit_by_a_header(behind: Callable[[int], Flask]) -> None:
    app = behind(0)
    with app.app_context():
        account = factories.account()
        statuses = []
        for number in range(11):
            browser = app.test_client()
            page = browser.get("/sign-in").text
            data = {"csrf_token": browsing.csrf_token(page), "email": account.person.email}
            headers = {**FORWARDED, "X-Forwarded-For": f"192.0.2.{number}"}
            answer = browser.post("/sign-in", data={**data, "password": "x"}, headers=headers)
            statuses.append(answer.status_code)
    assert statuses == [401] * 10 + [429]


@pytest.mark.compliance("S20")
@pytest.mark.parametrize("proxies", [0, 1])
def test_no_header_moves_the_issuer(behind: Callable[[int], Flask], proxies: int) -> None:
    app = behind(proxies)
    headers = {**FORWARDED, "Host": "evil.example.com"}
    well_known = "/.well-known/openid-configuration"
    with app.app_context():
        browser = app.test_client()
        plain = browser.get(well_known).json
        assert browser.get(well_known, headers=headers).json == plain
        for path in ("/sign-in", "/profile", "/oauth/logout", "/oauth/authorize"):
            answer = browser.get(path, headers=headers)
            assert "evil" not in answer.text
            assert "evil" not in answer.headers.get("Location", "")
