"""A member's browser, as far as HTTP goes: fetches a form, fills it in, sends it."""

import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import factories

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def csrf_token(page: str) -> str:
    """The CSRF token of a page's form."""
    found = _TOKEN.search(page)
    assert found, "the page has no form with a CSRF token"
    return unescape(found.group(1))


def submit(client: FlaskClient, path: str, _to: str | None = None, **fields: Any) -> TestResponse:
    """Fetch the page at ``path`` and send its form, to ``_to`` if it goes elsewhere."""
    token = csrf_token(client.get(path).text)
    return client.post(_to or path, data={"csrf_token": token, **fields})


def sign_in(
    client: FlaskClient, email: str, password: str = factories.PASSWORD, **query: str
) -> TestResponse:
    """Sign in by the page; the answer is the one to the form."""
    page = client.get("/sign-in", query_string=query)
    return client.post(
        "/sign-in",
        query_string=query,
        data={"csrf_token": csrf_token(page.text), "email": email, "password": password},
    )
