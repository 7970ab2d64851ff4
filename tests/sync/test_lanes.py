"""What somebody waits for goes before what is many, and the many still go."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.database import db, now
from idp.directory import changes, groups
from idp.directory.contacts import Contact
from sync import lanes, ledger, noting, resend
from sync.delivery import due, leases, outcomes, pushing
from sync.protocol import exchange, wire
from sync.settings import pace
from tests import factories
from tests.sync.conftest import (
    Tenant,
    member,
    members,
    push,
    row,
    rows,
    synced,
    waiting_jobs,
)

MANY = lanes.FEW + 20


def in_lane(lane: int) -> set[int]:
    return {found.contact_id for found in rows(ledger.table.c.lane == lane)}


def test_one_contact_is_live_and_a_first_sync_is_bulk(app: Flask) -> None:
    people = members(MANY)
    group = factories.group(type="security")
    groups.switch_sync(group, True)
    db.session.commit()
    assert in_lane(lanes.BULK) == {person.id for person in people}
    assert waiting_jobs(lanes.BULK) == 1
    assert waiting_jobs(lanes.LIVE) == 0

    live = member()
    assert in_lane(lanes.LIVE) == {live.id}
    assert waiting_jobs(lanes.LIVE) == 1


def test_a_first_sync_of_few_is_live(app: Flask) -> None:
    people = members(3)
    group = factories.group(type="security")
    groups.switch_sync(group, True)
    db.session.commit()
    assert in_lane(lanes.LIVE) == {person.id for person in people}


def test_a_pending_contact_that_somebody_changes_becomes_live_and_stays_so(app: Flask) -> None:
    synced()
    people = members(MANY)
    assert in_lane(lanes.LIVE) == set()
    people[0].job_title = "Analyst"
    db.session.commit()
    assert in_lane(lanes.LIVE) == {people[0].id}
    noting.note_everything()
    db.session.commit()
    assert in_lane(lanes.LIVE) == {people[0].id}


def test_an_accepted_contact_of_the_live_lane_is_one_of_many_in_a_reconcile(app: Flask) -> None:
    synced()
    person = member()
    owner = "one"
    outcomes.accept(owner, [(claim, "digest", {}) for claim in leases.claim(owner, 1)])
    members(MANY)
    noting.note_everything()
    db.session.commit()
    assert row(person).lane == lanes.BULK


def test_a_chunk_of_an_import_is_bulk_however_small(app: Flask) -> None:
    synced()
    person = member()
    changes.announce([person.id], of_many=True)
    db.session.commit()
    assert row(person).lane == lanes.LIVE  # it was pending, and somebody waits for it
    db.session.execute(update(ledger.table).values(accepted=ledger.table.c.wanted))
    changes.announce([person.id], of_many=True)
    db.session.commit()
    assert row(person).lane == lanes.BULK
    changes.announce([person.id])
    db.session.commit()
    assert row(person).lane == lanes.LIVE


def test_a_resend_of_one_is_live(app: Flask) -> None:
    synced()
    people = members(MANY)
    resend.resend(people[3].key)
    db.session.commit()
    assert in_lane(lanes.LIVE) == {people[3].id}


def test_what_was_refused_is_tried_again_behind_what_is_live(app: Flask) -> None:
    synced()
    person = member()
    (claim,) = leases.claim("one", 1)
    outcomes.refuse("one", claim, "No.")
    assert row(person).lane == lanes.BULK
    person.job_title = "Analyst"
    db.session.commit()
    assert row(person).lane == lanes.LIVE


@pytest.mark.compliance("Y24", "Y25")
def test_a_live_person_waits_for_their_own_company_only(app: Flask) -> None:
    """The company is one of many that are pending; it comes forward, the others do not."""
    companies = [factories.company() for _ in range(3)]
    person = member(company=companies[1])
    for company in (companies[0], companies[2]):
        member(company=company)
    synced()
    everything = select(Contact.id)
    db.session.execute(update(ledger.table).values(lane=lanes.BULK))
    noting.note(everything.where(Contact.id == person.id))
    db.session.commit()

    claims = leases.claim("one", 100)

    assert [claim.contact_id for claim in claims] == [companies[1].id]
    assert leases.claim("two", 100) == []
    outcomes.accept("one", [(claims[0], "digest", {})])
    assert [claim.contact_id for claim in leases.claim("three", 100)] == [person.id]
    assert in_lane(lanes.BULK) == {
        found.contact_id for found in rows() if found.contact_id not in {person.id, companies[1].id}
    }


def test_the_many_are_not_looked_through_for_who_is_waited_for(app: Flask) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("Postgres knows how many the few are")
    person = member(company=factories.company())
    synced()
    more = 300
    steps = []
    for _ in range(2):
        members(more)
        db.session.execute(update(ledger.table).values(lane=lanes.BULK))
        live = ledger.table.c.contact_id == person.id
        db.session.execute(update(ledger.table).where(live).values(lane=lanes.LIVE))
        db.session.commit()
        driver: Any = db.session.connection().connection.driver_connection
        taken = itertools.count()
        driver.set_progress_handler(lambda counted=taken: next(counted) and None, 1)
        assert due.bring_companies_forward(now()) == 1
        driver.set_progress_handler(None, 1)
        db.session.rollback()
        steps.append(next(taken))
    assert steps[1] - steps[0] < more / 10


@pytest.mark.compliance("Y25")
def test_bulk_gives_way_to_live_between_two_pushes(
    tenant: Tenant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    person = member()
    push()
    before, person_id, key = len(tenant.pushes()), person.id, person.key
    members(3 * pace.BATCH)
    send = exchange.Target.send
    changed: list[int] = []

    def sent(target: exchange.Target, items: Sequence[wire.Item]) -> wire.Outcome:
        if not changed:
            # While the first push of the many is on its way.
            changed.append(person_id)
            elsewhere(app, person_id)
        return send(target, items)

    monkeypatch.setattr(exchange.Target, "send", sent)
    push()
    keys = [set(request["keys"]) for request in tenant.pushes()[before:]]
    assert [len(one) for one in keys] == [100, 1, 100, 100]
    assert keys[1] == {key}


def elsewhere(app: Flask, contact_id: int) -> None:
    """Another process changes a contact."""
    with app.app_context():
        contact: Any = db.session.get_one(Contact, contact_id)
        contact.job_title = "Analyst"
        db.session.commit()
        db.session.remove()


def test_a_live_job_leaves_the_many_to_theirs(tenant: Tenant) -> None:
    synced()
    people = members(MANY)
    live = member()
    assert pushing.run(lane=lanes.LIVE).accepted == 1
    assert tenant.keys() == {live.key}
    assert pushing.run(lane=lanes.BULK).accepted == len(people)
