"""What no honest browser sends: refused in the browser's terms, never a failure of ours."""

import io
import re
from contextlib import redirect_stderr
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.database import db
from idp.directory import fields
from idp.limits import network
from idp.settings import Settings
from idp.web import rich_text
from tests import browsing, factories
from tests.conftest import Browser
from wsgi import create_app

FORMS = ["/sign-in", "/forgot", "/profile", "/security"]
GARBAGE = {
    "NUL": "a\x00b@example.org",
    "control characters": "\x01\x1b[2J\x7f",
    "a huge number": "9" * 5000,
    "a huge exponent": "1e9999999",
    "markup": '"><script>alert(1)</script>',
    "long": "a" * 300_000,
    "ampersands": "<b>" + "&" * 19_000,
    "right to left": "\u202e\u2028\ufeff",
}


def member(app: Flask) -> FlaskClient:
    fields.create("Number", "whole_number", in_members_section=True, member_may_edit=True)
    fields.create("Day", "date", in_members_section=True, member_may_edit=True)
    fields.create("Line", "text", in_members_section=True, member_may_edit=True)
    fields.create("One", "one_of", choices=["a"], in_members_section=True, member_may_edit=True)
    factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    return client


@pytest.mark.compliance("T26")
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_any_field_of_a_form_is_refused_or_taken_but_never_a_failure(
    app: Flask, garbage: str
) -> None:
    client = member(app)
    for path in FORMS:
        visitor = app.test_client() if path == "/forgot" else client
        query = {"again": "1"} if path == "/sign-in" else {}
        page = visitor.get(path, query_string=query).text
        names = set(re.findall(r'name="([^"]+)"', page)) - {"csrf_token", "viewport"}
        assert names
        for name in sorted(names):
            data: dict[str, Any] = {"csrf_token": browsing.csrf_token(page), name: garbage}
            answer = visitor.post(path, query_string=query, data=data)
            assert answer.status_code < 500, (path, name)
            assert "<script>alert" not in answer.text
            assert client.get("/").status_code == 200, (path, name)


@pytest.mark.parametrize(
    "path",
    ["/sign-in?next=%00", "/sign-in?login_hint=a%00b", "/set-password/%00", "/panel/people/?q=%00"],
)
def test_a_nul_in_an_address_is_refused(app: Flask, path: str) -> None:
    assert member(app).get(path).status_code in {303, 400, 403, 404, 410}


def test_a_bio_is_shown_as_it_was_written(app: Flask) -> None:
    client = member(app)
    browsing.submit(client, "/profile", bio="R&D at 5 > 3\nand more")
    assert "<p>R&amp;D at 5 &gt; 3<br>and more</p>" in client.get("/").text
    assert rich_text("<b>R&amp;D</b>") == "<b>R&amp;D</b>"
    assert rich_text("&lt;script&gt;") == "<p>&lt;script&gt;</p>"


def test_a_bio_that_grows_too_long_by_being_made_harmless_is_refused(app: Flask) -> None:
    client = member(app)
    answer = browsing.submit(client, "/profile", bio="<b>" + "&" * 19_000)
    assert "Longer than 20000 characters" in answer.text
    assert client.get("/").status_code == 200


@pytest.mark.compliance("S23")
def test_forms_work_over_https_without_a_referer(settings: Settings) -> None:
    """Browsers send none: our own Referrer-Policy forbids it."""
    app = create_app(settings.model_copy(update={"public_url": "https://id.example.org"}))
    app.test_client_class = Browser
    with app.app_context():
        factories.account(email="a@example.org")
        client = app.test_client()
        at = "https://id.example.org"
        token = browsing.csrf_token(client.get("/sign-in", base_url=at).text)
        data = {"csrf_token": token, "email": "a@example.org", "password": factories.PASSWORD}
        answer = client.post("/sign-in", base_url=at, data=data)
        assert answer.status_code == 303
        cookies = answer.headers.getlist("Set-Cookie")
        assert {cookie.split("=")[0] for cookie in cookies} == {
            "__Host-tessera",
            "__Host-tessera-known",
        }
        assert all("Secure; HttpOnly; Path=/; SameSite=Lax" in cookie for cookie in cookies)
        db.session.remove()
        db.engine.dispose()


@pytest.mark.compliance("T25")
def test_the_secret_of_a_mailed_link_is_not_logged(app: Flask) -> None:
    log = io.StringIO()
    with redirect_stderr(log):
        create_app(app.config["TESSERA"])  # structlog takes the stream that is there now
        app.test_client().post("/set-password/a-secret-link", data={"password": "x"})
    assert "form refused" in log.getvalue()
    assert "a-secret-link" not in log.getvalue()


@pytest.mark.compliance("T25")
def test_an_error_of_the_database_names_no_values(app: Flask) -> None:
    with pytest.raises(Exception, match="hidden") as failed:
        db.session.execute(db.text("SELECT nothing FROM nowhere WHERE x = :x"), {"x": "sealed"})
    assert "sealed" not in str(failed.value)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:1:2:aaaa::1]:4711", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_limit_counts_a_whole_ipv6_network_as_one(app: Flask, address: str, counted: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert network() == counted
