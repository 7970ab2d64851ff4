"""How much at once and how fast: what is set is kept, over all workers, with and without Redis."""

import datetime as dt
import threading
import time
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import update

from idp.database import db, now
from idp.directory.contacts import InvalidValue
from sync import connection, lanes
from sync.delivery import gate, leases, pushing
from sync.protocol import exchange
from sync.settings import pace
from tests.sync.conftest import (
    Tenant,
    due_now,
    member,
    members,
    push,
    push_until_done,
    rows,
    synced,
)


def paced(**values: Any) -> None:
    connection.change(**values)
    db.session.commit()


def target() -> exchange.Target:
    found = gate.target()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("batch_size", value) for value in ("", "0", "1001", "-1", "ten", "1e2", "٣")),
        *(("requests_per_minute", value) for value in ("0", "6001", "-1", "1.5", "9" * 50)),
    ],
)
def test_a_number_out_of_bounds_is_said_at_its_field(app: Flask, name: str, value: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        connection.change(**{name: value})
    assert refused.value.field == name


def test_as_many_requests_as_are_taken_is_an_empty_number(app: Flask) -> None:
    paced(requests_per_minute=" 30 ", batch_size="7")
    row = connection.get()
    assert (row.requests_per_minute, row.batch_size) == (30, 7)
    paced(requests_per_minute="")
    assert connection.get().requests_per_minute is None


def test_a_push_holds_as_many_contacts_as_are_set(tenant: Tenant) -> None:
    synced()
    members(25)
    paced(batch_size=10)
    push()
    assert [request["count"] for request in tenant.pushes()] == [10, 10, 5]


def test_a_push_is_no_larger_than_a_body_may_be(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced(integrate_bio=True)
    synced()
    people = members(6, bio="<p>" + "x" * 19_000 + "</p>")
    monkeypatch.setattr(pace, "LARGEST_BODY", 50_000)
    push()
    assert [request["count"] for request in tenant.pushes()] == [2, 2, 2]
    assert tenant.keys() == {person.key for person in people}


def test_what_is_too_large_is_halved_and_the_size_that_was_taken_is_kept_to(
    tenant: Tenant,
) -> None:
    tenant.make(max_batch=30)
    synced()
    people = members(250)
    totals = push()
    counts = [request["count"] for request in tenant.pushes()]
    # Found once: 100 and 50 are too large, 25 is taken. What was put together before is halved.
    assert sum(count > 30 for count in counts) <= 6
    assert (totals.accepted, totals.refused) == (250, 0)
    assert connection.get().batch == 25

    before = len(counts)
    for person in people[:80]:
        person.city = "Oslo"
    db.session.commit()
    push()
    assert [request["count"] for request in tenant.pushes()[before:]] == [25, 25, 25, 5]
    # Not for ever, and not where another size is set.
    db.session.execute(update(connection.HigherLogicConnection).values(smaller_until=now()))
    db.session.commit()
    assert connection.get().batch == 100


def test_a_single_record_that_is_too_large_is_refused(tenant: Tenant) -> None:
    synced()
    member()
    tenant.make(next_responses=[{"status": 413}])
    assert push().refused == 1


@pytest.mark.compliance("Y23")
def test_requests_a_minute_are_kept_over_all_workers_without_redis(
    tenant: Tenant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "tessera-redis", Redis.from_url("unix:///nowhere.sock"))
    synced()
    members(60)
    paced(batch_size=10, requests_per_minute=600)
    began = time.monotonic()

    def work() -> None:
        with app.app_context():
            pushing.run()
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Six pushes a tenth of a second apart: five pauses between them.
    assert time.monotonic() - began >= 0.5
    assert sorted(request["count"] for request in tenant.pushes()) == [10] * 6


def test_a_turn_that_is_far_away_is_not_waited_for(tenant: Tenant) -> None:
    synced()
    members(20)
    paced(batch_size=10, requests_per_minute=1)
    assert push().requests == 1
    assert push() == pushing.Totals()
    assert not rows(
        leases.table.c.wanted > leases.table.c.accepted, leases.table.c.lease_owner.is_not(None)
    )
    db.session.execute(
        update(connection.HigherLogicConnection).values(
            next_request_at=now() - dt.timedelta(seconds=1)
        )
    )
    db.session.commit()
    assert push().requests == 1


def test_a_clock_that_was_wrong_stops_nothing(tenant: Tenant) -> None:
    synced()
    member()
    paced(requests_per_minute=600)
    db.session.execute(
        update(connection.HigherLogicConnection).values(
            next_request_at=now() + dt.timedelta(days=30)
        )
    )
    db.session.commit()
    assert push().accepted == 1


@pytest.mark.compliance("Y08")
def test_after_a_pause_one_worker_probes_with_one_contact(tenant: Tenant) -> None:
    synced()
    members(250)
    tenant.make(next_responses=[{"status": 503}])
    push()
    due_now()
    assert gate.is_open()
    probing = target()
    assert probing.probes
    assert not gate.is_open()
    assert gate.target() is None  # another worker
    gate.did_not_probe(probing)
    push()
    assert [request["count"] for request in tenant.pushes()][:3] == [0, 1, 100]
    assert not rows(leases.table.c.wanted > leases.table.c.accepted)


@pytest.mark.compliance("Y09")
def test_a_probe_whose_worker_was_killed_is_anothers_after_a_minute(tenant: Tenant) -> None:
    synced()
    member()
    tenant.make(next_responses=[{"status": 503}])
    push()
    due_now()
    assert target().probes
    assert push() == pushing.Totals()
    db.session.execute(update(connection.HigherLogicConnection).values(probing_until=now()))
    db.session.commit()
    assert push().accepted == 1


@pytest.mark.compliance("Y08")
def test_an_outage_costs_one_request_a_try_and_ends_with_its_end(tenant: Tenant) -> None:
    synced()
    people = members(300)
    tenant.make(failure_rate=1)
    for tries in range(1, 6):
        push()
        assert len(tenant.pushes()) == tries
        due_now()
    tenant.make(failure_rate=0)
    push_until_done()
    assert connection.get().pauses == 0
    assert tenant.keys() == {person.key for person in people}


def test_a_probe_that_is_refused_was_answered(tenant: Tenant) -> None:
    synced()
    person = member()
    tenant.make(next_responses=[{"status": 503}], reject_keys={person.key: "No."})
    push()
    due_now()
    assert push().refused == 1
    assert connection.get().pauses == 0


def test_a_retry_after_of_years_is_an_hours(tenant: Tenant) -> None:
    synced()
    member()
    tenant.make(next_responses=[{"status": 429, "retry_after": "999999999999"}])
    push()
    paused_until = connection.get().paused_until
    assert paused_until is not None
    assert paused_until < now() + dt.timedelta(hours=1, minutes=10)


@pytest.mark.compliance("Y21", "Y25")
def test_who_is_changed_while_their_batch_waits_goes_with_what_is_live(tenant: Tenant) -> None:
    synced()
    people = members(120)
    run = pushing._Run(lanes.BULK)
    assert run.step()
    (waiting,) = run.waiting
    changed = next(one for one in people if one.id == waiting.claims[0].contact_id)
    before = len(tenant.pushes())
    changed.job_title = "Analyst"
    db.session.commit()
    while run.step():
        pass
    run.give_back()
    counts = [request["count"] for request in tenant.pushes()[before:]]
    assert counts == [1, 19]
    assert tenant.details(changed.key)["Title"] == "Analyst"


def test_settings_of_another_tenant_meet_no_claim_of_the_old_one(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tenant changes between the reading of the old one and the claim."""
    synced()
    member()
    old = target()
    connection.change(tenant_code="ANOTHER")
    db.session.commit()
    with monkeypatch.context() as patch:
        patch.setattr(gate, "target", lambda: old)
        assert not pushing._Run(lanes.BULK).step()
    assert tenant.pushes() == []
    assert rows(leases.table.c.lease_owner.is_not(None)) == []


@pytest.mark.compliance("Y23")
def test_turns_that_several_wait_for_are_apart(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced(requests_per_minute=120)
    waits: list[float] = []
    # As if all of them asked in the same moment.
    moment = now()
    monkeypatch.setattr(gate, "now", lambda: moment)
    monkeypatch.setattr(time, "sleep", waits.append)
    given = target()
    assert [gate.take_turn(given) for _ in range(5)] == [True, True, True, False, False]
    assert waits == [0.0, 0.5, 1.0]


def test_a_clock_that_was_wrong_stops_nothing_where_turns_are_far_apart(tenant: Tenant) -> None:
    synced()
    member()
    paced(requests_per_minute=6)
    db.session.execute(
        update(connection.HigherLogicConnection).values(
            next_request_at=now() + dt.timedelta(days=30)
        )
    )
    db.session.commit()
    assert push().accepted == 1


def test_one_record_that_is_too_large_makes_the_pushes_of_others_no_smaller(tenant: Tenant) -> None:
    synced()
    members(4)
    tenant.make(next_responses=[{"status": 413}] * 3)
    totals = push()
    assert (totals.accepted, totals.refused) == (3, 1)
    assert connection.get().batch == pace.BATCH
