"""A group's sync: switched on and off after being told what that does, and watched."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from idp.audit import AuditEvent
from idp.database import db, now
from idp.directory import groups
from idp.directory.contacts import Contact, Person
from idp.directory.difference import Edited
from sync import connection, ledger, preview
from sync.ledger import Ledger
from sync.sent import history
from tests import browsing, factories
from tests.admin.test_groups import FORM
from tests.sync.conftest import Statements

DETAILS: dict[str, Any] = {
    "name": "Current members",
    "description": "",
    "type": "security",
    "community_type": "",
}
PATH = "/panel/groups/g"


@pytest.fixture
def connected(app: Flask) -> None:
    """A connection with a key."""
    connection.change(tenant_code="MADEUP", api_key="0123456789abcdef")
    db.session.commit()


def is_on(key: str = "g") -> bool:
    db.session.expire_all()
    found = groups.find(key)
    return found is not None and found.sync


def wanted() -> dict[int, int]:
    found = db.session.execute(select(Ledger.contact_id, Ledger.wanted))
    return {row.contact_id: row.wanted for row in found}


def refuse(person: Person, words: str) -> None:
    """Higher Logic has refused what is wanted of somebody."""
    row = ledger.table.c
    db.session.execute(
        update(ledger.table)
        .where(row.contact_id == person.id)
        .values(refused=row.wanted, last_error=words)
    )
    db.session.commit()


def accept_everything() -> None:
    row = ledger.table.c
    db.session.execute(
        update(ledger.table).values(accepted=row.wanted, accepted_at=func.current_timestamp())
    )
    db.session.commit()


def test_switching_on_says_in_numbers_what_will_happen_and_does_nothing_yet(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    factories.person(account=True)
    factories.person(account=True)
    factories.person()
    factories.person(email="")
    factories.company(member_status="Current")
    factories.group(key="other", type="security", sync=True)
    accept_everything()
    factories.person(account=True)
    group = factories.group(key="g", selects="both", name="Everybody")
    before = wanted()
    page = browsing.submit(staff, PATH, **DETAILS | {"name": "All <of us>"}, sync="y").text
    # Staff are members too: the account that is signed in is the fourth.
    assert "Higher Logic will be told of 4 people and 1 company, as members of the security" in page
    assert "“All &lt;of us&gt;”" in page
    assert "2 of them are new to Higher Logic" in page
    assert "The others it knows already." in page
    assert "2 members will <strong>not</strong> sync" in page
    assert "<li>No account: 1</li>" in page
    assert "<li>No e-mail address: 1</li>" in page
    assert "it stays a security group" in page
    assert not is_on()
    assert wanted() == before
    form = {"csrf_token": browsing.csrf_token(page), **DETAILS, "sync": "y", "confirmed": "1"}
    assert staff.post(PATH, data=form).status_code == 303
    assert is_on()
    counts = preview.counts(Edited(group.condition, "both", group.id))
    assert counts.syncing == 5, "what was promised is what is sent"


def test_a_new_group_with_its_sync_on_asks_as_well_and_nothing_typed_is_lost(
    app: Flask, staff: FlaskClient
) -> None:
    asked = browsing.submit(staff, "/panel/groups/new", **FORM, sync="y", key="HL-1")
    assert "Higher Logic will be told of 1 person, as a member of the security group" in asked.text
    assert "That one is new to Higher Logic: it makes a record" in asked.text
    assert "Every member syncs." in asked.text
    assert "an owner has to enter the tenant code and the API key first" in asked.text
    assert groups.find("HL-1") is None
    form = browsing.form_of(asked.text.replace('<form method="post" action="/panel/groups/new"', '<form id="asked"'), "asked")  # fmt: skip  # noqa: E501
    back = staff.post("/panel/groups/new", data={**form, "preview": "1"}).text
    shown = browsing.form_of(back, "group-form")
    assert (shown["name"], shown["key"], shown["sync"]) == ([FORM["name"]], ["HL-1"], ["y"])
    assert shown["p1.value"] == ["Current"]
    made = staff.post("/panel/groups/new", data={**form, "confirmed": "1"})
    assert made.location == "/panel/groups/HL-1"
    assert is_on("HL-1")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"type": ""}, "Choose a group type before the sync goes on."),
        ({"name": " "}, "A group needs a name."),
        ({"type": "moon"}, "Not a valid choice"),
    ],
)
def test_nothing_is_asked_and_nothing_switched_as_long_as_something_is_wrong(
    app: Flask, staff: FlaskClient, wrong: dict[str, str], message: str
) -> None:
    factories.group(key="g")
    for confirmed in ({}, {"confirmed": "1"}):
        form = DETAILS | wrong | {"sync": "y"} | confirmed
        page = browsing.submit(staff, PATH, **form).text
        assert message in page
        assert "Switch the sync on?" not in page
        assert not is_on()


def test_the_sync_of_a_group_whose_condition_cannot_be_read_is_switched_all_the_same(
    app: Flask, staff: FlaskClient
) -> None:
    factories.person(account=True)
    group = factories.group(key="g", type="security", sync=True)
    gone = {"version": 1, "all": [{"field": "gone", "op": "empty"}]}
    db.session.execute(update(groups.Group).values(condition=gone))
    db.session.commit()
    db.session.refresh(group)
    page = browsing.submit(staff, PATH, **DETAILS).text
    assert "2 people are taken out of the security group" in page
    assert browsing.submit(staff, PATH, **DETAILS, confirmed="1").status_code == 303
    assert not is_on()


def test_the_sync_tab_names_who_was_refused_and_sends_again(
    app: Flask, staff: FlaskClient, connected: None
) -> None:
    ada = factories.person(account=True, first_name="Ada", last_name="<Byron>", key="ada")
    mary = factories.person(account=True, first_name="Mary", last_name="Greig", key="mary")
    factories.group(key="g", type="security", sync=True)
    factories.person(account=True, member_status="Lapsed", key="lapsed")
    accept_everything()
    for person in (ada, mary):
        db.session.execute(
            update(ledger.table)
            .where(ledger.table.c.contact_id == person.id)
            .values(wanted=ledger.table.c.wanted + 1)
        )
        refuse(person, "No such State.")
    page = staff.get(f"{PATH}/sync").text
    assert "2 refused by Higher Logic" in page
    assert '<a href="/panel/people/ada"><strong>Ada &lt;Byron&gt;</strong></a>' in page
    assert page.count("No such State.") == 2
    assert "Send all 2 refused again" in page
    before = wanted()
    answer = browsing.submit(staff, f"{PATH}/sync", f"{PATH}/sync/retry", contact="ada")
    assert answer.location == f"{PATH}/sync"
    page = staff.get(f"{PATH}/sync").text
    assert "1 record is sent again." in page
    assert "Send the one refused again" in page
    assert {key: n - before[key] for key, n in wanted().items() if n != before[key]} == {ada.id: 1}
    browsing.submit(staff, f"{PATH}/sync", f"{PATH}/sync/retry")
    assert "Refused by Higher Logic" not in staff.get(f"{PATH}/sync/standing").text
    browsing.submit(staff, f"{PATH}/sync", f"{PATH}/sync/retry")
    assert "There is nothing to send again." in staff.get(f"{PATH}/sync").text
    answer = browsing.submit(staff, f"{PATH}/sync", f"{PATH}/sync/retry", contact="nobody")
    assert "This record is gone" in staff.get(answer.location).text
    events = [row.name for row in db.session.scalars(select(AuditEvent))]
    assert sum("resen" in event for event in events) == 3


def test_the_sync_tab_says_what_does_not_sync_and_the_time_that_is_left(
    app: Flask, staff: FlaskClient, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.person()
    factories.group(key="g")
    off = staff.get(f"{PATH}/sync").text
    assert "Sync is off" in off
    assert "Members that would not sync" in off
    assert "Switch the sync on …" in off
    listed = staff.get(f"{PATH}/sync/left-out").text
    assert "No account" in listed
    assert listed.count("<tr>") == 2, "who syncs is not in it"
    assert "Nobody here matches" in staff.get(f"{PATH}/sync/left-out?q=moon").text
    browsing.submit(staff, PATH, **DETAILS, sync="y", confirmed="1")
    monkeypatch.setattr("sync.sent.activity.rate", lambda: 1 / 300)
    page = staff.get(f"{PATH}/sync").text
    assert "sent 0 of 1 · about 5 minutes left" in page
    assert "Members that do not sync" in page
    assert staff.get(f"{PATH}/status.json").get_json()["progress"].endswith("about 5 minutes left")


def test_the_history_of_a_group_is_that_of_its_members_by_pages(
    app: Flask, staff: FlaskClient
) -> None:
    inside = factories.person(last_name="Inside", key="inside")
    outside = factories.person(last_name="Outside", member_status="Lapsed")
    left = factories.person(last_name="Left")
    factories.group(key="g", type="security", sync=True)
    left.member_status = "Lapsed"
    db.session.commit()
    moment = now()

    def sent(contact: Contact, **more: Any) -> None:
        values = {"contact_id": contact.id, "first_at": moment, "last_at": moment, "tries": 1}
        values |= {"milliseconds": 12, "batch_size": 1, "packed": b"", "code": "accepted"}
        db.session.execute(history.table.insert().values(values | {"words": ""} | more))

    for _ in range(51):
        sent(inside)
    sent(outside)
    sent(left, code="refused", words="No such State.")
    db.session.commit()
    page = staff.get(f"{PATH}/sync/history").text
    assert page.count("Inside") == 49
    assert "Left" in page
    assert "Outside" not in page
    assert "Its words: No such State." in page
    assert 'href="/panel/people/inside/higher-logic"' in page
    older = page[page.index(f"{PATH}/sync/history?before=") :].partition('"')[0]
    page = staff.get(older).text
    assert page.count("Inside") == 2
    assert "Older" not in page
    for nowhere in (str(2**63), "-1", "9" * 5000):  # no database has such a row
        page = staff.get(f"{PATH}/sync/history?before={nowhere}")
        assert page.status_code == 200
        assert page.text.count("Inside") == 49
    assert "Everything that was sent" in staff.get(f"{PATH}/sync").text


def test_the_list_of_groups_costs_the_same_for_any_number_of_them(
    app: Flask, staff: FlaskClient
) -> None:
    def counted() -> int:
        with Statements() as statements:
            assert staff.get("/panel/groups/").status_code == 200
        return statements.number

    factories.group(key="g", name="Of one")
    few = counted()
    for _ in range(3):
        factories.person()
        factories.group({"any": []})
    assert counted() == few
    page = staff.get("/panel/groups/").text
    # Staff are members too.
    assert (page.count(">4</a>"), page.count(">0</a>")) == (1, 3)
