"""Lists: a fixed number of statements, searches, pages, empty states, and hostile names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from idp import audit
from idp.database import db
from idp.directory.contacts import Person
from idp.oauth import registration
from tests import factories

LISTS = [
    *("people/", "companies/", "groups/", "fields/", "groups/many/members", "audit/", "clients/")
]


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that ask the database something."""
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.compliance("A1")
def test_lists_cost_the_same_however_long_they_are(app: Flask, owner: FlaskClient) -> None:
    factories.group(name="Everybody", key="many")
    factories.person(account=True)
    registration.create("A site", "machine")
    db.session.commit()

    def costs() -> dict[str, int]:
        found = {}
        for path in LISTS:
            with counted() as statements:
                assert owner.get(f"/panel/{path}").status_code == 200
            found[path] = len(statements)
        return found

    costs()  # what a process reads once and keeps: what groups ask, say
    before = costs()
    for number in range(12):
        company = factories.company()
        person = factories.person(account=number % 2 == 0, company=company)
        group = factories.group(selects="both", name=f"Group {number}")
        client, _secret = registration.create(f"Site {number}", "higher-logic")
        registration.change(client, permitted_groups=[group])
        audit.record(audit.Event.CONTACT_CHANGED, person.key, changed={"city": ["", "York"]})
    db.session.commit()
    costs()
    assert costs() == before
    assert max(before.values()) <= 12, before


def test_search_finds_by_name_address_member_id_and_key(staff: FlaskClient, app: Flask) -> None:
    factories.person(
        first_name="Émilie", last_name="du Châtelet", email="e@cirey.example", member_id="M-77",
        key="the-key",
    )  # fmt: skip
    factories.person(first_name="Somebody", last_name="Else")
    for text in ("châtelet", "ÉMILIE chât", "cirey", "m-77", "the-key"):
        page = staff.get("/panel/people/", query_string={"q": text}).text
        assert "Émilie du Châtelet" in page, text
        assert "Somebody" not in page
    page = staff.get("/panel/people/?q=100%25_").text
    assert "Nobody found" in page


def test_lists_are_read_in_pages(staff: FlaskClient, app: Flask) -> None:
    db.session.add_all(Person(first_name="P", last_name=f"{number:03}") for number in range(120))
    db.session.commit()
    first = staff.get("/panel/people/?q=P").text
    assert "1–50 of 12" in first
    assert "P 000" in first
    last = staff.get("/panel/people/?q=P&page=999").text
    assert "Page 3 of 3" in last
    assert "P 119" in last
    assert 'href="/panel/people/?q=P&amp;page=2"' in last


def test_an_empty_list_says_what_to_do(app: Flask, owner: FlaskClient) -> None:
    for path, words in (
        ("companies/", "No companies yet"),
        ("groups/", "No groups yet"),
        ("fields/", "No custom fields yet"),
        ("clients/", "No client yet"),
    ):
        assert words in owner.get(f"/panel/{path}").text


def test_names_are_never_markup(app: Flask, owner: FlaskClient) -> None:
    name = "<script>alert(1)</script>"
    company = factories.company(name=name)
    person = factories.person(first_name=name, account=True, company=company, job_title=name)
    group = factories.group(name=name, description=name, selects="both")
    audit.record(audit.Event.CONTACT_CHANGED, person.key, changed={"city": [name, name]})
    # As if it had got past the model: no page may make a link of it.
    db.session.execute(
        db.update(Person.__table__)
        .where(Person.__table__.c.id == person.id)
        .values(website="javascript:alert(1)")
    )
    db.session.commit()
    paths = [
        *LISTS[:4],
        "",
        "audit/",
        f"people/{person.key}",
        f"people/{person.key}/edit",
        f"companies/{company.key}",
        f"groups/{group.key}",
        f"groups/{group.key}/members",
        f"groups/{group.key}/delete",
    ]
    for path in paths:
        page = owner.get(f"/panel/{path}").text
        assert name not in page, path
        assert 'href="javascript' not in page, path
    assert "&lt;script&gt;" in owner.get(f"/panel/people/{person.key}").text
