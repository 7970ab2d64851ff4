"""Lists of the panel as files: for whom the list is, with its search, and noted."""

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import fields, groups, membership
from idp.directory.accounts import Role
from idp.oauth import registration
from sync import ledger
from tests import browsing, factories
from tests.admin.test_imports import uploaded
from tests.sync.conftest import member, synced

FOR_STAFF = ["people", "companies", "fields", "groups", "groups/a-group/members"]
FOR_STAFF += [f"groups/a-group/members/{which}" for which in ("past", "added", "shut-out")]
FOR_STAFF += ["imports", "waiting"]
FOR_OWNERS = ["clients", "audit"]


@pytest.fixture(autouse=True)
def _group(app: Flask) -> None:
    factories.group(key="a-group")


def exported(browser: FlaskClient, what: str, query: str = "") -> TestResponse:
    token = browsing.csrf_token(browser.get("/").text)
    return browser.post(f"/panel/{what}/export{query}", data={"csrf_token": token})


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200
    text = answer.data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.compliance("A4")
@pytest.mark.parametrize(
    ("role", "staff_lists", "owner_lists"),
    [("member", 403, 403), ("staff", 200, 403), ("owner", 200, 200)],
)
def test_a_list_is_exported_by_those_who_may_see_it(
    as_role: Callable[[Role], FlaskClient], role: Role, staff_lists: int, owner_lists: int
) -> None:
    browser = as_role(role)
    for lists, wanted in ((FOR_STAFF, staff_lists), (FOR_OWNERS, owner_lists)):
        for what in lists:
            assert exported(browser, what).status_code == wanted, what


def test_nobody_else_and_no_address_alone_gets_one(app: Flask, owner: FlaskClient) -> None:
    for what in (*FOR_STAFF, *FOR_OWNERS):
        assert owner.get(f"/panel/{what}/export").status_code in {404, 405}, what
        assert owner.post(f"/panel/{what}/export").status_code == 400, what
    stranger = app.test_client()
    token = browsing.csrf_token(stranger.get("/sign-in").text)
    answer = stranger.post("/panel/people/export", data={"csrf_token": token})
    assert answer.location.startswith("/sign-in")


def test_the_file_is_one_that_a_browser_saves_and_excel_opens(staff: FlaskClient) -> None:
    factories.person(first_name="Émilie", job_title="=cmd()")
    answer = exported(staff, "people")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "-people-20" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    found = {row["First name"]: row["Job title"] for row in rows_of(answer)}
    assert found["Émilie"] == "'=cmd()"


@pytest.mark.compliance("A5")
def test_who_took_what_is_in_the_audit(app: Flask, staff: FlaskClient) -> None:
    for number in range(3):
        factories.person(first_name=f"Zora{number}")
    assert 'action="/panel/people/export?q=zora"' in staff.get("/panel/people/?q=zora").text
    assert len(rows_of(exported(staff, "people", "?q=zora"))) == 3
    exported(staff, "groups/a-group/members")
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.name == "staff:export:made").order_by(AuditEvent.id)
    ).all()
    assert events[0].detail == {"what": "people", "rows": 3, "search": "zora"}
    assert (events[1].subject, events[1].detail["what"]) == ("a-group", "members")
    assert events[0].actor.endswith("@example.org")


def test_each_list_has_its_search(app: Flask, owner: FlaskClient) -> None:
    ada = factories.person(first_name="Ada", last_name="Zuse")
    factories.person(first_name="Bob")
    factories.company(name="Zuse KG")
    factories.company(name="Others")
    factories.group(name="Zuse friends")
    names = {"people": "Last name", "companies": "Name", "groups": "Name"}
    for what, column in names.items():
        rows = rows_of(exported(owner, what, "?q=zuse"))
        assert [row[column].split()[0] for row in rows] == ["Zuse"], what
    rows = rows_of(exported(owner, "groups/a-group/members", "?q=zuse"))
    assert [row["Key"] for row in rows] == [ada.key]
    rows = rows_of(exported(owner, "audit", "?q=export"))
    assert {row["Event"] for row in rows} == {"staff:export:made"}


def test_no_secret_of_a_client_is_in_its_file(app: Flask, owner: FlaskClient) -> None:
    client, secret = registration.create(
        "=Site", "oidc", ["https://site.example.org/a", "https://site.example.org/b"]
    )
    db.session.commit()
    assert secret is not None
    answer = exported(owner, "clients")
    (row,) = rows_of(answer)
    assert row["Client ID"] == client.client_id
    assert row["Name"] == "'=Site"
    assert row["Redirect URIs"] == "https://site.example.org/a https://site.example.org/b"
    assert secret not in answer.text
    assert client.secrets[0].secret_hash not in answer.text


def test_what_higher_logic_has_not_taken_is_told_with_what_it_said(
    app: Flask, staff: FlaskClient
) -> None:
    synced()
    waits, refused = member(first_name="Waits"), member(first_name="Refused")
    ids = (waits.id, refused.id)
    db.session.execute(
        update(ledger.table)
        .where(ledger.table.c.contact_id == ids[1])
        .values(refused=ledger.table.c.wanted, last_error="=It said no.")
    )
    db.session.commit()
    assert "/panel/waiting/export" in staff.get("/panel/overview").text
    rows = {row["Name"].split()[0]: row for row in rows_of(exported(staff, "waiting"))}
    assert (rows["Waits"]["State"], rows["Refused"]["State"]) == ("pending", "refused")
    assert rows["Refused"]["What Higher Logic said"] == "'=It said no."


@pytest.mark.compliance("A6")
def test_every_list_that_has_rows_leads_to_its_file(app: Flask, owner: FlaskClient) -> None:
    person, out = factories.person(first_name="=Ada"), factories.person(first_name="Bob")
    factories.company()
    fields.create("Region", "text")
    registration.create("Site", "oidc", ["https://site.example.org/a"])
    group = groups.find("a-group")
    assert group is not None
    membership.add(group, person, role="Chair")
    db.session.commit()
    left = membership.add(group, factories.person(first_name="Cid"))
    db.session.commit()
    membership.remove(left)
    membership.shut_out(group, out)
    db.session.commit()
    uploaded(owner, "Key,Last name\n1,Zuse\n")
    for what in (*FOR_STAFF, *FOR_OWNERS):
        if what != "waiting":
            page = owner.get(f"/panel/{what}{'' if 'members' in what else '/'}")
            assert f'action="/panel/{what}/export"' in page.text, what
    (added,) = rows_of(exported(owner, "groups/a-group/members/added"))
    assert (added["Key"], added["Role"]) == (person.key, "Chair")
    assert added["Name"].startswith("'=Ada")
    (shut_out,) = rows_of(exported(owner, "groups/a-group/members/shut-out"))
    assert shut_out["Key"] == out.key
    (run,) = rows_of(exported(owner, "imports"))
    assert (run["What"], run["State"], run["Over"]) == ("people", "uploaded", "")
