"""What the removal guard holds, as staff see it, and what an owner says about it."""

import csv
import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from idp import audit
from idp.database import db, now
from idp.directory.groups import Group
from sync import ledger
from sync.removals import held
from tests import factories

LAPSED = {"field": "member_status", "op": "is", "value": "Lapsed"}


@pytest.fixture
def group(app: Any) -> Group:
    """A group of which three removals are held, and one was refused."""
    made = factories.group(
        LAPSED, name="Policy Committee", key="policy", type="security", sync=True
    )
    people = [
        factories.person(first_name="Ada", last_name=name, account=True)
        for name in ("Byron", "Curie", "<b>Darwin", "Euler")
    ]
    moment = now()
    for person in people:
        values = {"contact_id": person.id, "rank": 1, "next_try_at": moment, "accepted": 1}
        db.session.execute(
            ledger.table.insert(),
            values | {"wanted_since": moment, "told": {"policy": [["", "2026-01-01", None]]}},
        )
        standing = "refused" if person.last_name == "Euler" else "held"
        db.session.execute(
            held.removals.insert(),
            {"group_key": "policy", "contact_id": person.id, "standing": standing, "at": moment},
        )
    db.session.execute(
        held.holds.insert(),
        {"group_key": "policy", "since": moment, "reason": "nobody would be left in it"},
    )
    db.session.commit()
    return made


def post(client: FlaskClient, path: str, **data: Any) -> Any:
    page = client.get("/panel/groups/").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return client.post(path, data={"csrf_token": found[1], **data})


def standings() -> dict[str, str]:
    found = {
        row.contact_id: row.standing for row in db.session.execute(select(held.removals)).all()
    }
    db.session.rollback()
    return found  # type: ignore[return-value]


def test_the_groups_page_says_what_is_held_and_that_nothing_else_waits(
    group: Group, staff: FlaskClient, owner: FlaskClient
) -> None:
    page = staff.get("/panel/groups/policy").text
    assert "Tessera holds back 3 removals from Policy Committee" in page
    assert "nobody would be left in it" in page
    assert "Nothing else waits for it" in page
    assert "an owner has kept them in it" in page
    assert "/held/allow" not in page
    assert "/held/allow" in owner.get("/panel/groups/policy").text


def test_who_is_held_is_listed_searched_and_exported(group: Group, staff: FlaskClient) -> None:
    page = staff.get("/panel/groups/policy/held").text
    assert "Ada Byron" in page
    assert "&lt;b&gt;Darwin" in page
    assert "Euler" not in page
    assert "Ada Euler" in staff.get("/panel/groups/policy/held/refused").text
    found = staff.get("/panel/groups/policy/held?q=curie ada").text
    assert "Curie" in found
    assert "Byron" not in found
    answer = post(staff, "/panel/groups/policy/held/export?q=curie")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0][:4] == ["Key", "Kind", "E-mail", "Name"]
    assert [row[3] for row in rows[1:]] == ["Ada Curie"]


@pytest.mark.compliance("Y02")
def test_an_owner_lets_them_go_after_being_told_the_number(
    group: Group, owner: FlaskClient
) -> None:
    page = owner.get("/panel/groups/policy/held/allow").text
    assert "3 members are taken out of the security group “Policy Committee”" in page
    assert "Take out 3" in page
    answer = post(owner, "/panel/groups/policy/held/allow", number="3")
    assert answer.status_code == 303
    assert sorted(standings().values()) == ["allowed", "allowed", "allowed", "refused"]
    event = db.session.scalars(
        select(audit.AuditEvent).where(audit.AuditEvent.name == audit.Event.REMOVALS_ALLOWED.value)
    ).one()
    assert event.subject == "policy"
    assert "@" in event.actor
    assert "Tessera holds back" not in owner.get("/panel/groups/policy").text


@pytest.mark.compliance("Y02")
def test_an_owner_keeps_them_and_lets_them_go_later(group: Group, owner: FlaskClient) -> None:
    assert "Keep 3" in owner.get("/panel/groups/policy/held/refuse").text
    post(owner, "/panel/groups/policy/held/refuse", number="3")
    assert set(standings().values()) == {"refused"}
    page = owner.get("/panel/groups/policy/held/allow?list=refused").text
    assert "Take out 4" in page
    post(owner, "/panel/groups/policy/held/allow?list=refused", number="4")
    assert set(standings().values()) == {"allowed"}


@pytest.mark.parametrize("number", ["2", "", "03", "x"])
def test_another_number_than_was_shown_is_asked_again(
    group: Group, owner: FlaskClient, number: str
) -> None:
    page = post(owner, "/panel/groups/policy/held/allow", number=number)
    assert "Nothing is done yet: it is 3 by now." in page.text
    assert sorted(standings().values()) == ["held", "held", "held", "refused"]


@pytest.mark.compliance("A4")
def test_staff_see_it_and_do_not_decide(group: Group, staff: FlaskClient) -> None:
    for verdict in ("allow", "refuse"):
        path = f"/panel/groups/policy/held/{verdict}"
        assert post(staff, path, number="3").status_code == 403
    assert sorted(standings().values()) == ["held", "held", "held", "refused"]


def test_what_is_decided_already_is_said(group: Group, owner: FlaskClient) -> None:
    post(owner, "/panel/groups/policy/held/refuse", number="3")
    page = post(owner, "/panel/groups/policy/held/refuse", number="3").text
    assert "Nothing is held of “Policy Committee” any more." in page


def test_more_that_came_while_the_guard_was_waited_for_is_asked_about(
    group: Group, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = held.number
    seen = iter([2])
    # The page counted two; the third was held before the owner's word had its turn.
    monkeypatch.setattr(held, "number", lambda *given: next(seen, None) or counted(*given))
    page = post(owner, "/panel/groups/policy/held/refuse", number="2")
    assert page.status_code == 200
    assert "it is 3 by now" in page.text
    assert sorted(standings().values()) == ["held", "held", "held", "refused"]
