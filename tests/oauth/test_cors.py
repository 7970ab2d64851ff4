"""CORS: which pages may ask which endpoint by script (T24, S17)."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.database import db
from idp.oauth import cors, registration
from idp.oauth.clients import Client
from tests.oauth.conftest import CALLBACK, Member, Site, sign_in
from tests.oauth.test_apps import allow

NewSite = Callable[..., Site]
PAGE = "https://app.example.org"
STRANGE = "https://evil.example.com"
APPS_ENDPOINTS = {
    "/oauth/token": "POST",
    "/oauth/userinfo": "GET",
    "/oauth/revoke": "POST",
    "/oauth/par": "POST",
}
EVERYBODYS_ENDPOINTS = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/oauth/jwks",
]


def site_with(new_site: NewSite, template: str, *redirect_uris: str) -> Site:
    """A site whose pages are at these addresses."""
    site = new_site(template)
    with site.app.app_context():
        client = db.session.get(Client, site.row_id)
        registration.change(client, redirect_uris=list(redirect_uris))
        db.session.commit()
    return site


@pytest.fixture
def spa(new_site: NewSite) -> Site:
    """An app that runs in the browser, on pages of its own."""
    return site_with(new_site, "app", CALLBACK, PAGE + "/signed-in")


def asked_first(app: Flask, path: str, origin: str, method: str = "POST") -> TestResponse:
    """A browser's preflight."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return app.test_client().options(path, headers=headers)


def allowed(response: TestResponse) -> str | None:
    """Whose pages may read the answer."""
    assert "Access-Control-Allow-Credentials" not in response.headers
    return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.compliance("T24")
def test_discovery_and_keys_are_for_every_page(app: Flask) -> None:
    for path in EVERYBODYS_ENDPOINTS:
        assert allowed(app.test_client().get(path)) == "*"
        assert allowed(app.test_client().get(path, headers={"Origin": STRANGE})) == "*"
        assert allowed(asked_first(app, path, STRANGE, "GET")) == "*"


@pytest.mark.compliance("T24")
def test_an_apps_pages_run_the_whole_flow_by_script(app: Flask, spa: Site) -> None:
    member = sign_in(app, spa.browser)
    scope = "openid offline_access"
    allow(spa, scope=scope)
    page = app.test_client()
    for path, method in APPS_ENDPOINTS.items():
        preflight = asked_first(app, path, PAGE, method)
        assert preflight.status_code == 204
        assert preflight.data == b""
        assert allowed(preflight) == PAGE
        assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST"
        assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    form = {
        "grant_type": "authorization_code",
        "client_id": spa.client_id,
        "code": spa.code(scope=scope),
        "code_verifier": spa.verifier,
        "redirect_uri": CALLBACK,
    }
    tokens = page.post("/oauth/token", data=form, headers={"Origin": PAGE})
    assert allowed(tokens) == PAGE
    assert "Origin" in tokens.vary
    bearer = {"Authorization": f"Bearer {tokens.json['access_token']}", "Origin": PAGE}
    userinfo = page.get("/oauth/userinfo", headers=bearer)
    assert userinfo.json["sub"] == member.key
    assert allowed(userinfo) == PAGE
    ended = {"client_id": spa.client_id, "token": tokens.json["refresh_token"]}
    assert allowed(page.post("/oauth/revoke", data=ended, headers={"Origin": PAGE})) == PAGE
    # Refusals can be read, too.
    refused = page.get("/oauth/userinfo", headers=bearer)
    assert refused.status_code == 401
    assert allowed(refused) == PAGE
    assert refused.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"


@pytest.mark.compliance("T24")
@pytest.mark.parametrize(
    "origin",
    [
        STRANGE,
        "null",
        "*",
        "",
        "http://app.example.org",
        PAGE + ":8443",
        PAGE + "/",
        PAGE + "/signed-in",
        PAGE + ".evil.example.com",
        "https://evil.example.com/" + PAGE,
        "https://site@app.example.org",
        "https://site2.example.org",
    ],
)
def test_other_pages_are_told_nothing(
    app: Flask, spa: Site, new_site: NewSite, origin: str
) -> None:
    # A site with a server of its own needs no CORS.
    site_with(new_site, "oidc", "https://site2.example.org/callback")
    for path, method in APPS_ENDPOINTS.items():
        assert allowed(asked_first(app, path, origin, method)) is None
        assert (
            allowed(app.test_client().open(path, method=method, headers={"Origin": origin})) is None
        )


@pytest.mark.compliance("T24")
def test_an_app_out_of_use_has_no_pages(app: Flask, new_site: NewSite) -> None:
    page = "https://gone.example.org"
    spa = site_with(new_site, "app", page + "/back")
    assert allowed(asked_first(app, "/oauth/token", page)) == page
    with app.app_context():
        registration.change(db.session.get(Client, spa.row_id), active=False)
        db.session.commit()
    assert allowed(asked_first(app, "/oauth/token", page)) is None


@pytest.mark.parametrize(
    ("redirect_uri", "same", "others"),
    [
        ("https://A.example.net:443/x", "https://a.example.net", ["https://a.example.net:443"]),
        ("https://b.example.net:8443/x", "https://b.example.net:8443", ["https://b.example.net"]),
        (
            "http://127.0.0.1/x",
            "http://127.0.0.1:5173",
            [
                "http://127.0.0.1:",
                "http://127.0.0.1:5x",
                "http://127.0.0.1.example",
                "http://127.0.0.1:²",
            ],
        ),
        ("http://[::1]:80/x", "http://[::1]:5173", ["http://::1:5173", "https://[::1]:5173"]),
        ("com.example.app:/x", None, ["com.example.app", "com.example.app://", "null"]),
    ],
)
def test_an_origin_is_that_of_a_redirect_uri(
    fresh_app: Flask, redirect_uri: str, same: str | None, others: list[str]
) -> None:
    with fresh_app.app_context():
        registration.create("An app", "app", [redirect_uri])
        db.session.commit()
        if same is not None:
            assert cors.is_an_apps(same)
        assert [other for other in others if cors.is_an_apps(other)] == []


@pytest.mark.compliance("T24", "S17")
@pytest.mark.parametrize(
    "path",
    [
        "/oauth/authorize",
        "/oauth/consent",
        "/oauth/introspect",
        "/oauth/logout",
        "/oauth/logout/confirm",
        "/sign-in",
        "/profile/sites",
    ],
)
def test_nothing_else_has_cors(app: Flask, spa: Site, visitor: Member, path: str) -> None:
    for origin in (PAGE, STRANGE, "http://127.0.0.1:8000"):
        answers = [asked_first(app, path, origin, method) for method in ("GET", "POST")]
        answers.append(app.test_client().get(path, headers={"Origin": origin}))
        answers.append(spa.browser.post(path, headers={"Origin": origin}))
        for answer in answers:
            assert allowed(answer) is None
            assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.compliance("S17")
def test_a_code_is_never_readable_by_script(site: Site, visitor: Member) -> None:
    query = site.parameters()
    answer = site.browser.get("/oauth/authorize", query_string=query, headers={"Origin": PAGE})
    assert "code=" in answer.location
    assert allowed(answer) is None


def test_who_names_no_origin_costs_no_statement_more(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    token = site.tokens()["access_token"]
    statements.clear()
    site.userinfo(token)
    assert len(statements) == 1
    statements.clear()
    headers = {"Authorization": f"Bearer {token}", "Origin": PAGE}
    site.app.test_client().get("/oauth/userinfo", headers=headers)
    assert len(statements) == 2
