"""A person's page: can they sign in, and what does Higher Logic have of them, since when?"""

import re

from flask import Flask
from flask.testing import FlaskClient

from idp import audit
from idp.audit import AuditEvent
from idp.database import db
from idp.directory import fields
from idp.directory.membership import hand
from tests import browsing, factories
from tests.admin.conftest import SignIn


def text(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_the_page_answers_at_a_glance_and_says_why_they_are_in_each_group(
    app: Flask, staff: FlaskClient, sign_in: SignIn
) -> None:
    account = factories.account(first_name="Ada", last_name="Byron", key="a-person")
    group = factories.group(name="Current members", type="security", sync=True)
    hand.add(group, account.person, role="Chair")
    db.session.commit()
    page = text(staff.get("/panel/people/a-person").text)
    assert "Can they sign in? Yes They can sign in. They have not signed in yet." in page
    assert "What does Higher Logic have of them? Pending Nothing yet." in page
    assert "Current members synced" in page
    assert "by the condition, since just now" in page
    assert "Chair, added by hand, since just now" in page
    assert "Signed in now Nowhere" in page
    assert "Sign out everywhere" not in page

    # Signed in on two browsers, one of them by the page, and signed out on both.
    first, second = sign_in(account), app.test_client()
    assert browsing.sign_in(second, account.person.email).status_code == 303
    page = text(staff.get("/panel/people/a-person").text)
    assert "Last signed in just now" in page
    assert "Signed in now On 2 browsers" in page
    browsing.submit(staff, "/panel/people/a-person", "/panel/people/a-person/sign-out")
    page = text(staff.get("/panel/people/a-person").text)
    assert "Every sign-in has ended" in page
    assert "Signed in now Nowhere" in page
    assert "Last sign-in just now" in page
    for browser in (first, second):
        assert browser.get("/profile").status_code == 303
    event = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert event is not None
    assert (event.name, event.subject) == (audit.Event.SIGNED_OUT_EVERYWHERE.value, "a-person")


def test_a_company_leads_to_all_of_its_people(app: Flask, staff: FlaskClient) -> None:
    company = factories.company(name="Twin", key="one")
    factories.person(first_name="Not", last_name="Theirs", company=factories.company(name="Twin"))
    for number in range(25):
        factories.person(first_name="Zz", last_name=f"{number:02}", company=company)
    page = staff.get("/panel/companies/one").text
    link = re.search(r'href="([^"]+)">All 25 people', page)
    assert link
    listed = staff.get(link[1]).text
    assert "25 people" in listed
    assert "Zz 24" in listed
    assert "Theirs" not in listed


def test_so_many_custom_fields_are_columns_and_no_more(app: Flask, staff: FlaskClient) -> None:
    keys = [
        fields.create(f"Field {number}", "text", applies_to="both" if number else "company").key
        for number in range(7)
    ]
    db.session.commit()
    form = {"kind": "text", "in_lists": "y"}
    for number in range(1, 7):
        path = f"/panel/fields/{keys[number]}"
        browsing.submit(staff, path, label=f"Field {number}", applies_to="both", **form)
    assert [field.in_lists for field in fields.all_fields()] == [False, *[True] * 6]
    page = browsing.submit(
        staff, f"/panel/fields/{keys[0]}", label="Field 0", applies_to="company", **form
    ).text
    assert "Lists have room for 6: switch “Field 6” off first." in page
    db.session.expire_all()
    assert not fields.all_fields()[0].in_lists
    factories.person()
    assert staff.get("/panel/people/").text.count('<th scope="col">Field') == 6
