"""A contact that changes again and again is pushed once it is quiet."""

import datetime as dt
import signal

import pytest
from sqlalchemy import select, update

from idp.database import db, now
from idp.directory import changes
from idp.directory.contacts import Person
from idp.settings import Settings
from sync import jobs, lanes, ledger, noting
from sync.delivery import due, pushing
from tests.background import process
from tests.sync.conftest import Tenant, member, push, synced, until

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, no_quiet: None) -> None:
    """Longer than outside of the tests: a busy machine may need a second for a change."""
    monkeypatch.setattr(noting, "RECENT", HOUR)
    monkeypatch.setattr(noting, "QUIET", MINUTE)


@pytest.fixture
def person(tenant: Tenant) -> Person:
    """Somebody whom Higher Logic has just been told of."""
    synced()
    found = member()
    push()
    assert tenant.details(found.key)
    return found


def edit(person: Person, number: int = 0) -> None:
    person.job_title = f"Edit {number}"
    db.session.commit()


def said(**values: dt.datetime) -> None:
    db.session.execute(update(ledger.table).values(**values))
    db.session.commit()


@pytest.mark.compliance("Y10")
def test_who_was_just_pushed_waits_until_nothing_more_changes(
    person: Person, tenant: Tenant
) -> None:
    edit(person, 1)
    assert 0 < (due.quiet_in() or 0) <= MINUTE.total_seconds()
    assert not due.any_due()
    assert push().requests == 0
    first = db.session.scalar(select(ledger.table.c.next_try_at))
    edit(person, 2)
    then = db.session.scalar(select(ledger.table.c.next_try_at))
    assert first is not None
    assert then is not None
    assert then > first, "each change begins the wait anew"
    said(next_try_at=now() - MINUTE)
    assert due.quiet_in() is None
    assert (push().accepted, tenant.details(person.key)["Title"]) == (1, "Edit 2")


def test_who_was_pushed_a_while_ago_does_not_wait(person: Person) -> None:
    said(last_pushed_at=now() - 2 * HOUR)
    edit(person)
    assert due.any_due()
    assert push().accepted == 1


def test_changes_without_an_end_are_told_in_between(person: Person) -> None:
    edit(person, 1)
    said(wanted_since=now() - noting.LONGEST_QUIET)
    edit(person, 2)
    assert due.any_due()


def test_what_is_many_does_not_wait(person: Person) -> None:
    changes.announce([person.id], of_many=True)
    db.session.commit()
    assert due.any_due()


def test_a_job_waits_for_it(
    person: Person, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(person, 1)
    monkeypatch.setattr(jobs, "QUIET_SECONDS", 60.0)
    said(next_try_at=now() + dt.timedelta(seconds=0.5))
    assert jobs.push()["accepted"] == 1
    assert tenant.details(person.key)["Title"] == "Edit 1"


def test_a_job_that_waits_takes_who_is_due_meanwhile(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(person, 1)
    monkeypatch.setattr(jobs.time, "sleep", lambda _seconds: said(next_try_at=now()))
    assert jobs.push()["accepted"] == 1


def test_who_becomes_due_while_a_run_ends_is_looked_at_again(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(person, 1)
    monkeypatch.setattr(due, "JUST_NOW", MINUTE)
    claimed = pushing.run

    def run(*given: float) -> pushing.Totals:
        totals = claimed(*given)
        if not totals.requests:
            said(next_try_at=now())
        return totals

    monkeypatch.setattr(pushing, "run", run)
    assert jobs.push()["accepted"] == 1


@pytest.mark.slow
@pytest.mark.compliance("Y10")
def test_a_thousand_changes_of_one_person_are_two_pushes_of_an_idle_worker(
    person: Person, tenant: Tenant, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "LONGEST_QUIET", HOUR)
    said(last_pushed_at=now() - 2 * HOUR)
    # Asked for later, it would be a transaction that keeps the worker from SQLite.
    key, before = person.key, len(tenant.pushes())
    with process("run_worker", settings) as worker:
        for number in range(1000):
            person.job_title = f"Edit {number}"
            db.session.flush()
            if number % 5 == 4:
                db.session.commit()
        until(due.any_due)
        jobs.wake(lanes.LIVE)
        until(lambda: bool(tenant.details(key)["Title"] == "Edit 999"), 30)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    assert 1 <= len(tenant.pushes()) - before <= 2
