"""What a browser is told of every page: cookies, frames, referrers, and nobody else's resources."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.database import db
from idp.oauth import registration
from idp.settings import Settings
from idp.signin import recovery
from tests import browsing, factories
from tests.conftest import Browser
from wsgi import create_app

ROOT = Path(__file__).parents[1]
AT = "https://id.example.org"
LOADING = {"src", "srcset", "poster", "data", "background", "action", "formaction"}


@pytest.fixture
def secure(settings: Settings) -> Iterator[Flask]:
    """The app of an https deployment."""
    app = create_app(settings.model_copy(update={"public_url": AT}))
    app.test_client_class = Browser
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def signed_in(app: Flask, **query: str) -> FlaskClient:
    factories.account(email="a@example.org", role="owner")
    browser = app.test_client()
    page = browser.get("/sign-in", base_url=AT, query_string=query)
    data = {"csrf_token": browsing.csrf_token(page.text), "email": "a@example.org"}
    data["password"] = factories.PASSWORD
    browser.post("/sign-in", base_url=AT, data=data)
    return browser


class Loads(HTMLParser):
    """The addresses that a page loads something from, or sends its forms to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in LOADING or (tag == "link" and name == "href"):
                self.addresses.append(value or "")
            assert name != "ping", "a ping tells somebody where the member goes"
            assert not name.startswith("on"), "no script in an attribute"


def pages(app: Flask) -> dict[str, str]:
    """Every kind of page that a member sees, by its address."""
    client, _ = registration.create("An app", "app", ["https://app.example.org/back"])
    invited = factories.account(email="new@example.org", password=None)
    db.session.commit()
    consent = (
        f"/oauth/authorize?client_id={client.client_id}&response_type=code&scope=openid+profile"
        f"&redirect_uri=https://app.example.org/back&code_challenge={'x' * 43}"
        "&code_challenge_method=S256"
    )
    browser, stranger = signed_in(app), app.test_client()
    found = {}
    for path in (
        "/sign-in",
        "/forgot",
        "/set-password/" + recovery.make_token(invited),
        "/nowhere",
    ):
        found[path] = stranger.get(path, base_url=AT)
    for path in (
        "/",
        "/profile",
        "/security",
        "/profile/sites",
        consent,
        "/oauth/logout",
        "/panel/",
    ):
        found[path] = browser.get(path, base_url=AT)
    found["no such client"] = browser.get("/oauth/authorize?client_id=x", base_url=AT)
    found["no token"] = browser.post("/profile", base_url=AT)
    for path, page in found.items():
        assert page.mimetype == "text/html", path
    assert "Allow An app?" in found[consent].text
    return found


@pytest.mark.compliance("S12", "S16")
def test_no_page_tells_or_shows_itself_to_anybody_else(secure: Flask) -> None:
    for path, page in pages(secure).items():
        assert page.headers["Referrer-Policy"] == "no-referrer", path
        assert page.headers["X-Frame-Options"] == "DENY", path
        policy = dict(
            rule.strip().split(" ", 1)
            for rule in page.headers["Content-Security-Policy"].split(";")
        )
        assert policy["frame-ancestors"] == "'none'", path
        assert policy["default-src"] == "'self'", path
        for name in ("script-src", "style-src", "img-src"):
            assert "http" not in policy[name], path
            assert "unsafe" not in policy[name], path
        assert '<meta name="referrer"' not in page.text


@pytest.mark.compliance("S12")
def test_no_page_loads_anything_from_anybody_else(secure: Flask) -> None:
    stranger = secure.test_client()
    sheets = set()
    for path, page in pages(secure).items():
        loads = Loads()
        loads.feed(page.text)
        assert loads.addresses, path
        for address in loads.addresses:
            whole = urlsplit(urljoin(AT, address))
            assert f"{whole.scheme}://{whole.netloc}" == AT or whole.scheme == "data", path
            if whole.path.endswith((".css", ".js")):
                sheets.add(whole.path)
    assert sheets
    for path in sheets:
        with stranger.get(path, base_url=AT) as answer:
            assert answer.status_code == 200, path
            if path.endswith(".css"):
                assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", answer.text), path


@pytest.mark.compliance("S21")
def test_no_script_of_ours_posts_messages_to_windows() -> None:
    scripts = [*ROOT.glob("idp/static/**/*.js"), *ROOT.glob("admin/static/**/*.js")]
    templates = [*ROOT.glob("idp/templates/**/*.html"), *ROOT.glob("admin/templates/**/*.html")]
    assert len(scripts) >= 3
    assert len(templates) >= 30
    for path in scripts + templates:
        assert "postMessage" not in path.read_text(), path


@pytest.mark.compliance("S22")
def test_every_cookie_is_for_this_host_alone(secure: Flask) -> None:
    factories.account(email="a@example.org")
    browser = secure.test_client()
    page = browser.get("/sign-in", base_url=AT)
    data = {"csrf_token": browsing.csrf_token(page.text), "email": "a@example.org"}
    data["password"] = factories.PASSWORD
    answer = browser.post("/sign-in", base_url=AT, data=data)
    assert answer.status_code == 303
    out = browsing.csrf_token(browser.get("/", base_url=AT).text)
    gone = browser.post("/sign-out", base_url=AT, data={"csrf_token": out})
    set_here = [
        cookie for one in (page, answer, gone) for cookie in one.headers.getlist("Set-Cookie")
    ]
    assert len(set_here) >= 4
    for cookie in set_here:
        name, *attributes = re.split(r"=[^;]*; |; ", cookie, maxsplit=1)
        assert name in {"__Host-tessera", "__Host-tessera-known"}
        for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
            assert attribute in attributes[0].split("; "), cookie
        assert "Domain" not in cookie


@pytest.mark.compliance("S22")
def test_a_session_that_somebody_else_chose_is_not_signed_in(secure: Flask) -> None:
    attacker = secure.test_client()
    attacker.get("/sign-in", base_url=AT)
    planted = attacker.get_cookie("__Host-tessera", "id.example.org")
    victim = secure.test_client()
    victim.set_cookie("__Host-tessera", planted.value, domain="id.example.org", secure=True)
    factories.account(email="a@example.org")
    page = victim.get("/sign-in", base_url=AT)
    data = {"csrf_token": browsing.csrf_token(page.text), "email": "a@example.org"}
    data["password"] = factories.PASSWORD
    assert victim.post("/sign-in", base_url=AT, data=data).status_code == 303
    assert victim.get("/", base_url=AT).status_code == 200
    assert attacker.get("/", base_url=AT).status_code == 303
    assert victim.get_cookie("__Host-tessera", "id.example.org").value != planted.value
