"""Waking, the clock, and workers as processes: what is lost in between is found again."""

import signal

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from idp.database import db
from idp.directory.contacts import Contact, Person
from idp.settings import Settings
from sync import clock, jobs, ledger, noting, resend
from tests import factories
from tests.background import process
from tests.sync.conftest import (
    Tenant,
    due_now,
    member,
    members,
    push,
    rows,
    synced,
    until,
    waiting_jobs,
)


def all_accepted() -> bool:
    return not rows(ledger.table.c.wanted > ledger.table.c.accepted)


def test_one_job_waits_however_many_changes_there_are(app: Flask) -> None:
    synced()
    for _ in range(3):
        member()
    assert waiting_jobs() == 1


@pytest.mark.compliance("Y11")
def test_a_change_that_the_feed_is_not_about_wakes_nobody(app: Flask) -> None:
    factories.group(type="security")
    member()
    assert waiting_jobs() == 0


def test_a_change_that_is_undone_wakes_nobody(app: Flask) -> None:
    synced()
    db.session.add(Person(last_name="Byron", member_status="Current"))
    db.session.flush()
    db.session.rollback()
    assert waiting_jobs() == 0


def test_the_end_of_a_savepoint_wakes_nobody_yet(app: Flask, redis_server: str) -> None:
    synced()
    person = member()
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    with db.session.begin_nested():
        noting.note(select(Contact.id).where(Contact.id == person.id))
    assert waiting_jobs() == 0
    db.session.commit()
    assert waiting_jobs() == 1


def test_a_resend_wakes(app: Flask, redis_server: str) -> None:
    synced()
    person = member()
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    resend.resend(person.key)
    db.session.commit()
    assert waiting_jobs() == 1


@pytest.mark.compliance("Y22")
def test_a_job_run_twice_does_nothing_the_second_time(tenant: Tenant) -> None:
    synced()
    members(3)
    assert jobs.push()["accepted"] == 3
    assert jobs.push()["requests"] == 0
    assert len(tenant.pushes()) == 1


@pytest.mark.compliance("Y23")
def test_redis_flushed_or_away_loses_nothing(
    tenant: Tenant, app: Flask, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    with Redis.from_url(redis_server) as redis:
        away = Redis.from_url("unix:///nowhere.sock")
        with monkeypatch.context() as patch:
            patch.setitem(app.extensions, "tessera-redis", away)
            member()
            assert jobs.push()["accepted"] == 1
            member()
            assert not clock.tick()
        member()
        redis.flushall()
    assert waiting_jobs() == 0
    assert clock.tick()
    assert waiting_jobs() == 1
    assert push().accepted == 2
    assert not clock.tick()


def test_the_clock_goes_by_the_gate(tenant: Tenant, redis_server: str) -> None:
    synced()
    members(2)
    tenant.make(next_responses=[{"status": 429, "retry_after": "60"}])
    push()
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    assert not clock.tick()
    due_now()
    assert clock.tick()


@pytest.mark.compliance("Y09")
def test_a_worker_killed_in_the_middle_costs_time_only(
    tenant: Tenant, app: Flask, settings: Settings, redis_server: str
) -> None:
    """Kill -9 in the middle of the first sync, flush Redis, start again: exactly the members."""
    members(300)
    lapsed = members(10, member_status="Lapsed")
    tenant.make(latency_ms=300)
    group = synced()
    with process("run_worker", settings) as worker:
        until(lambda: len(tenant.pushes()) >= 1, 20)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert not all_accepted()
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    tenant.make(latency_ms=0)
    due_now()  # the killed worker's leases run out
    with process("run_clock", settings) as beat, process("run_worker", settings) as worker:
        until(all_accepted, 30)
        for one in (beat, worker):
            one.send_signal(signal.SIGTERM)
            assert one.wait(15) == 0
    wanted = {found.key for found in rows()}
    assert len(wanted) == 300
    assert tenant.members(group.key) == wanted == tenant.keys()
    assert not {person.key for person in lapsed} & wanted


def test_a_change_wakes_the_worker_by_itself(
    tenant: Tenant, app: Flask, settings: Settings
) -> None:
    synced()
    person = member()
    key = person.key
    with process("run_worker", settings):
        until(all_accepted, 20)
        person.job_title = "Analyst"
        db.session.commit()

        def shown() -> bool:
            found = tenant.control(f"/contacts/{key}")
            return found is not None and found["MemberDetails"]["Title"] == "Analyst"

        # No clock runs here: nobody else would ever look.
        until(shown, 20)
