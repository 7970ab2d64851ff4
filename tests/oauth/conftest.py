"""One app per database for all tests in here: each test brings its own clients and people.

No app context is left open: within one, Flask would keep ``g`` from request to request.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from idp import prepared
from idp.database import db, now
from idp.directory.accounts import Account
from idp.limits import limiter
from idp.oauth import keys, registration
from idp.settings import Settings
from idp.signin.sessions import LIFETIME, SignInSession, hashed
from tests import databases, factories
from tests.conftest import DATABASES, deployment
from tests.serving import address_of, serving
from wsgi import create_app

ISSUER = "http://127.0.0.1:8000"
CALLBACK = "https://site.example.org/callback"
AFTER_LOGOUT = "https://site.example.org/bye"
HL_CALLBACK = "https://community.example.org/HigherLogic/Security/OAuth/Authentication.aspx"


def settings_on(database: str, folder: Any, request: pytest.FixtureRequest) -> Settings:
    """Deployment settings on a new database of a kind."""
    address = databases.empty(database, request)
    return deployment(folder, address, request.getfixturevalue("redis_server"))


def migrated_settings(database: str, folder: Path, request: pytest.FixtureRequest) -> Settings:
    """Deployment settings on a new database of a kind that the migrations made."""
    address = databases.migrated(database, folder, request)
    return deployment(folder, address, request.getfixturevalue("redis_server"))


def app_on(settings: Settings) -> Iterator[Flask]:
    """An app on a database that the migrations made."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limits: the tests ask more in a minute, and more that is refused, than a site does."""
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture(scope="session", params=DATABASES)
def site_app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The app that most tests share."""
    settings = migrated_settings(request.param, tmp_path_factory.mktemp("oauth") / "var", request)
    yield from app_on(settings)


@pytest.fixture
def app(site_app: Flask) -> Flask:
    """The shared app; what a test needs in it, it makes."""
    return site_app


@pytest.fixture
def fresh_app(settings: Settings) -> Iterator[Flask]:
    """An app on an empty database of its own."""
    yield from app_on(settings)


@pytest.fixture
def live(settings: Settings) -> Iterator[Flask]:
    """The app served on a port of its own, under its own issuer."""
    with serving() as server:
        # The issuer must be known before the app is made.
        made = app_on(settings.model_copy(update={"public_url": address_of(server)}))
        app = server.app = next(made)
        yield app
    # After the server: a request still under way would keep a connection that nobody closes.
    next(made, None)


@dataclass
class Site:
    """A client as its own developer sees it, with a browser that goes to Tessera."""

    app: Flask
    row_id: int
    client_id: str
    secret: str | None
    redirect_uri: str
    browser: FlaskClient
    default: dict[str, str]
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorize(self, **changes: str | None) -> TestResponse:
        """The browser follows the site's sign-in link; ``None`` leaves a parameter out."""
        return self.browser.get("/oauth/authorize", query_string=self.parameters(**changes))

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """The parameters of the sign-in link."""
        merged = {**self.default, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def code(self, **changes: str | None) -> str:
        """A fresh code."""
        answer = parameters_of(self.authorize(**changes))
        assert "code" in answer, answer
        return answer["code"]

    def exchange(self, code: str, **changes: Any) -> TestResponse:
        """The site's server exchanges a code, by Basic."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
        }
        if "code_challenge" in self.default:
            form["code_verifier"] = self.verifier
        merged = {**form, **changes}
        return self.post(
            "/oauth/token", {name: value for name, value in merged.items() if value is not None}
        )

    def refresh(self, refresh_token: str, **more: str) -> TestResponse:
        """The site's server refreshes, by Basic."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **more}
        return self.post("/oauth/token", form)

    def post(self, path: str, form: Any, **options: Any) -> TestResponse:
        """The site's server posts, by Basic and without the browser's cookies; an app has no
        secret and only says who it is."""
        if self.secret is None:
            form, headers = {"client_id": self.client_id, **form}, {}
        else:
            headers = {"Authorization": basic(self.client_id, self.secret)}
        return self.app.test_client().post(path, data=form, headers=headers, **options)

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """A fresh answer of the token endpoint."""
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json

    def userinfo(self, access_token: str) -> TestResponse:
        """The site's server asks who this is."""
        return self.app.test_client().get(
            "/oauth/userinfo", headers={"Authorization": f"Bearer {access_token}"}
        )


def basic(client_id: str, secret: str) -> str:
    """A Basic header."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def parameters_of(response: TestResponse) -> dict[str, str]:
    """The query parameters that a redirect carries."""
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.location).query))


def is_page(response: TestResponse) -> bool:
    """Whether the member gets a page and is sent nowhere."""
    return "Location" not in response.headers and response.mimetype == "text/html"


def claims_of(id_token: str) -> dict[str, Any]:
    """What an ID token says, unverified."""
    body = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def next_of(response: TestResponse) -> str:
    """Where the sign-in page that we are sent to will go on to."""
    assert response.status_code == 303
    assert urlsplit(response.location).path == "/sign-in", response.location
    return parse_qs(urlsplit(response.location).query)["next"][0]


@pytest.fixture
def new_site(app: Flask) -> Callable[..., Site]:
    """Makes sites."""
    return lambda template="oidc", **options: site_in(app, template, **options)


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """A plain OpenID Connect client."""
    return new_site()


@pytest.fixture
def community(new_site: Callable[..., Site]) -> Site:
    """A Higher Logic community."""
    return new_site("higher-logic")


def site_in(app: Flask, template: str = "oidc", **options: Any) -> Site:
    """Register a site and open a browser."""
    redirect_uri = HL_CALLBACK if template == "higher-logic" else CALLBACK
    options = {"post_logout_redirect_uris": [AFTER_LOGOUT], **options}
    with app.app_context():
        client, secret = registration.create("A site", template, [redirect_uri], **options)
        db.session.commit()
        row_id, client_id = client.id, client.client_id
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    default = {"client_id": client_id, "response_type": "code", "redirect_uri": redirect_uri}
    if template != "higher-logic":
        default |= {
            "scope": "openid profile email",
            "nonce": "n-1",
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
    else:
        default |= {"scope": "profile"}
    default["state"] = "a state/with+odd & characters"
    return Site(app, row_id, client_id, secret, redirect_uri, app.test_client(), default, verifier)


@dataclass(frozen=True)
class Member:
    """A member who is signed in on a browser."""

    account_id: int
    session_id: int
    key: str
    email: str


def sign_in(app: Flask, browser: FlaskClient, account_id: int | None = None) -> Member:
    """Sign somebody in on a browser, as the sign-in page would; a new member by default."""
    token = secrets.token_urlsafe(32)
    with app.app_context():
        account = (
            factories.account(password=None)
            if account_id is None
            else db.session.get(Account, account_id)
        )
        row = SignInSession(
            token_hash=hashed(token),
            account=account,
            epoch=account.epoch,
            expires_at=now() + LIFETIME,
        )
        db.session.add(row)
        db.session.commit()
        member = Member(account.id, row.id, account.person.key, account.person.email)
    with browser.session_transaction() as session:
        session["sid"] = token
    return member


@pytest.fixture
def member(app: Flask, site: Site) -> Member:
    """A member who is signed in on the browser of ``site``."""
    return sign_in(app, site.browser)


@pytest.fixture
def visitor(app: Flask, site: Site) -> Member:
    """Like ``member``, but always the same account: for tests that do nothing to it."""
    known = app.extensions.setdefault("tests-visitor", {})
    member = sign_in(app, site.browser, known.get("account_id"))
    known["account_id"] = member.account_id
    return member


def cost_of_exchange(app: Flask) -> list[str]:
    """What an exchange or a refresh costs: everything is read by one statement; using up and
    keeping is one more on Postgres, two in a transaction on SQLite."""
    with app.app_context():
        postgres = db.engine.dialect.name == "postgresql"
    return ["SELECT", *(["WITH"] if postgres else ["UPDATE", "INSERT"]), "COMMIT"]


@pytest.fixture
def statements(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every SQL statement from here on, the session's and the prepared ones, and each ``COMMIT``,
    that of a prepared statement by itself among them."""
    seen: list[str] = []
    # The signing key is read anew every few seconds, which a busy machine may take for a test.
    monkeypatch.setattr(keys, "FRESH_SECONDS", 3600)
    execute = prepared._Held.execute
    within: list[bool] = [False]

    def on_prepared(held: Any, sql: str, values: Any = ()) -> Any:
        verb = sql.split()[0]
        within[0] = verb == "BEGIN" or (within[0] and verb not in ("COMMIT", "ROLLBACK"))
        if verb != "BEGIN":
            seen.append(sql)
        if not within[0] and verb in ("INSERT", "UPDATE", "DELETE", "WITH"):
            seen.append("COMMIT")
        return execute(held, sql, values)

    monkeypatch.setattr(prepared._Held, "execute", on_prepared)

    def on_execute(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            seen.append(statement)

    def on_commit(_connection: Any) -> None:
        seen.append("COMMIT")

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", on_execute)
    event.listen(engine, "commit", on_commit)
    yield seen
    event.remove(engine, "before_cursor_execute", on_execute)
    event.remove(engine, "commit", on_commit)
