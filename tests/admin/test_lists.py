"""Lists: a fixed number of statements, searches, pages, empty states, and hostile names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from idp import audit
from idp.database import db, now
from idp.directory import contacts, fields
from idp.directory.contacts import Company, Person
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from idp.directory.import_runs.runs import ImportRun
from idp.directory.membership import PastMembership, hand
from idp.oauth import registration
from sync.removals.held import HeldRemoval
from sync.sent.history import PushAttempt
from sync.sent.packing import pack
from tests import factories

LISTS = [
    *("people/", "companies/", "groups/", "fields/", "groups/many/members", "audit/", "clients/"),
    *("imports/", "groups/many/members/past", "groups/many/members/added"),
    *("groups/many/members/shut-out", "groups/many/held", "groups/many/held/waiting"),
    *("groups/many/held/refused", "people/a-person/higher-logic", "companies/a-company"),
    *("people/a-person", "companies/a-company/higher-logic", "groups/many/member/a-person"),
    "people/?q=b&status=current&account=any&group=everybody&field=region&value=north&sort=status",
    "people/?page=last",
    "companies/?q=engines&active=yes&sort=newest",
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
    region = fields.create("Region", "one_of", choices=["North"], applies_to="both")
    region.in_lists = True
    group = factories.group(name="Everybody", key="many")
    company = factories.company(key="a-company")
    factories.person(key="a-person", account=True, company=company)
    factories.group(selects="both", name="Group 0", key="another")
    db.session.commit()
    _more(group, region, 1, 3)

    def costs() -> dict[str, int]:
        found = {}
        for path in LISTS:
            with counted() as statements:
                assert owner.get(f"/panel/{path}").status_code == 200, path
            found[path] = len(statements)
        return found

    costs()  # what a process reads once and keeps: what groups ask, say
    before = costs()
    _more(group, region, 3, 60)
    costs()
    assert costs() == before
    assert max(before.values()) <= 20, before


def _more(group: Group, region: CustomField, first: int, last: int) -> None:
    """Rows of every list: each is so many longer."""
    main = contacts.find("a-company")
    assert isinstance(main, Company)
    for number in range(first, last):
        company = factories.company(parent=main)
        person = factories.person(account=number % 2 == 0, company=main)
        fields.set_value(person, region, "north")
        fields.set_value(company, region, "north")
        other = factories.person(company=company)
        factories.group({"field": "member_id", "op": "is", "value": "10"}, name=f"Group {number}")
        client, _secret = registration.create(f"Site {number}", "higher-logic")
        registration.change(client, permitted_groups=[group])
        audit.record(audit.Event.CONTACT_CHANGED, person.key, changed={"city": ["", "York"]})
        hand.add(group, other, role=f"Role {number}")
        hand.shut_out(group, person)
        db.session.add_all(
            PastMembership(
                group_id=group.id,
                contact_id=one.id,
                origin="rule",
                role="",
                since=now(),
                left_at=now(),
            )
            for one in (person, other)
        )
        run = ImportRun(kind="people", file_name="a.csv", asked_by="pat@example.org", state="done")
        sent = {"first_at": now(), "last_at": now(), "milliseconds": 9, "batch_size": 1}
        db.session.add_all(
            PushAttempt(contact_id=one.id, code="refused", packed=pack({}), **sent)
            for one in (main, contacts.find("a-person"))
            if one is not None
        )
        db.session.add(run)
        for standing, one in (("held", person), ("waiting", other), ("refused", company)):
            db.session.add(
                HeldRemoval(group_key="many", contact_id=one.id, standing=standing, at=now())
            )
    db.session.commit()


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
