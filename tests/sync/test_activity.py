"""How fast it goes, since when something waits, and what is kept of what was sent."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from idp.database import db, now
from sync import connection, ledger
from sync.protocol.wire import Verdict
from sync.sent import activity
from sync.standing import figures, saying, status
from tests.sync.conftest import (
    Statements,
    Tenant,
    due_now,
    member,
    members,
    push,
    push_until_done,
    row,
    synced,
)


def minute(ago: float, contacts: int, verdict: Verdict = Verdict.ACCEPTED, **values: Any) -> None:
    """Something was sent so many seconds ago."""
    moment = now() - dt.timedelta(seconds=ago)
    given = {
        "minute": moment.replace(second=0, microsecond=0),
        "verdict": verdict.value,
        "requests": 1,
        "contacts": contacts,
        "first_at": moment,
        "last_at": moment,
    }
    db.session.execute(insert(activity.table).values(**given | values))
    db.session.commit()


def counted() -> dict[str, tuple[int, int]]:
    found = activity.totals()
    db.session.rollback()
    return found


def test_requests_and_contacts_are_counted_by_verdict(tenant: Tenant) -> None:
    people = members(4)
    synced()
    tenant.make(reject_keys={people[0].key: "No."}, next_responses=[{"status": 503}])
    push()
    due_now()
    push_until_gone = counted()["outage"]
    assert push_until_gone == (1, 4)
    push()
    found = counted()
    # How many requests that took depends on whom the breaker's probe was about, which is chance.
    assert (found["accepted"][1], found["refused"][1]) == (3, 1)
    assert 1 <= found["accepted"][0] <= 3
    assert 1 <= found["refused"][0] <= 3
    assert found["outage"] == (1, 4)
    assert found["slow down"] == found["wrong key"] == (0, 0)


def test_the_rate_needs_a_basis_and_so_does_the_time_left(app: Flask) -> None:
    members(10)
    synced()
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.commit()
    assert status.brief()["seconds_left"] is None
    minute(3, 500)
    assert figures.get().rate is None
    db.session.execute(
        update(activity.table).values(first_at=now() - dt.timedelta(seconds=60), contacts=300)
    )
    db.session.commit()
    found = status.brief()
    assert found["per_minute"] == pytest.approx(300, rel=0.1)
    assert found["seconds_left"] == pytest.approx(2, abs=1)
    db.session.execute(update(connection.HigherLogicConnection).values(stopped_at=now()))
    db.session.commit()
    assert status.brief()["seconds_left"] is None


def test_what_was_accepted_long_ago_says_nothing_of_the_rate(app: Flask) -> None:
    minute(900, 10_000)
    assert activity.rate() is None
    assert activity.last_accepted_at() is not None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (5, "less than a minute left"),
        (61, "about 1 minute left"),
        (185, "about 3 minutes left"),
        (2 * 3600 + 60, "about 2 hours left"),
        (3 * 86_400, "about 3 days left"),
    ],
)
def test_the_time_left_in_words(seconds: float | None, words: str) -> None:
    assert saying.time_left(seconds) == words


def test_the_oldest_pending_is_pending_since_its_first_change(tenant: Tenant) -> None:
    synced()
    person = member()
    first = row(person).wanted_since
    assert figures.get().oldest_pending_at == first
    person.job_title = "Analyst"
    db.session.commit()
    assert row(person).wanted_since == first
    push()
    assert figures.get().oldest_pending_at is None
    person.job_title = "Engineer"
    db.session.commit()
    assert row(person).wanted_since > first


def test_what_was_refused_is_pending_since_it_was_changed(tenant: Tenant) -> None:
    synced()
    person = member()
    first = row(person).wanted_since
    tenant.make(reject_keys={person.key: "No."})
    push()
    assert figures.get().oldest_pending_at is None
    person.job_title = "Analyst"
    db.session.commit()
    assert row(person).wanted_since > first


def test_another_tenant_has_accepted_nothing_yet(tenant: Tenant) -> None:
    synced()
    member()
    push()
    assert status.brief()["last_accepted_at"] is not None
    connection.change(tenant_code="OTHER")
    db.session.commit()
    assert status.brief()["last_accepted_at"] is None
    assert counted()["accepted"] == (1, 1)


def test_an_outage_is_told_with_its_beginning_and_its_reason(tenant: Tenant) -> None:
    synced()
    member()
    assert status.brief()["breaker"]["state"] == "closed"
    tenant.make(next_responses=[{"status": 503}])
    push()
    found = status.brief()
    assert found["state"] == "failing"
    assert found["breaker"]["since"]
    assert found["breaker"]["reason"]
    due_now()
    assert status.brief()["breaker"]["state"] == "probing"
    push_until_done()
    assert status.brief()["breaker"] == {
        "state": "closed",
        "since": None,
        "until": None,
        "reason": "",
    }


def test_failures_are_told_by_reason_with_the_first_contacts(tenant: Tenant) -> None:
    people = members(8)
    synced()
    reasons = {one.key: "No such country." for one in people[:6]} | {people[6].key: "Too long."}
    tenant.make(reject_keys=reasons)
    push()
    found = status.overall()["reasons"]
    assert [(one["words"], one["number"]) for one in found] == [
        ("No such country.", 6),
        ("Too long.", 1),
    ]
    assert [one["key"] for one in found[0]["first"]] == [one.key for one in people[:5]]
    assert found[1]["first"] == ({"key": people[6].key, "kind": "person", "name": people[6].title},)


def test_minutes_older_than_a_week_become_sums_that_never_get_less(app: Flask) -> None:
    week = 9 * 86_400
    minute(week, 100)
    minute(week + 120, 50)
    minute(week, 3, Verdict.REFUSED)
    minute(60, 7)
    last, before = activity.last_accepted_at(), counted()
    db.session.rollback()
    assert activity.tidy() == 3
    assert activity.tidy() == 0
    assert counted() == before
    assert before["accepted"] == (3, 157)
    assert activity.last_accepted_at() == last
    rows = db.session.scalars(select(activity.table.c.minute)).all()
    assert sorted(rows)[:2] == [activity.BEFORE] * 2
    assert len(rows) == 3
    assert sum(one.accepted for one in activity.last_day()) == 7


def test_the_last_day_is_24_hours_with_what_was_accepted_refused_and_unanswered(app: Flask) -> None:
    minute(0, 7)
    minute(0, 2, Verdict.REFUSED)
    minute(0, 100, Verdict.OUTAGE)
    minute(25 * 3600, 9)
    hours = activity.last_day()
    assert len(hours) == 24
    assert (hours[-1].accepted, hours[-1].refused, hours[-1].unanswered) == (7, 2, 1)
    assert sum(one.accepted for one in hours) == 7


def test_a_round_writes_its_numbers_with_one_statement(app: Flask) -> None:
    tally = activity.Tally()
    for _ in range(3):
        tally.count(Verdict.ACCEPTED, 100)
    tally.count(Verdict.OUTAGE, 100)
    with Statements() as statements:
        tally.write()
        tally.write()
    assert statements.number == 1
    db.session.commit()
    assert counted()["accepted"] == (3, 300)


def test_a_row_from_before_the_moment_was_kept_gets_one(app: Flask) -> None:
    synced()
    person = member()
    db.session.execute(update(ledger.table).values(wanted_since=None))
    db.session.commit()
    assert figures.get().stalled_since is None
    person.job_title = "Analyst"
    db.session.commit()
    assert row(person).wanted_since is not None
