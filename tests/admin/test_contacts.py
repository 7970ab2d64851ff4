"""People and companies: their pages, their records, their accounts."""

import datetime as dt

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from idp import audit
from idp.audit import AuditEvent
from idp.database import db
from idp.directory import accounts, contacts, fields
from idp.directory.contacts import Company, Person
from idp.signin import recovery
from tests import browsing, factories
from tests.admin.conftest import SignIn

RECORD = {"first_name": "Grace", "last_name": "Hopper", "active": "y"}


def person(key: str) -> Person:
    found = contacts.find(key)
    assert isinstance(found, Person)
    db.session.refresh(found)
    return found


def last(event: audit.Event) -> AuditEvent:
    query = select(AuditEvent).where(AuditEvent.name == event.value).order_by(AuditEvent.id.desc())
    found = db.session.scalars(query).first()
    assert found is not None
    return found


def test_a_record_is_changed_and_the_change_is_in_the_audit(app: Flask, staff: FlaskClient) -> None:
    company = factories.company(name="Remington (Rand), Ltd")
    factories.person(key="p", email="grace@example.org", account=True)
    field = fields.create("Areas", "several_of", choices=["Policy", "Safety"])
    day = fields.create("Certified on", "date")
    db.session.commit()
    record = {
        **RECORD,
        "email": "hopper@example.org",
        "company": "remington (rand), ltd",
        "joined_on": "2020-01-31",
        "website": "https://hopper.example",
        "bio": "<p>Hello</p><script>x</script>",
        "custom_areas": ["policy", "safety"],
        "custom_certified_on": "2026-04-01",
    }
    answer = browsing.submit(staff, "/panel/people/p/edit", **record)
    assert answer.location == "/panel/people/p"
    row = person("p")
    assert (row.title, row.email, row.company_id) == (
        "Grace Hopper",
        "hopper@example.org",
        company.id,
    )
    assert accounts.find("hopper@example.org") is not None
    assert row.bio == "<p>Hello</p>"
    values = fields.values_of(row)
    assert fields.shown(values[field.key]) == "Policy, Safety"
    assert fields.shown(values[day.key]) == "2026-04-01"
    event = last(audit.Event.CONTACT_CHANGED)
    assert event.detail["changed"]["email"] == ["grace@example.org", "hopper@example.org"]
    assert event.detail["changed"]["joined_on"] == [None, "2020-01-31"]
    assert event.actor.endswith("@example.org")
    page = staff.get("/panel/people/p").text
    for words in ("31 January 2020", "Policy, Safety", "Invited", "Remington (Rand), Ltd"):
        assert words in page
    # Saving the same again changes nothing and is no event.
    count = db.session.query(AuditEvent).count()
    assert browsing.submit(staff, "/panel/people/p/edit", **record).status_code == 303
    assert db.session.query(AuditEvent).count() == count


def test_everything_that_is_wrong_is_said_at_once(app: Flask, staff: FlaskClient) -> None:
    factories.account(email="taken@example.org")
    factories.person(key="p", last_name="Lovelace", account=True)
    factories.company(name="Twin")
    factories.company(name="Twin")
    fields.create("Years", "whole_number")
    db.session.commit()
    wrong = {"website": "javascript:alert(1)", "joined_on": "31.1.2020", "custom_years": "ten"}
    page = browsing.submit(
        staff, "/panel/people/p/edit", **RECORD, email="Taken@example.org", company="twin", **wrong
    )
    assert page.status_code == 200
    for words in (
        "Another account signs in with Taken@example.org.",
        "Several have this name",
        "Not a valid date value.",
        "Not a web address",
        "Not a whole number.",
    ):
        assert words in page.text
    page = browsing.submit(staff, "/panel/people/p/edit", **RECORD, email="", company="Nobody")
    for words in ("An account needs an e-mail address.", "There is no company “Nobody”."):
        assert words in page.text
    assert person("p").last_name == "Lovelace"
    page = browsing.submit(staff, "/panel/people/p/edit", first_name="", last_name=" ")
    assert "A person needs a name." in page.text


def test_one_of_two_companies_with_one_name_is_picked(app: Flask, staff: FlaskClient) -> None:
    twin = factories.company(name="Twin")
    factories.company(name="Twin")
    factories.person(key="p")
    found = staff.get("/panel/companies/search?q=twi").get_json()["found"]
    assert f"Twin ({twin.key})" in found
    browsing.submit(staff, "/panel/people/p/edit", **RECORD, company=f"Twin ({twin.key})")
    assert person("p").company_id == twin.id
    assert f"Twin ({twin.key})" in staff.get("/panel/people/p/edit").text


def test_a_person_is_added(app: Flask, staff: FlaskClient) -> None:
    field = fields.create("Volunteer", "yes_no")
    db.session.commit()
    answer = browsing.submit(
        staff, "/panel/people/new", **RECORD, email="new@example.org", custom_volunteer="yes"
    )
    added = contacts.find_person_by_email("new@example.org")
    assert added is not None
    assert answer.location.endswith(added.key)
    assert fields.shown(fields.values_of(added)[field.key]) == "Yes"


def test_an_account_is_made_invited_deactivated_and_reactivated(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(recovery, "send_link", lambda account: sent.append(account.person.email))
    factories.person(key="p", email="p@example.org")

    def press(action: str) -> str:
        browsing.submit(staff, "/panel/people/p", f"/panel/people/p/{action}")
        return staff.get("/panel/people/p").text

    assert "No account" in staff.get("/panel/people/p").text
    page = press("account")
    assert "No invitation was sent yet." in page
    assert "Send the invitation again" not in page
    page = press("link")
    assert "on its way to p@example.org" in page
    assert "An invitation was asked for" in page
    assert "Send the invitation again" in page
    assert sent == ["p@example.org"]
    page = press("deactivate")
    assert "The account is deactivated: they cannot sign in" in page
    assert "Send the invitation" not in page
    assert last(audit.Event.ACCOUNT_DEACTIVATED).subject == "p"
    assert "The account is active again." in press("reactivate")
    assert "There is nothing to send" in press("resend")


def test_of_a_record_out_of_use_the_page_says_so_and_offers_nothing_that_is_done_already(
    app: Flask, staff: FlaskClient
) -> None:
    factories.account(key="p")
    page = staff.get("/panel/people/p").text
    assert "/panel/people/p/deactivate" in page
    browsing.submit(staff, "/panel/people/p", "/panel/people/p/out-of-use")
    page = staff.get("/panel/people/p").text
    assert "The record is out of use: they cannot sign in, here or at Higher Logic." in page
    assert "Off while the record is out of use" in page
    assert "/panel/people/p/deactivate" not in page
    assert "/panel/people/p/resend" not in page
    assert "Put back into use" in page


def test_deactivating_ends_the_running_session(
    app: Flask, staff: FlaskClient, sign_in: SignIn
) -> None:
    member = sign_in(factories.account(key="p"))
    assert member.get("/").status_code == 200
    browsing.submit(staff, "/panel/people/p", "/panel/people/p/deactivate")
    assert member.get("/").status_code == 303


def test_staff_cannot_take_over_an_owner(app: Flask, staff: FlaskClient) -> None:
    factories.account(key="boss", role="owner", email="boss@example.org")
    page = staff.get("/panel/people/boss").text
    assert "only an owner changes how they sign in" in page
    for action in ("deactivate", "link", "reactivate", "out-of-use", "in-use"):
        answer = browsing.submit(staff, "/panel/people/boss", f"/panel/people/boss/{action}")
        assert answer.status_code == 403
    page = browsing.submit(
        staff, "/panel/people/boss/edit", **RECORD, email="mine@example.org"
    ).text
    assert "Only an owner may change an owner’s address." in page.replace("&#39;", "’")
    assert person("boss").email == "boss@example.org"


def test_nobody_locks_themselves_out(app: Flask, sign_in: SignIn) -> None:
    boss = sign_in(factories.account(key="boss", role="owner"))
    assert "/panel/people/boss/deactivate" not in boss.get("/panel/people/boss").text
    browsing.submit(boss, "/panel/people/boss", "/panel/people/boss/deactivate")
    assert "You cannot deactivate your own account" in boss.get("/panel/people/boss").text


def test_a_company_is_added_and_changed(app: Flask, staff: FlaskClient) -> None:
    answer = browsing.submit(staff, "/panel/companies/new", name="Engines Ltd", active="y")
    company = db.session.scalars(select(Company)).one()
    assert answer.location == f"/panel/companies/{company.key}"
    factories.person(last_name="Babbage", company=company)
    page = staff.get(answer.location).text
    assert "1 person works here" in page
    assert "Babbage" in page
    edit = f"{answer.location}/edit"
    page = browsing.submit(staff, edit, name="", active="y").text
    assert "A company needs a name." in page
    browsing.submit(staff, edit, name="Engines & Co", website="https://engines.example", active="y")
    assert "Engines &amp; Co" in staff.get(answer.location).text
    browsing.submit(staff, answer.location, f"{answer.location}/resend")
    assert "There is nothing to send" in staff.get(answer.location).text


def test_a_key_is_given_or_made_and_then_stays(app: Flask, staff: FlaskClient) -> None:
    answer = browsing.submit(staff, "/panel/people/new", **RECORD, key="HL/0042")
    assert answer.location == "/panel/people/HL~2F0042"
    assert person("HL/0042").title == "Grace Hopper"
    assert 'name="key"' not in staff.get("/panel/people/HL~2F0042/edit").text
    browsing.submit(staff, "/panel/people/HL~2F0042/edit", **RECORD, key="another")
    assert contacts.find("another") is None
    for key, words in (
        ("HL/0042", "Another contact has this key."),
        ("a key", "no white space"),
        ("client-0123456789abcdef01234567", "names a client"),
    ):
        for path, record in (("people", RECORD), ("companies", {"name": "X", "active": "y"})):
            page = browsing.submit(staff, f"/panel/{path}/new", **record, key=key)
            assert words in page.text
    assert db.session.scalars(select(Company)).all() == []


def test_all_of_the_record_is_kept_and_shown(app: Flask, staff: FlaskClient) -> None:
    record = {
        **RECORD,
        **{f"phone_{number}": f"+44 {number}" for number in range(1, 5)},
        "phone_1_type": "OFFICE",
        "phone_4_type": "Lab",
        "address_3": "Ring twice",
        "google_plus": "https://g.example",
        "blogger": "https://b.example",
        "wordpress": "https://w.example",
        "other_blog": "https://o.example",
    }
    browsing.submit(staff, "/panel/people/new", **record, key="p")
    page = staff.get("/panel/people/p").text
    for words in ("+44 1", "+44 4", "Office", "Lab", "Ring twice", "not in the directory"):
        assert words in page
    for name in ("g", "b", "w", "o"):
        assert f'href="https://{name}.example"' in page
    assert person("p").phone_4_type == "Lab"
    assert not person("p").in_directory
    page = browsing.submit(staff, "/panel/people/new", **RECORD, phone_2_type="x" * 31).text
    assert "longer than 30" in page


def test_a_company_names_its_parent_and_its_main_contact(app: Flask, staff: FlaskClient) -> None:
    holding = factories.company(key="h", name="Holding")
    factories.person(key="p", first_name="Ada", last_name="Byron", email="ada@example.org")
    factories.person(first_name="Ada", last_name="Byron", email="shared@example.org")
    factories.person(first_name="Ada", last_name="Byron", email="shared@example.org", key="s")
    found = staff.get("/panel/people/search?q=byron").get_json()["found"]
    assert "Ada Byron (ada@example.org)" in found
    assert "Ada Byron (s)" in found
    named = {"parent": "holding", "main_contact": "Ada Byron (ada@example.org)"}
    browsing.submit(staff, "/panel/companies/new", name="Branch", key="b", active="y", **named)
    branch = contacts.find("b")
    assert isinstance(branch, Company)
    assert (branch.parent, branch.main_contact) == (holding, person("p"))
    page = staff.get("/panel/companies/b").text
    assert 'href="/panel/companies/h"' in page
    assert 'href="/panel/people/p"' in page
    assert 'href="/panel/companies/b"' in staff.get("/panel/companies/h").text
    page = browsing.submit(
        staff, "/panel/companies/h/edit", name="Holding", active="y", parent="Branch"
    ).text
    assert "Holding would be part of itself" in page
    wrong = {"parent": "Nowhere", "main_contact": "Ada Byron"}
    page = browsing.submit(staff, "/panel/companies/b/edit", name="B", active="y", **wrong).text
    assert "There is no company “Nowhere”." in page
    assert "Several have this name" in page
    assert "Branch" in staff.get("/panel/companies/b").text
    assert last(audit.Event.CONTACT_CREATED).detail["changed"]["main_contact"] == ["", "p"]


def test_what_has_line_breaks_is_shown_on_one_line_and_stays_when_another_field_is_changed(
    app: Flask, staff: FlaskClient
) -> None:
    """Browsers drop the line breaks of an input: “Flat 77\\nJames Stream” became “Flat 77James”."""
    one = factories.person(
        key="p", first_name="Ada", last_name="Hill", address_1="Flat 77\nJames Stream"
    )
    motto = fields.create("Motto", "text")
    fields.set_value(one, motto, "Onwards\nupwards")
    db.session.commit()
    page = staff.get("/panel/people/p/edit").text
    assert 'value="Flat 77 James Stream"' in page
    assert 'value="Onwards upwards"' in page
    shown = {
        "address_1": "Flat 77 James Stream",
        "custom_motto": "Onwards upwards",
        "in_directory": "y",
    }
    browsing.submit(staff, "/panel/people/p/edit", **shown, job_title="Surveyor")
    row = person("p")
    assert (row.job_title, row.address_1) == ("Surveyor", "Flat 77\nJames Stream")
    assert fields.shown(fields.values_of(row)["motto"]) == "Onwards\nupwards"
    assert set(last(audit.Event.CONTACT_CHANGED).detail["changed"]) == {"job_title"}
    browsing.submit(staff, "/panel/people/p/edit", **{**shown, "address_1": "James Stream 77"})
    assert person("p").address_1 == "James Stream 77"


def test_the_day_of_a_custom_field_is_said_as_other_days_are(
    app: Flask, staff: FlaskClient
) -> None:
    one = factories.person(key="p", first_name="Ada")
    fields.set_value(one, fields.create("Certified", "date"), dt.date(2026, 2, 28))
    db.session.commit()
    assert "28 February 2026" in staff.get("/panel/people/p").text
