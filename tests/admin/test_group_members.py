"""A group's members in the panel: added by hand, changed, removed, shut out, and the past."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from admin import lookups
from idp.database import db
from idp.directory import membership
from idp.directory.groups import Group
from idp.directory.membership import Addition, Membership
from tests import browsing, factories

NOBODY = {"field": "member_status", "op": "is", "value": "nobody has this"}
ADD = "/panel/groups/g/members/add"


@pytest.fixture
def group(app: Flask) -> Group:
    """A community without a member."""
    return factories.group(NOBODY, key="g", type="community")


def roles() -> list[str]:
    return list(db.session.scalars(select(Membership.role).order_by(Membership.role)))


def test_somebody_is_added_with_a_role_and_its_days(staff: FlaskClient, group: Group) -> None:
    person = factories.person(first_name="Grace", last_name="Hopper", key="p")
    given = {"contact": person.email, "role": "Chair", "begin_on": "2020-01-31", "end_on": ""}
    answer = browsing.submit(staff, ADD, **given)
    assert answer.location == "/panel/groups/g/member/p"
    page = staff.get(answer.location).text
    assert "Grace Hopper is added." in page
    assert "31 January 2020" in page
    listed = staff.get("/panel/groups/g/members").text
    assert "Chair" in listed
    assert "1 member<" in listed
    browsing.submit(staff, "/panel/groups/g/member/p", **{"new-role": "Speaker"})
    assert roles() == ["Chair", "Speaker"]
    assert "1 member<" in staff.get("/panel/groups/g/members?q=hopper").text


@pytest.mark.parametrize("text", ["Acme (c)", "Acme", "c"])
def test_a_company_is_added_by_its_name_or_its_key(
    staff: FlaskClient, group: Group, text: str
) -> None:
    factories.company(name="Acme", key="c")
    found = staff.get("/panel/groups/g/members/search?q=acm").get_json()["found"]
    assert found == ["Acme"]
    assert browsing.submit(staff, ADD, contact=text).status_code == 303
    assert roles() == [""]


def test_as_many_people_as_are_offered_hide_no_company(staff: FlaskClient, group: Group) -> None:
    for number in range(lookups.MOST_FOUND):
        factories.person(last_name="Baker", first_name=f"No. {number}")
    factories.company(name="Baker & Sons")
    found = staff.get("/panel/groups/g/members/search?q=bak").get_json()["found"]
    assert len(found) == lookups.MOST_FOUND
    assert found[-1] == "Baker & Sons"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"contact": ""}, "Whom?"),
        ({"contact": "nobody at all"}, "There is no person and no company"),
        ({"contact": "p", "begin_on": "2026-02-02", "end_on": "2026-02-01"}, "ends before it"),
        ({"contact": "p", "begin_on": "soon"}, "Not a valid date"),
        ({"contact": "p", "role": "x" * 101}, "longer than 100"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_added(
    staff: FlaskClient, group: Group, given: dict[str, str], message: str
) -> None:
    factories.person(key="p")
    page = browsing.submit(staff, ADD, **given)
    assert page.status_code == 200
    assert message in page.text
    assert roles() == []


def test_role_and_days_are_changed_and_taken_back(staff: FlaskClient, group: Group) -> None:
    person = factories.person(key="p")
    membership.add(group, person, role="Chair")
    membership.add(group, person, role="Speaker")
    db.session.commit()
    number = db.session.scalars(select(Addition.id).where(Addition.role == "Chair")).one()
    page, change = "/panel/groups/g/member/p", f"/panel/groups/g/member/p/change/{number}"
    wrong = browsing.submit(staff, page, change, **{f"a{number}-role": "speaker"})
    assert "was added as speaker already" in wrong.text
    given = {f"a{number}-role": "Treasurer", f"a{number}-end_on": "2999-12-31"}
    assert browsing.submit(staff, page, change, **given).status_code == 303
    assert "until 31 December 2999" in staff.get(page).text
    browsing.submit(staff, page, f"/panel/groups/g/member/p/remove/{number}")
    assert roles() == ["Speaker"]
    past = staff.get("/panel/groups/g/members/past").text
    assert "Chair" in past
    assert "Treasurer" in past
    assert staff.post(f"/panel/groups/g/member/p/remove/{number}").status_code == 400


def test_one_contacts_addition_is_not_changed_by_the_page_of_another(
    staff: FlaskClient, group: Group
) -> None:
    addition = membership.add(group, factories.person(key="p"), role="Chair")
    factories.person(key="q")
    db.session.commit()
    address = f"/panel/groups/g/member/q/remove/{addition.id}"
    assert browsing.submit(staff, "/panel/groups/g/member/q", address).status_code == 404
    for number in (2**31 - 1, 2**31, 2**63, 10**40):
        address = f"/panel/groups/g/member/p/remove/{number}"
        assert browsing.submit(staff, "/panel/groups/g/member/p", address).status_code == 404
    assert roles() == ["Chair"]


def test_somebody_is_shut_out_and_let_in_again(staff: FlaskClient, group: Group) -> None:
    membership.add(group, factories.person(key="p", last_name="Hopper"), role="Chair")
    db.session.commit()
    page = "/panel/groups/g/member/p"
    browsing.submit(staff, page, f"{page}/shut-out")
    assert roles() == []
    assert "Hopper" in staff.get("/panel/groups/g/members/shut-out").text
    assert "Nobody is in this group" in staff.get("/panel/groups/g/members").text
    browsing.submit(staff, page, f"{page}/let-in")
    assert roles() == ["Chair"]


def test_what_begins_later_is_listed_before_it_counts(staff: FlaskClient, group: Group) -> None:
    later = dt.date.today() + dt.timedelta(days=30)  # noqa: DTZ011 (a month away, whichever day)
    membership.add(group, factories.person(last_name="Hopper"), role="Chair", begin_on=later)
    db.session.commit()
    page = staff.get("/panel/groups/g/members/added").text
    assert "Hopper" in page
    assert "Begins later" in page


def test_a_member_may_not_look(sign_in, group: Group) -> None:  # type: ignore[no-untyped-def]
    browser = sign_in(factories.account())
    for path in ("members", "members/past", "members/added", "members/shut-out", "members/add"):
        assert browser.get(f"/panel/groups/g/{path}").status_code == 403


def test_a_role_that_somebody_else_removes_meanwhile_is_not_there(
    staff: FlaskClient, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = factories.person(key="gone")
    membership.add(group, contact)
    db.session.commit()
    number = db.session.scalars(select(Addition.id)).one()
    changed = membership.change

    def change(addition: Addition, **values: Any) -> None:
        changed(addition, **values)
        rows = delete(Addition).where(Addition.id == addition.id)
        with db.session.no_autoflush:
            db.session.execute(rows.execution_options(synchronize_session=False))

    monkeypatch.setattr(membership, "change", change)
    page = "/panel/groups/g/member/gone"
    answer = browsing.submit(staff, page, f"{page}/change/{number}", **{f"a{number}-role": "Chair"})
    assert answer.status_code == 404
