"""What reaches Higher Logic, over HTTP, and what is written of it."""

import datetime as dt
import threading
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from idp import audit, backoff
from idp.database import db, now
from idp.directory import accounts, groups
from sync import connection, lanes, ledger, noting, resend
from sync.claims import Claim
from sync.delivery import gate, leases, pushing
from sync.protocol import transport
from sync.settings import pace
from sync.standing import saying, status
from tests import factories
from tests.sync.conftest import (
    API_KEY,
    Statements,
    Tenant,
    due_now,
    member,
    members,
    push,
    push_until_done,
    row,
    rows,
    synced,
    until,
)


def test_a_group_appears_with_its_members_and_their_companies(tenant: Tenant) -> None:
    company = factories.company()
    person, unknown = member(company=company), factories.person()
    security = synced(name="Current members")
    community = synced(name="Everybody", type="community")

    totals = push()

    assert totals.accepted == 2
    assert totals.requests == 2
    assert tenant.keys() == {person.key, company.key}
    assert tenant.members(security.key) == {person.key} == tenant.members(community.key)
    assert tenant.control(f"/groups/{security.key}")["kind"] == "security"
    assert tenant.control(f"/groups/{community.key}")["name"] == "Everybody"
    assert tenant.details(person.key)["ParentMemberKey"] == company.key
    assert row(unknown) is None
    assert status.overall()["state"] == "up_to_date"


@pytest.mark.compliance("Y24")
def test_companies_are_accepted_before_their_people(tenant: Tenant) -> None:
    companies = [factories.company() for _ in range(3)]
    people = [member(company=company) for company in companies for _ in range(2)]
    synced()
    push()
    first, second = tenant.pushes()
    assert set(first["keys"]) == {company.key for company in companies}
    assert set(second["keys"]) == {person.key for person in people}


def test_a_child_company_points_to_its_parent_once_that_is_there(tenant: Tenant) -> None:
    child, parent = factories.company(), factories.company()
    child.parent = parent
    db.session.commit()
    member(company=child)
    member(company=parent)
    synced()
    push()
    assert tenant.details(child.key)["ParentMemberKey"] == parent.key
    assert not rows(ledger.table.c.wanted > ledger.table.c.accepted)


@pytest.mark.compliance("Y06")
def test_a_second_run_with_nothing_changed_makes_no_request(tenant: Tenant) -> None:
    synced()
    members(5)
    push()
    before = len(tenant.pushes())
    noting.note_everything()
    db.session.commit()
    totals = push()
    assert (totals.requests, totals.unchanged, totals.accepted) == (0, 5, 0)
    assert len(tenant.pushes()) == before
    assert push() == pushing.Totals()


def test_a_resend_pushes_what_is_unchanged(tenant: Tenant) -> None:
    group = synced()
    people = members(3)
    push()
    for key, number in ((people[0].key, 1), (group.key, 3), (None, 3)):
        assert resend.resend(key) == number
        db.session.commit()
        assert push().accepted == number
    with pytest.raises(resend.UnknownKey):
        resend.resend("nobody")


@pytest.mark.compliance("Y07", "Y15")
def test_a_new_address_keeps_the_key(tenant: Tenant) -> None:
    synced()
    person = member()
    key = person.key
    push()
    accounts.change_email(person, "byron@example.org")
    db.session.commit()
    push()
    assert tenant.keys() == {key}
    assert tenant.details(key)["EmailAddress"] == "byron@example.org"


@pytest.mark.compliance("Y10")
def test_a_thousand_changes_of_one_person_are_at_most_two_pushes(tenant: Tenant) -> None:
    synced()
    person = member()
    push()
    before = len(tenant.pushes())
    for number in range(1000):
        person.job_title = f"Title {number}"
        db.session.flush()
        if number % 10 == 9:
            db.session.commit()
        if number == 499:
            push()
    push()
    assert len(tenant.pushes()) - before <= 2
    assert tenant.details(person.key)["Title"] == "Title 999"


@pytest.mark.compliance("Y11")
def test_without_a_synced_group_there_is_no_request(tenant: Tenant) -> None:
    factories.group(type="security")
    members(3)
    assert push() == pushing.Totals()
    assert tenant.pushes() == []


def test_without_a_connection_there_is_no_request(app: Flask, unused: Tenant) -> None:
    connection.change(base_url=unused.base)
    synced()
    members(3)
    assert push() == pushing.Totals()
    assert unused.pushes() == []
    assert status.overall()["state"] == "not_connected"


@pytest.mark.compliance("Y12")
def test_one_membership_change_is_one_record(tenant: Tenant) -> None:
    group = synced()
    people = members(20)
    push()
    before = len(tenant.pushes())
    people[7].member_status = "Lapsed"
    db.session.commit()
    push()
    (last,) = tenant.pushes()[before:]
    assert last["keys"] == [people[7].key]
    assert tenant.members(group.key) == {person.key for person in people} - {people[7].key}


@pytest.mark.compliance("Y18")
def test_the_full_record_goes_each_time(tenant: Tenant) -> None:
    first, second = synced(), synced(type="community")
    person = member()
    push()
    person.job_title = "Analyst"
    groups.switch_sync(second, False)
    db.session.commit()
    push()
    assert tenant.members(first.key) == {person.key}
    assert tenant.members(second.key) == set()
    assert tenant.details(person.key)["Title"] == "Analyst"


def test_of_a_deactivated_account_nothing_more_is_said(tenant: Tenant) -> None:
    group = synced()
    person = member()
    push()
    before = len(tenant.pushes())
    account = accounts.of_person(person)
    assert account is not None
    accounts.deactivate(account)
    db.session.commit()

    assert push().left_out == 1
    assert len(tenant.pushes()) == before
    assert tenant.members(group.key) == {person.key}
    assert status.of_contact(person)["state"] == "left_out"
    accounts.reactivate(account)
    db.session.commit()
    assert push().unchanged == 1


@pytest.mark.compliance("Y05")
def test_bad_records_are_found_by_halving_and_the_rest_goes_through(tenant: Tenant) -> None:
    people = members(100)
    bad = {people[13].key: "Thirteen is bad.", people[77].key: "Unlucky."}
    tenant.make(reject_keys=bad)
    synced()

    totals = push()

    assert (totals.accepted, totals.refused) == (98, 2)
    assert totals.requests <= 1 + 2 * 2 * 7  # halving finds one of a hundred in seven steps
    assert tenant.keys() == {person.key for person in people} - set(bad)
    failed = {found.key: found.last_error for found in rows(ledger.failed())}
    assert failed == bad
    overall = status.overall()
    assert (overall["state"], overall["failed"], overall["accepted"]) == ("failing", 2, 98)
    assert saying.label(overall) == "2 refused by Higher Logic"


def test_a_refused_record_is_sent_again_when_it_changes_and_slowly_by_itself(
    tenant: Tenant,
) -> None:
    synced()
    first, second = members(2)
    tenant.make(reject_keys={first.key: "No.", second.key: "Neither."})
    push()
    assert push() == pushing.Totals()
    tenant.make(reject_keys={})
    first.job_title = "Analyst"
    db.session.commit()
    assert push().accepted == 1
    due_now()
    assert push().accepted == 1
    assert status.overall()["failed"] == 0


def test_people_of_a_refused_company_go_without_it_then_with_it(tenant: Tenant) -> None:
    company = factories.company()
    person = member(company=company)
    synced()
    tenant.make(reject_keys={company.key: "No."})
    push()
    assert tenant.details(person.key)["ParentMemberKey"] == ""
    tenant.make(reject_keys={})
    company.city = "Oslo"
    db.session.commit()
    push()
    assert tenant.details(person.key)["ParentMemberKey"] == company.key


def test_a_refusal_of_everything_is_not_asked_about_one_by_one(tenant: Tenant) -> None:
    people = members(500)
    tenant.make(reject_keys={person.key: "The tenant is closed." for person in people})
    synced()
    totals = push()
    assert totals.refused == pushing.IN_A_ROW + gate.DOUBTS - 1
    assert totals.requests < 50
    assert push() == pushing.Totals()
    assert status.overall()["message"] == "The tenant is closed."
    assert status.overall()["breaker"]["since"], "though each was answered"

    # From now on it is asked about one contact, less and less often.
    for tries in range(3):
        due_now()
        assert (push().requests, connection.get().pauses) == (1, tries + 2)
    tenant.make(reject_keys={})
    due_now()
    push_until_done()
    assert tenant.keys() == {person.key for person in people}


@pytest.mark.compliance("Y05")
def test_many_bad_ones_in_a_row_hold_nobody_up_for_long(tenant: Tenant) -> None:
    """A dozen with the same bad field beside each other: the others go at once, those of their own
    push within seconds, and nothing pauses."""
    people = members(400)
    bad = people[150:162]
    tenant.make(reject_keys={person.key: "Country is not valid." for person in bad})
    synced()

    totals = push()

    assert not totals.ended_by
    assert totals.accepted >= 300 + 50
    assert (connection.get().pauses, connection.get().doubts) == (0, 0)
    aside = rows(ledger.pending())
    assert {found.last_error for found in aside} == {"Country is not valid."}
    assert max(found.next_try_at for found in aside) < now() + dt.timedelta(seconds=6)
    due_now()
    assert totals.accepted + push().accepted == 388
    assert {found.contact_id for found in rows(ledger.failed())} == {person.id for person in bad}


def test_a_record_that_higher_logic_breaks_on_is_found_and_holds_nobody_up(tenant: Tenant) -> None:
    """Whatever push it is in is answered 500, as in an outage; everybody else is taken."""
    people = members(12)
    bad = people[5]
    tenant.make(crash_keys=[bad.key])
    synced()
    for _ in range(40):
        push()
        if rows(ledger.failed()):
            break
        due_now()
    (failed,) = rows(ledger.failed())
    assert failed.key == bad.key
    assert failed.last_error.startswith(
        "Higher Logic has trouble of its own (500). It takes others"
    )
    # As what is refused otherwise: a minute later, and longer with each try.
    assert failed.next_try_at > now() + dt.timedelta(seconds=30)
    due_now()
    others = [one for one in people if one is not bad]
    push()
    assert tenant.keys() == {one.key for one in others}
    assert [one.key for one in rows(ledger.table.c.wanted > ledger.table.c.accepted)] == [bad.key]
    assert row(bad).attempts == 2

    due_now()
    others[0].job_title = "Analyst"
    db.session.commit()
    assert push().accepted == 1
    due_now()
    tenant.make(crash_keys=[])
    bad.job_title = "Engineer"
    db.session.commit()
    assert push().accepted == 1


@pytest.mark.compliance("Y08")
@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_429_is_waited_for(tenant: Tenant, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    # Long enough to look at it, whatever else the machine does.
    monkeypatch.setattr(gate, "delay", partial(backoff.delay, first=3.0))
    synced()
    members(150)
    asked_at = dt.datetime.now(dt.UTC)
    later = format_datetime(asked_at + dt.timedelta(seconds=3), usegmt=True)
    wait = {"seconds": {"retry_after": "2"}, "date": {"retry_after": later}, "none": {}}[form]
    tenant.make(next_responses=[{"status": 429, **wait}])

    assert push().ended_by == "Higher Logic asks us to slow down (429)."

    assert not gate.is_open()
    assert push() == pushing.Totals()
    assert status.overall()["state"] == "failing"
    assert "429" in status.overall()["message"]
    paused_until = connection.get().paused_until
    assert paused_until is not None
    if form == "date":
        assert paused_until >= parsedate_to_datetime(later)
    elif form == "seconds":
        assert paused_until >= asked_at + dt.timedelta(seconds=2)
    push_until_done()
    # One contact shows that it is over; then everything goes on.
    assert [request["count"] for request in tenant.pushes()] == [0, 1, 100, 49]
    assert status.overall()["state"] == "up_to_date"
    assert connection.get().pauses == 0


def test_an_outage_is_asked_about_less_and_less_often(tenant: Tenant) -> None:
    synced()
    members(3)
    tenant.make(failure_rate=1)
    waits = []
    for _ in range(12):
        asked_at = dt.datetime.now(dt.UTC)
        push()
        until_when = connection.get().paused_until
        assert until_when is not None
        waits.append((until_when - asked_at).total_seconds())
        due_now()
    # From before the push on: what the push itself took comes on top of each.
    assert waits[0] > 0.5
    assert waits[-1] > 200
    assert waits[-1] > 10 * waits[0]
    assert len(tenant.pushes()) == 12


@pytest.mark.compliance("Y08", "Y22")
def test_without_a_clear_answer_the_push_is_repeated(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    group = synced()
    people = members(3)
    answers: list[dict[str, Any]] = [
        {"status": 503},
        {"status": 503, "html": True},
        {"status": 200, "html": True},
        {"status": 504, "after_taking": True},
        {"drop_connection": True},
        {"drop_connection": True, "after_taking": True},
        {"hang_seconds": 1, "after_taking": True},
    ]
    for number, answer in enumerate(answers):
        for person in people:
            person.job_title = f"Title {number}"
        db.session.commit()
        tenant.make(next_responses=[answer])
        assert push().ended_by, answer
        assert status.overall()["pending"] == 3
        due_now()
        assert push().accepted == 3
        assert tenant.details(people[0].key)["Title"] == f"Title {number}"
    assert tenant.members(group.key) == tenant.keys() == {person.key for person in people}
    assert {found.last_error for found in rows()} == {""}


@pytest.mark.compliance("Y19")
def test_a_refused_key_stops_at_once_and_a_mended_one_goes_on(tenant: Tenant) -> None:
    synced()
    members(250)
    connection.change(api_key="an-expired-key")
    db.session.commit()

    push()
    assert push() == pushing.Totals()

    assert len(tenant.pushes()) == 1
    assert status.overall()["state"] == "stopped"
    assert saying.label(status.overall()) == "Higher Logic refused our key"
    stops = [
        event.detail
        for event in db.session.scalars(
            select(audit.AuditEvent).where(
                audit.AuditEvent.name == audit.Event.CONNECTION_CHANGED.value
            )
        )
        if event.detail["changed"] == {"stopped": [False, True]}
    ]
    assert len(stops) == 1
    assert not connection.test().ok
    assert status.overall()["state"] == "stopped"

    connection.change(api_key=API_KEY)
    db.session.commit()
    assert push().accepted == 250
    assert status.overall()["state"] == "up_to_date"


@pytest.mark.compliance("Y19")
def test_a_key_mended_at_higher_logic_goes_on_when_it_was_tested(tenant: Tenant) -> None:
    synced()
    members(3)
    tenant.make(next_responses=[{"status": 401}])
    push()
    assert connection.get().stopped_at is not None
    assert connection.test().ok
    assert push().accepted == 3


def test_a_stop_that_comes_after_the_mend_is_not_about_it(tenant: Tenant) -> None:
    synced()
    member()
    target = connection.get().target()
    connection.change(api_key="a-new-key")
    db.session.commit()
    outcome = pushing.wire.outcome(403, {}, b"")
    gate.stop(target, outcome)
    assert connection.get().stopped_at is None


@pytest.mark.compliance("Y20", "Y21")
def test_two_pushing_at_once_end_with_the_newest(app: Flask, tenant: Tenant) -> None:
    """Two workers push while the people change; each contact's requests come one by one."""
    synced()
    people = members(30)
    tenant.make(latency_ms=20)
    stop = threading.Event()

    def work() -> None:
        with app.app_context():
            while not stop.is_set():
                pushing.run()
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(30):
            for person in people[number % 3 :: 3]:
                person.job_title = f"Title {number}"
            db.session.commit()
        until(lambda: not rows(ledger.table.c.wanted > ledger.table.c.accepted), 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for person in people:
        assert tenant.details(person.key)["Title"] == person.job_title


def test_what_another_took_over_is_not_sent(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    members(2)
    claim = leases.claim

    def slow_claim(owner: str, limit: int, **options: Any) -> list[Claim]:
        claims = claim(owner, limit, **options)
        due_now()
        claim("another", 1)
        return claims

    monkeypatch.setattr(leases, "claim", slow_claim)
    monkeypatch.setattr(pushing, "WAITED", dt.timedelta(seconds=-1))
    run = pushing._Run(lanes.LIVE)
    assert run.step()
    assert [request["count"] for request in tenant.pushes()] == [1]
    run.give_back()


@pytest.mark.parametrize("number", [10, 100])
def test_statements_of_a_push_do_not_grow_with_the_batch(tenant: Tenant, number: int) -> None:
    synced()
    members(number)
    with Statements() as statements:
        assert push().requests == 1
    # One more where less is live than fits a push: does somebody wait for a company?
    assert statements.number == (19 if number < pace.BATCH else 18)
