"""Whatever order edits, workers, their deaths and Higher Logic's answers come in, nothing is lost,
no older record overwrites a newer one, and no contact is in two requests at once.

``pytest --hypothesis-profile=long tests/sync/test_ledger_machine.py`` looks for an hour.
"""

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, text

from idp.database import Base, db
from idp.directory.contacts import Contact
from idp.directory.membership import catalogue
from sync import connection, ledger, noting, resend
from sync.delivery import due, pushing
from sync.protocol import wire
from sync.removals import verdicts
from tests.chaos import administrator, oracle
from tests.chaos.edits import Edits
from tests.chaos.memory import Memory
from tests.chaos.run import POLICIES
from tests.sync.stepping import Receiver, Worker, install

pytestmark = pytest.mark.slow

settings.register_profile("long", max_examples=2000, stateful_step_count=80, deadline=None)
SHORT = settings(
    max_examples=8,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
WORKERS = 3
SOME_WORKER = st.integers(0, WORKERS - 1)
# Longer than a lease, and than any wait for a next try.
LEASE_AND_MORE = dt.timedelta(seconds=61)
ALL_WAITS = dt.timedelta(hours=7)

OUTCOMES = {
    "lost": wire.Outcome(wire.Verdict.OUTAGE, "Higher Logic did not answer in time."),
    "busy": wire.Outcome(wire.Verdict.SLOW_DOWN, "Higher Logic asks us to slow down (429).", 1.0),
    "refused": wire.Outcome(wire.Verdict.REFUSED, "Something about this record."),
}


class Clock:
    """The time that the sync goes by."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta()

    def now(self) -> dt.datetime:
        """The moment, as far ahead as it was turned."""
        return dt.datetime.now(dt.UTC) + self.ahead


def sync_modules() -> list[Any]:
    """The modules of the sync that ask what time it is."""
    found = [module for name, module in sys.modules.items() if name.startswith("sync.")]
    return [module for module in found if hasattr(module, "now")]


class Machine(RuleBasedStateMachine):
    """An association, three workers, and Higher Logic."""

    def __init__(self, app: Flask, folder: Path, kept: set[str]) -> None:
        super().__init__()
        self.app = app
        self.patch = pytest.MonkeyPatch()
        self.clock, self.receiver, self.memory = Clock(), Receiver(), Memory()
        for module in sync_modules():
            self.patch.setattr(module, "now", self.clock.now)
        install(self.patch, self.receiver)
        empty(kept)
        self.edits = Edits(0, folder, people=5, companies=2)
        self.edits.make()
        connection.change(tenant_code="ACME", api_key="a-key", integrate_bio=True)
        db.session.commit()
        self.memory.add(oracle.read())
        self.workers = [Worker(app) for _ in range(WORKERS)]

    @initialize(policy=st.sampled_from(POLICIES))
    def choose(self, policy: str) -> None:
        """The association chooses what is told of who is out of use."""
        connection.change(deactivated=policy)
        db.session.commit()

    def _which(self, number: int) -> Worker:
        worker = self.workers[number]
        if worker.ident is not None and not worker.at:
            # It found nothing more to do: woken again, it begins anew.
            worker = self.workers[number] = Worker(self.app)
        return worker

    @rule(chance=st.integers(0, 10_000))
    def edit(self, chance: int) -> None:
        """Anything that staff and members do."""
        self.edits.seed = chance
        self.edits.edit()
        self.memory.add(oracle.read())

    @rule(number=st.integers(0, 4))
    def announce_twice(self, number: int) -> None:
        """A change is told of twice."""
        ids = list(db.session.scalars(select(Contact.id).order_by(Contact.id)))[number:]
        for _again in range(2):
            noting.note(ids[:2])
        db.session.commit()

    @rule(number=SOME_WORKER)
    def go_on(self, number: int) -> None:
        """A worker does its next step; one whose request is on its way waits."""
        worker = self._which(number)
        if worker.at != "send":
            worker.go()

    @rule(number=SOME_WORKER, taken=st.booleans(), said=st.sampled_from([*OUTCOMES]))
    def answer_badly(self, number: int, taken: bool, said: str) -> None:
        """Higher Logic refuses, asks to slow down, or its answer is lost, after it took it."""
        worker = self.workers[number]
        if worker.at == "send":
            if taken and said == "lost":
                self.receiver.take(worker.items)
            worker.go(OUTCOMES[said])

    @rule(number=SOME_WORKER)
    def answer(self, number: int) -> None:
        """Higher Logic takes what a worker sends."""
        worker = self.workers[number]
        if worker.at == "send":
            self.receiver.take(worker.items)
            worker.go(wire.Outcome(wire.Verdict.ACCEPTED, "Accepted."))

    @rule(number=SOME_WORKER, taken=st.booleans())
    def die(self, number: int, taken: bool) -> None:
        """A worker's process is killed; what it was sending arrived, or not."""
        worker = self.workers[number]
        if worker.at == "send" and taken:
            self.receiver.take(worker.items)
        worker.kill()
        self.workers[number] = Worker(self.app)

    @rule(taken=st.booleans())
    def time_passes(self, taken: bool) -> None:
        """Leases run out. No request takes that long: those on their way end without an answer."""
        for worker in self.workers:
            if worker.at == "send":
                if taken:
                    self.receiver.take(worker.items)
                worker.go(OUTCOMES["lost"])
        if not any(worker.at == "send" for worker in self.workers):
            self.clock.ahead += LEASE_AND_MORE

    @rule(number=st.integers(0, 4), everything=st.booleans())
    def send_again(self, number: int, everything: bool) -> None:
        """Staff have one contact sent again, or all."""
        keys = list(db.session.scalars(select(Contact.key).order_by(Contact.id)))
        resend.resend(None if everything else keys[number])
        db.session.commit()

    @rule()
    def reconcile(self) -> None:
        """A setting changed that may be about everybody: everything is compared."""
        noting.note_everything()
        db.session.commit()

    @invariant()
    def versions_are_in_order(self) -> None:
        """Nobody has accepted, claimed or refused what nobody wanted."""
        row = ledger.table.c
        wrong = db.session.scalar(
            select(func.count()).where(
                (row.accepted > row.wanted)
                | (row.claimed > row.wanted)
                | (row.refused > row.wanted)
            )
        )
        db.session.rollback()
        assert wrong == 0

    @invariant()
    def no_contact_is_in_two_requests(self) -> None:
        """Y20."""
        sending = [wire.key_of(item) for worker in self.workers for item in worker.items]
        assert len(sending) == len(set(sending))

    def teardown(self) -> None:
        """No faults any more: everything is pushed, and what is there is what should be."""
        try:
            for worker in self.workers:
                worker.kill()
            for _again in range(6):
                self.clock.ahead += ALL_WAITS
                pushing.run()
                db.session.rollback()
                verdicts.tick()
                administrator.allow_everything()
            assert not due.any_due()
            row = ledger.table.c
            behind = db.session.scalar(select(func.count()).where(row.wanted > row.accepted))
            assert behind == 0, "something is pending"
            self.memory.add(oracle.read())
            assert self.memory.differences(self.receiver.held) == []
            requests = self.receiver.requests
            noting.note_everything()
            db.session.commit()
            pushing.run()
            assert self.receiver.requests == requests, "nothing changed, and something was sent"
        finally:
            db.session.rollback()
            self.patch.undo()


def empty(kept: set[str]) -> None:
    """Take everything out of the database but what the migrations left there."""
    kept = kept | {"audit_event"}  # which nobody empties
    names = [table.name for table in Base.metadata.sorted_tables if table.name not in kept]
    db.session.remove()
    with db.engine.connect() as bound:
        if db.engine.dialect.name == "postgresql":
            listed = ", ".join(f'"{name}"' for name in names)
            bound.execute(text(f"TRUNCATE {listed} RESTART IDENTITY CASCADE"))
            bound.commit()
        else:
            raw: Any = bound.connection.dbapi_connection
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute('UPDATE "group" SET sync = 0')  # or a trigger keeps it
            for name in names:
                raw.execute(f'DELETE FROM "{name}"')
            raw.execute("PRAGMA foreign_keys = ON")
    # What processes remember of groups is not of these.
    catalogue.changed()
    db.session.commit()


def test_nothing_is_lost_in_whatever_order(app: Flask, tmp_path: Path) -> None:
    kept = {
        table.name
        for table in Base.metadata.sorted_tables
        if db.session.scalar(select(func.count()).select_from(table))
    }
    db.session.rollback()
    chosen = settings.default if settings.get_current_profile_name() == "long" else SHORT
    run_state_machine_as_test(lambda: Machine(app, tmp_path, kept), settings=chosen)
