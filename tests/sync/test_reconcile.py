"""What was changed behind our back is found, said, and sent; what is right costs nothing."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import delete, text

from idp import association
from idp.database import db, now
from idp.directory.contacts import InvalidValue
from sync import connection, ledger, reconcile
from sync.delivery import pushing
from tests.sync.conftest import Statements, Tenant, member, members, push, row, rows, synced
from tests.sync.test_status import run


def behind_our_back(statement: str, **values: object) -> None:
    db.session.execute(text(statement), values)
    db.session.commit()


@pytest.mark.compliance("Y06")
def test_what_is_right_costs_neither_a_request_nor_a_write(tenant: Tenant) -> None:
    synced()
    members(5)
    push()
    before, versions = len(tenant.pushes()), rows()
    with Statements() as statements:
        found = reconcile.verify()
    assert (found.compared, found.differ, found.well) == (5, 0, True)
    assert all(one.startswith("SELECT") for one in statements.seen)
    reconcile.run()
    assert rows() == versions
    assert push() == pushing.Totals()
    assert len(tenant.pushes()) == before


@pytest.mark.compliance("Y14")
def test_rows_changed_behind_our_back_are_found_and_sent(tenant: Tenant) -> None:
    synced()
    first, _second = members(2)
    push()
    behind_our_back("UPDATE contact SET city = 'Oslo' WHERE id = :id", id=first.id)
    assert push() == pushing.Totals()

    told = run("verify")
    assert told.exit_code == 1
    assert told.output == (
        "2 compared: 1 differ, 0 missing, 0 orphaned; 0 pending anyway, 0 held\n"
        f"differs: {first.key}\n"
    )
    assert push() == pushing.Totals()

    reconcile.run()
    assert push().accepted == 1
    assert tenant.details(first.key)["City"] == "Oslo"
    assert run("verify").exit_code == 0


@pytest.mark.compliance("Y14")
def test_a_digest_that_is_not_what_was_accepted_is_found(tenant: Tenant) -> None:
    synced()
    person = member()
    push()
    behind_our_back("UPDATE ledger SET digest = :digest", digest="0" * 64)
    assert reconcile.verify().first == [person.id]
    reconcile.run()
    assert push().accepted == 1
    assert reconcile.verify().well


@pytest.mark.compliance("Y14")
def test_who_the_ledger_does_not_know_is_found(tenant: Tenant) -> None:
    synced()
    person, _other = members(2)
    push()
    db.session.execute(delete(ledger.table).where(ledger.table.c.contact_id == person.id))
    db.session.commit()
    assert (reconcile.verify().missing, row(person)) == (1, None)
    reconcile.run()
    assert push().accepted == 1


def test_what_is_pending_is_no_drift(tenant: Tenant) -> None:
    synced()
    person, _other = members(2)
    push()
    person.city = "Oslo"
    db.session.commit()
    found = reconcile.verify()
    assert (found.compared, found.pending, found.well) == (1, 1, True)


def test_it_goes_in_parts(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    synced()
    people = members(5)
    push()
    monkeypatch.setattr(reconcile, "PART", 2)
    behind_our_back("UPDATE contact SET city = 'Oslo' WHERE id = :id", id=people[4].id)
    parts: list[int] = []
    found = reconcile.verify(parts.append)
    assert (found.compared, found.differ, parts) == (5, 1, [2, 2, 1])


def test_the_clock_does_it_once_a_day_at_the_associations_hour(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    association.change(time_zone="America/New_York")
    connection.change(reconcile_hour="4")
    synced()
    person = member()
    push()

    def at(hour: int, day: int = 10) -> bool:
        # Noon in UTC is seven in the morning there.
        moment = dt.datetime(2027, 1, day, hour, 30, tzinfo=dt.UTC)
        monkeypatch.setattr(reconcile, "now", lambda: moment)
        return reconcile.tick()

    behind_our_back("UPDATE contact SET city = 'Oslo' WHERE id = :id", id=person.id)
    assert not at(8)
    assert push() == pushing.Totals()
    assert at(9)
    assert push().accepted == 1
    assert not at(10)
    assert not at(4, day=11)
    assert at(20, day=11)
    connection.change(reconcile_hour="")
    db.session.commit()
    assert not at(20, day=12)


def test_what_somebody_asks_for_is_done_at_the_next_look_and_not_lost_with_a_clock(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.change(reconcile_hour="")
    synced()
    person = member()
    push()
    behind_our_back("UPDATE contact SET city = 'Oslo' WHERE id = :id", id=person.id)
    assert not reconcile.tick()
    for _twice in range(2):
        reconcile.ask()
        db.session.commit()

    def killed() -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(reconcile, "run", killed)
        with pytest.raises(SystemExit):
            reconcile.tick()
    db.session.rollback()
    assert not reconcile.tick(), "another clock may be at it"
    later = now() + reconcile.ASKED_AGAIN
    monkeypatch.setattr(reconcile, "now", lambda: later)
    assert reconcile.tick()
    assert push().accepted == 1
    row = connection.get()
    assert (row.reconcile_due_at, row.reconciled_at) == (None, later)
    assert row.reconcile_found == {"compared": 1, "differ": 1, "missing": 0}
    assert not reconcile.tick()


@pytest.mark.parametrize("hour", ["24", "-1", "noon", "3.5", "003"])
def test_an_hour_that_is_none_is_refused(app: Flask, hour: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        connection.change(reconcile_hour=hour)
    assert refused.value.field == "reconcile_hour"
