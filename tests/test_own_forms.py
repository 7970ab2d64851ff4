"""Every form of our own refuses a post that our own page did not send (S23)."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.routing import IntegerConverter, Rule

from idp.database import db
from tests import browsing, factories

# Other sites and their servers post here by design; each proves by itself who asks.
PROTOCOL = {
    "/oauth/authorize",
    "/oauth/introspect",
    "/oauth/logout",
    "/oauth/par",
    "/oauth/revoke",
    "/oauth/token",
    "/oauth/userinfo",
}
REFUSED = "For your safety the form was not taken."


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    """The browser of an owner, who may open everything."""
    factories.account(email="owner@example.org", role="owner")
    browser = app.test_client()
    browsing.sign_in(browser, "owner@example.org")
    return browser


@pytest.fixture
def writes(app: Flask) -> Iterator[list[str]]:
    """Every statement that writes, from here on."""
    seen: list[str] = []

    def on_execute(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.split()[0] in {"INSERT", "UPDATE", "DELETE"}:
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", on_execute)
    yield seen
    event.remove(db.engine, "before_cursor_execute", on_execute)


def taking_posts(app: Flask) -> dict[str, Rule]:
    """The rules that take a POST, by an address that fits each."""
    found = {}
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            values = {
                name: 1 if isinstance(kind, IntegerConverter) else "something"
                for name, kind in rule._converters.items()
            }
            found[app.url_map.bind("").build(rule.endpoint, values)] = rule
    return found


@pytest.mark.compliance("S23")
def test_no_form_of_ours_is_taken_without_its_token(
    app: Flask, owner: FlaskClient, writes: list[str]
) -> None:
    theirs = browsing.csrf_token(app.test_client().get("/sign-in").text)
    forms = taking_posts(app).keys() - PROTOCOL
    assert {"/sign-in", "/sign-out", "/oauth/consent", "/panel/people/new"} <= forms
    for path in sorted(forms):
        for data in ({}, {"csrf_token": ""}, {"csrf_token": "x" * 91}, {"csrf_token": theirs}):
            answer = owner.post(path, data=data)
            assert answer.status_code == 400, path
            assert REFUSED in answer.text, path
        answer = owner.post(path, headers={"X-CSRFToken": theirs}, json={})
        assert REFUSED in answer.text, path
    assert writes == []


@pytest.mark.compliance("S23")
def test_the_protocol_endpoints_are_the_only_ones_without(app: Flask) -> None:
    for path in sorted(PROTOCOL):
        assert REFUSED not in app.test_client().post(path, data={}).text, path
    for rule in app.url_map.iter_rules():
        assert not {"PUT", "PATCH", "DELETE"} & (rule.methods or set()), rule


@pytest.mark.compliance("S22", "S23")
def test_a_token_from_before_the_sign_in_is_good_no_longer(app: Flask) -> None:
    factories.account(email="a@example.org")
    browser = app.test_client()
    before = browsing.csrf_token(browser.get("/sign-in").text)
    browsing.sign_in(browser, "a@example.org")
    answer = browser.post("/sign-out", data={"csrf_token": before})
    assert REFUSED in answer.text
    assert browser.get("/").status_code == 200
