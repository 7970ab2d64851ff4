"""One run: edits and faults for a while, then none, until Higher Logic has everything."""

import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from idp import prepared
from idp.database import db
from sync import connection
from tests.chaos import administrator, oracle
from tests.chaos.arena import API_KEY, TENANT, Arena
from tests.chaos.edits import Edits
from tests.chaos.faults import Faults, Watch
from tests.chaos.memory import Memory
from wsgi import create_app

CONVERGE_SECONDS = 420.0
"""Longer than the longest pause between two tries of an outage."""
POLICIES = ("keep", "inactive", "no_groups")


@dataclass
class Report:
    """What a run did, and what is wrong at its end: nothing, unless ``wrong`` says so."""

    seed: int
    seconds: float
    policy: str
    edits: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    pushes: int = 0
    records: int = 0
    contacts: int = 0
    converged_after: float | None = None
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        took = self.converged_after
        return [
            f"seed {self.seed}, {self.seconds:.0f} s of faults; who is out of use: {self.policy}",
            f"edits: {sum(self.edits.values())} ({_counted(self.edits)})",
            f"faults: {sum(self.faults.values())} ({_counted(self.faults)})",
            f"pushes: {self.pushes}, records accepted: {self.records}, contacts: {self.contacts}",
            "converged: " + (f"after {took:.1f} s without faults" if took is not None else "never"),
            *(f"WRONG: {one}" for one in self.wrong),
        ]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))


def stamp(record: Any) -> int:
    """The number of the newest edit in a record; 0 for none. One that was merged away has none,
    and nothing comes after it."""
    details = record["MemberDetails"]
    said = details["Address3"]
    if said.startswith("edit "):
        return int(said.removeprefix("edit "))
    return 0 if details["IsActive"] else sys.maxsize


def chosen(seed: int) -> str:
    """What Higher Logic is told of who is out of use, in a run by this seed."""
    return random.Random(f"out of use {seed}").choice(POLICIES)


def run(arena: Arena, seed: int, seconds: float) -> Report:
    """Edit under faults for so many seconds, then wait without, and compare."""
    app = create_app(arena.settings)
    with app.app_context():
        try:
            return _run(app, arena, seed, seconds)
        finally:
            db.session.remove()
            prepared.release()
            db.engine.dispose()


def _run(app: Flask, arena: Arena, seed: int, seconds: float) -> Report:
    report, memory = Report(seed, seconds, chosen(seed)), Memory()
    edits = Edits(seed, arena.folder)
    arena.set_control(keep_history=True, properties={"MembershipIntegrateBio": True})
    edits.make()
    connection.change(base_url=arena.url, tenant_code=TENANT, api_key=API_KEY)
    connection.change(integrate_bio=True, deactivated=report.policy)
    db.session.commit()
    memory.add(oracle.read())
    editing, watch = Editing(app, edits, memory), Watch(arena, stamp)
    faults = Faults(seed, arena)
    editing.start()
    watch.start()
    try:
        faults.make(seconds)
    finally:
        editing.end()
    report.edits, report.faults = editing.made, faults.made
    quiet = time.monotonic()
    while time.monotonic() < quiet + CONVERGE_SECONDS:
        arena.revive()
        if not _pending() and not administrator.allow_everything():
            report.converged_after = time.monotonic() - quiet
            break
        time.sleep(0.2)
    watch.end()
    memory.add(oracle.read())
    report.pushes, report.contacts = len(watch.pushes), len(memory.ever)
    report.records = watch.accepted
    report.wrong = [
        *(f"overlapping (Y20): {one}" for one in watch.overlapping),
        *(f"older over newer (Y21): {one}" for one in watch.older),
        *arena.ended,
        *([] if report.converged_after is not None else _pending()),
        *memory.differences(arena.held()),
    ]
    return report


class Editing(threading.Thread):
    """Edits until ``end``; ``made`` counts them by kind. Each is read back at once."""

    def __init__(self, app: Flask, edits: Edits, memory: Memory) -> None:
        super().__init__(name="edits")
        self.app, self.edits, self.memory = app, edits, memory
        self.draw = random.Random(f"pauses {edits.seed}")
        self.made: Counter[str] = Counter()
        self.failed: BaseException | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Edit."""
        try:
            with self.app.app_context():
                while not self._ended.wait(self.draw.choice([0.0, 0.0, 0.02, 0.2])):
                    self.made[_edit(self.edits)] += 1
                    self.memory.add(_read())
                db.session.remove()
        except BaseException as error:  # noqa: BLE001 - raised where the thread is ended
            self.failed = error

    def end(self) -> None:
        """Edit no more. Raises what went wrong."""
        self._ended.set()
        self.join()
        if self.failed is not None:
            raise self.failed


def _edit(edits: Edits) -> str:
    try:
        return edits.edit()
    except DBAPIError:
        # The database was cut while it was written: whether it was kept is there to be read.
        db.session.rollback()
        return "cut"


def _read() -> oracle.Reading:
    for _again in range(20):
        try:
            return oracle.read()
        except DBAPIError:
            db.session.rollback()
            time.sleep(0.2)
    return oracle.read()


def _pending() -> list[str]:
    """The rows of the ledger whose wanted record was not accepted."""
    db.session.rollback()
    found = db.session.execute(
        text(
            "SELECT contact.key, ledger.wanted, ledger.accepted, ledger.last_error, "
            "ledger.next_try_at, ledger.lease_until FROM ledger "
            "JOIN contact ON contact.id = ledger.contact_id WHERE wanted > accepted"
        )
    ).all()
    db.session.rollback()
    return [f"pending: {tuple(row)}" for row in found]
