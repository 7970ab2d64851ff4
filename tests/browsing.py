"""A member's browser, as far as HTTP goes: fetches a form, fills it in, sends it."""

import io
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

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


def send_file(
    client: FlaskClient, path: str, field: str, content: bytes, name: str = "file", to: str = ""
) -> TestResponse:
    """Fetch the page at ``path`` and send its form with a file, to ``to`` if it goes elsewhere."""
    token = csrf_token(client.get(path).text)
    file = FileStorage(io.BytesIO(content), name)
    # Encoded here: the client's own way leaves a temporary file open.
    boundary, body = encode_multipart({"csrf_token": token, field: file})
    return client.post(
        to or path, data=body, content_type=f'multipart/form-data; boundary="{boundary}"'
    )


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


class _Form(HTMLParser):
    """What a browser would send of the form with an id, as it stands in a page."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.wanted, self.inside = form, False
        self.fields: dict[str, list[str]] = {}
        self.area: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form":
            self.inside = given.get("id") == self.wanted
        if not self.inside:
            return
        name, value = given.get("name"), given.get("value")
        if tag == "textarea" and name:
            self.area = name
            self.fields[name] = [""]
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and "selected" in given:
            self.fields.setdefault(self.select, []).append(value or "")
        elif tag == "input" and name and "disabled" not in given:
            if given.get("type") in {"checkbox", "radio"} and "checked" not in given:
                return
            self.fields.setdefault(name, []).append(value if value is not None else "on")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data: str) -> None:
        if self.inside and self.area:
            self.fields[self.area][0] += data


def form_of(page: str, form: str) -> dict[str, list[str]]:
    """What the form with this id holds in a page."""
    parser = _Form(form)
    parser.feed(page)
    assert parser.fields, f"the page has no form {form}"
    # HTML drops the line feed that begins a text area.
    return {
        name: [value.removeprefix("\r\n").removeprefix("\n") for value in values]
        for name, values in parser.fields.items()
    }


def change(client: FlaskClient, path: str, form: str, **changes: Any) -> TestResponse:
    """Fetch a page, change some fields of a form that it has (``None``: leave out), send it."""
    fields: dict[str, Any] = {**form_of(client.get(path).text, form), **changes}
    return client.post(path, data={name: v for name, v in fields.items() if v is not None})
