"""Groups: made, changed, previewed, synced."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from admin import groups_by_name
from idp.audit import AuditEvent
from idp.database import db
from idp.directory import fields, groups
from idp.directory.contacts import InvalidValue
from idp.directory.groups import Group
from idp.directory.membership import Membership
from sync import connection, ledger
from tests import browsing, factories
from tests.condition_forms import written

CURRENT = {"all": [{"field": "member_status", "op": "is", "value": "Current"}]}
FORM: dict[str, Any] = {
    "name": "Current members",
    "description": "",
    "selects": "people",
    "type": "security",
    "community_type": "Committee",
    **written(CURRENT),
}


@pytest.fixture
def connected(app: Flask) -> None:
    """A connection with a key."""
    connection.change(tenant_code="MADEUP", api_key="0123456789abcdef")
    db.session.commit()


def only() -> Group:
    return db.session.scalars(select(Group)).one()


def test_a_group_is_made_with_its_condition_and_synced(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    member = factories.person(account=True)
    factories.person(account=True, member_status="Lapsed")
    response = browsing.submit(staff, "/panel/groups/new", **FORM, sync="y", confirmed="1")
    assert response.status_code == 303
    group = only()
    assert (group.name, group.type, group.sync) == ("Current members", "security", True)
    assert member.id in set(db.session.scalars(select(Membership.contact_id)))
    page = staff.get(response.location).text
    assert "The members are on their way to Higher Logic." in page
    assert "Syncing: 0 of" in page


def test_the_status_ends_by_saying_up_to_date(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    factories.person(account=True)
    factories.person()
    group = factories.group(type="security", sync=True, key="g")
    path = f"/panel/groups/{group.key}/status.json"
    facts = staff.get(path).get_json()
    assert facts["state"] == "pending"
    assert facts["left_out"] == "1 left out: no account (1)"
    row = ledger.table.c
    db.session.execute(
        ledger.table.update().values(accepted=row.wanted, accepted_at=func.current_timestamp())
    )
    db.session.commit()
    facts = staff.get(path).get_json()
    assert (facts["state"], facts["label"], facts["sent"]) == ("up_to_date", "Up to date", 2)
    assert facts["last_accepted"] == "just now"
    db.session.execute(
        ledger.table.update().values(
            wanted=row.wanted + 1, refused=row.wanted + 1, last_error="No such State."
        )
    )
    db.session.commit()
    facts = staff.get(path).get_json()
    assert facts["state"] == "failing"
    assert {failure["reason"] for failure in facts["failures"]} == {"No such State."}


def test_an_existing_integration_key_is_given_once(app: Flask, staff: FlaskClient) -> None:
    factories.group(key="taken")
    page = browsing.submit(staff, "/panel/groups/new", **FORM, key="taken")
    assert page.status_code == 200
    assert "Another group has this key." in page.text
    made = browsing.submit(staff, "/panel/groups/new", **FORM, key="HL-1234")
    assert made.location == "/panel/groups/HL-1234"


def test_going_back_and_saving_again_makes_no_second_group(app: Flask, staff: FlaskClient) -> None:
    assert browsing.submit(staff, "/panel/groups/new", **FORM).status_code == 303
    page = browsing.submit(staff, "/panel/groups/new", **{**FORM, "name": " Current members "})
    assert page.status_code == 200
    assert "There is a group of this name already" in page.text
    assert only().name == "Current members"


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    app: Flask, staff: FlaskClient
) -> None:
    for field, wrong, message in (
        ("name", {"name": " "}, "A group needs a name."),
        ("type", {"type": "", "sync": "y"}, "Choose a group type before the sync goes on."),
    ):
        page = browsing.submit(staff, "/panel/groups/new", **{**FORM, **wrong})
        assert f'id="{field}-error">{message}' in page.text
        assert "Nothing is saved yet" in page.text
        assert db.session.scalar(select(func.count()).select_from(Group)) == 0


def test_the_type_is_fixed_once_the_sync_was_on(app: Flask, staff: FlaskClient) -> None:
    group = factories.group(type="security", sync=True, key="g")
    page = staff.get("/panel/groups/g").text
    assert 'name="type"' not in page
    assert "Fixed since the sync was switched on" in page
    answer = browsing.submit(staff, "/panel/groups/g", **{**FORM, "type": "community", "sync": "y"})
    assert "The group type is fixed" in answer.text
    # Without the field, as the page sends it, everything else can be changed.
    renamed = {**FORM, "name": "Members", "sync": "y"}
    del renamed["type"]
    assert browsing.submit(staff, "/panel/groups/g", **renamed).status_code == 303
    assert (only().name, only().type) == ("Members", "security")
    with pytest.raises(InvalidValue, match="fixed"):
        groups.change(group, type="community")


def test_switching_off_asks_first_and_says_what_happens(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    factories.person(account=True)
    factories.group(type="security", sync=True, key="g")
    asked = browsing.submit(staff, "/panel/groups/g", **{**FORM, "name": "Renamed"})
    assert asked.status_code == 200
    assert "2 people are taken out of the security group" in asked.text
    assert only().sync
    token = browsing.csrf_token(asked.text)
    form = {**FORM, "name": "Renamed", "csrf_token": token, "confirmed": "1"}
    assert staff.post("/panel/groups/g", data=form).status_code == 303
    assert (only().sync, only().name) == (False, "Renamed")


def test_a_preview_says_what_would_happen_and_writes_nothing(
    app: Flask, staff: FlaskClient
) -> None:
    factories.person(account=True, member_status="Grace")
    factories.person(member_status="Grace")
    factories.person(member_status="Grace", active=False)
    factories.group(key="g")
    token = browsing.csrf_token(staff.get("/panel/groups/g").text)

    def look(condition: object, **more: str) -> Any:
        data = {"csrf_token": token, "group": "g", **written(condition), **more}
        return staff.post("/panel/groups/preview", data=data).get_json()

    before = db.session.scalar(select(func.count()).select_from(AuditEvent))
    facts = look({"field": "member_status", "op": "is", "value": "Grace"})
    assert facts["sentence"] == "Member status is Grace"
    assert facts["outcome"] == "3 people will be in it; 1 of them will sync"
    assert facts["movement"] == (
        "When you save: 3 join, 1 leaves, 2 match but will not reach Higher Logic: "
        "1 has no account, 1 is a record out of use"
    )
    facts = look({"field": "x", "op": "is", "value": "1"})
    assert facts["waiting"] == "Mend rule 1 to see who would be in the group."
    assert facts["problems"]["p1"].startswith("There is no field “x”")
    # The same without a script: the page comes back with it.
    form = {"selects": "people", **written({"field": "member_status", "op": "empty"})}
    page = browsing.submit(staff, "/panel/groups/g/conditions", **form, preview="1").text
    assert "Member status is empty" in page
    assert "Nobody matches" in page
    assert db.session.scalar(select(func.count()).select_from(AuditEvent)) == before
    assert only().condition["all"][0]["value"] == "Current"


def test_the_editor_offers_choices_and_frequent_values(app: Flask, staff: FlaskClient) -> None:
    fields.create("Areas", "several_of", choices=["Policy", "R&D"])
    factories.person(member_status="Current")
    factories.person(member_status="Grace")
    db.session.commit()
    form = {"selects": "people", "edit": "show:p1", **written({"field": "Areas", "op": "one_of"})}
    page = browsing.submit(staff, "/panel/groups/new", **form).text
    assert '<input type="checkbox" name="p1.value" value="r_d"> R&amp;D' in page
    values = "/panel/groups/values?field="
    assert staff.get(f"{values}member_status").get_json() == {"found": ["Current", "Grace"]}
    assert staff.get(f"{values}member_status&q=gr").get_json() == {"found": ["Grace"]}
    assert staff.get(f"{values}email").get_json() == {"found": []}


def test_a_group_is_deleted_only_when_its_sync_is_off(app: Flask, staff: FlaskClient) -> None:
    group = factories.group(type="security", sync=True, key="g")
    page = "/panel/groups/g"
    browsing.submit(staff, page, "/panel/groups/g/delete")
    assert "Switch the sync off before you delete" in staff.get(page).text
    groups.switch_sync(groups.find(group.key) or group, False)
    db.session.commit()
    answer = browsing.submit(staff, "/panel/groups/g/delete")
    assert answer.location == "/panel/groups/"
    assert groups.find("g") is None


def test_deleting_a_synced_group_says_what_that_does_and_takes_its_members_out(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    member = factories.person(account=True)
    factories.group(type="community", sync=True, key="g")
    wanted = db.session.scalar(
        select(ledger.Ledger.wanted).where(ledger.Ledger.contact_id == member.id)
    )
    asked = staff.get("/panel/groups/g/delete").text
    assert "2 members are taken out of the community at Higher Logic" in asked
    answer = browsing.submit(staff, "/panel/groups/g/delete", take_out="1")
    assert answer.location == "/panel/groups/"
    assert groups.find("g") is None
    assert db.session.scalar(select(func.count()).select_from(Membership)) == 0
    assert (
        db.session.scalar(select(ledger.Ledger.wanted).where(ledger.Ledger.contact_id == member.id))
        == (wanted or 0) + 1
    )


def test_members_say_what_keeps_them_from_the_sync(app: Flask, staff: FlaskClient) -> None:
    factories.person(last_name="Without", email="")
    factories.person(last_name="With", account=True)
    factories.group(key="g")
    page = staff.get("/panel/groups/g/members").text
    assert "Left out: no e-mail address" in page
    assert "Would sync" in page
    found = staff.get("/panel/groups/g/members?q=without").text
    assert "1 member" in found


def test_all_members_are_sent_again_on_request(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    factories.group(type="security", sync=True, key="g")
    answer = browsing.submit(staff, "/panel/groups/g", "/panel/groups/g/resend")
    assert answer.status_code == 303
    assert "1 record is sent again" in staff.get("/panel/groups/g/sync").text


def test_a_group_is_found_letter_case_aside_on_every_database(
    app: Flask, staff: FlaskClient
) -> None:
    factories.group(name="ΝΊΚΟΣ", key="nikos")
    for text in ("νίκος", "ΝΊΚΟΣ", "νίκοσ", "ίκ"):
        assert "/panel/groups/nikos" in staff.get(f"/panel/groups/?q={text}").text, text
        if text != "ίκ":
            assert groups_by_name.find("group", text).key == "nikos"
