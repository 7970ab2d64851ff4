"""The parts of ``bench.sync``, each against real workers of one deployment."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from bench import cores
from bench.sync_deployment import Deployment, go_on
from bench.sync_receiver import CHANGE, PATH, Push, Receiver
from idp.database import db
from idp.directory.contacts import Person
from sync import connection, ledger
from sync.protocol import wire
from sync.reconcile import run as reconcile_all
from sync.records import feed
from sync.settings import pace

MEGABYTE = 1024
FLOOR_CONTACTS = 2_000


@dataclass
class Sync:
    """A sync of everything: contacts, pushes, seconds, CPU seconds by process; of a worker the
    memory at each moment that was looked at, in MB."""

    contacts: int
    pushes: int
    seconds: float
    cpu: dict[str, float]
    memory: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Contacts a second."""
        return self.contacts / self.seconds

    @property
    def together(self) -> float:
        """Contacts for each CPU second of workers and database: what one worker, who waits for the
        database, does in a second on a machine that does nothing else."""
        return self.contacts / (self.cpu["workers"] + self.cpu.get("database", 0.0))

    @property
    def worker_ms(self) -> float:
        """CPU milliseconds of the workers for each contact."""
        return self.cpu["workers"] / self.contacts * 1000


@dataclass
class Live:
    """Seconds from each live change's commit until the receiver had it and until the ledger said
    accepted; ``changes`` a second were made, while a first sync ran for ``during`` of them."""

    received: list[float]
    accepted: list[float]
    changes: float
    during: int


@dataclass
class Floor:
    """The bodies of a first sync posted by a bare loop: contacts a second, CPU ms for each."""

    rate: float
    cpu_ms: float


def floor(here: Deployment, receiver: Receiver) -> Floor:
    """Post the very bodies, ready made, one after the other."""
    with here.app.app_context():
        ids = list(
            db.session.scalars(
                select(ledger.table.c.contact_id)
                .order_by(ledger.table.c.contact_id.desc())
                .limit(FLOOR_CONTACTS)
            )
        )
        records = feed.build(ids, connection.get().wanted)
        db.session.remove()
    items = [wire.item(record) for record in records.values()]
    bodies = [
        wire.body("BENCH", items[start : start + pace.BATCH])
        for start in range(0, len(items), pace.BATCH)
    ]
    with cores.on(here.workers_core):
        client = http.client.HTTPConnection("127.0.0.1", receiver.port)
        start, own = time.perf_counter(), time.process_time()
        for body in bodies * 5:
            client.request("POST", PATH, body, wire.headers("0123456789abcdef"))
            client.getresponse().read()
        seconds, own = time.perf_counter() - start, time.process_time() - own
        client.close()
    number = len(items) * 5
    return Floor(number / seconds, own / number * 1000)


def first(here: Deployment, receiver: Receiver, pids: Sequence[int]) -> Sync:
    """Everything for the first time."""
    with _watched(here, pids) as seen:
        began = here.connect(receiver)
        here.settle()
    pushes = receiver.pushes(began)
    return _sync(pushes, pushes[-1].at - began, seen)


def reconcile(here: Deployment, receiver: Receiver, pids: Sequence[int]) -> Sync:
    """Compare everything with what was accepted; nothing has changed."""
    with _watched(here, pids) as seen:
        began = time.time()
        with here.app.app_context():
            number = reconcile_all().compared
            db.session.remove()
        here.settle()
        seconds = time.time() - began
    return Sync(number, len(receiver.pushes(began)), seconds, seen.cpu, seen.memory)


def live(here: Deployment, receiver: Receiver, a_second: int, seconds: float) -> Live:
    """So many changes a second, each of another person, while a first sync runs."""
    committed: list[tuple[int, float]] = []
    with here.app.app_context():
        ids = _people(int(a_second * seconds))
        began = here.connect(receiver)
        start = time.monotonic()
        for number, contact_id in enumerate(ids):
            go_on()
            time.sleep(max(0.0, start + number / a_second - time.monotonic()))
            person = db.session.get_one(Person, contact_id)
            person.job_title = f"{CHANGE}{number}"
            db.session.commit()
            committed.append((contact_id, time.time()))
            db.session.remove()
        took = time.monotonic() - start
    here.settle()
    pushes = receiver.pushes(began)
    received: dict[int, float] = {}
    for push in pushes:
        for change in push.changes:
            received.setdefault(change, push.at)
    with here.app.app_context():
        found = db.session.execute(
            select(ledger.table.c.contact_id, ledger.table.c.accepted_at).where(
                ledger.table.c.contact_id.in_(ids)
            )
        )
        accepted = {contact_id: at.timestamp() for contact_id, at in found}
        db.session.remove()
    # Nothing but a push of the first sync has somebody in it whom nobody changed.
    bulk = [push.at for push in pushes if push.items > len(push.changes)]
    return Live(
        [received[number] - at for number, (_, at) in enumerate(committed)],
        [accepted[contact_id] - at for contact_id, at in committed],
        len(committed) / took,
        sum(at < max(bulk, default=0.0) for _, at in committed),
    )


def edits(here: Deployment, receiver: Receiver, number: int, pid: int) -> tuple[int, int]:
    """One contact changed so many times, each time in a transaction of its own. Gives the pushes:
    where the worker is busy with something else meanwhile, and where it has nothing else to do."""
    with here.app.app_context():
        (contact_id,) = _people(1)
        found = []
        for busy in (True, False):
            began = time.time()
            if busy:
                os.kill(pid, signal.SIGSTOP)
            try:
                for one in range(number):
                    person = db.session.get_one(Person, contact_id)
                    person.job_title = f"{CHANGE}{one}{int(busy)}"
                    db.session.commit()
                    db.session.remove()
            finally:
                if busy:
                    os.kill(pid, signal.SIGCONT)
            here.settle()
            found.append(len(receiver.pushes(began)))
    return found[0], found[1]


def _people(number: int) -> list[int]:
    """Some people who are in the feed, spread over all of them."""
    query = (
        select(ledger.table.c.contact_id)
        .join(Person, Person.id == ledger.table.c.contact_id)
        .order_by(func.substr(Person.key, func.length(Person.key)), Person.id)
        .limit(number)
    )
    ids = list(db.session.scalars(query))
    db.session.remove()
    return ids


@dataclass
class _Seen:
    cpu: dict[str, float] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)


@contextmanager
def _watched(here: Deployment, pids: Sequence[int]) -> Iterator[_Seen]:
    """What the processes take in here: CPU, and the memory of the first worker."""
    seen, over = _Seen(), threading.Event()

    def look() -> None:
        while not over.wait(0.25):
            seen.memory.append(_megabytes(pids[0]))

    def taken() -> dict[str, float]:
        workers = cores.cpu_seconds({str(pid): pid for pid in pids})
        return {"workers": sum(workers.values()), **cores.cpu_seconds(here.roots)}

    thread = threading.Thread(target=look)
    before = taken()
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
    seen.cpu = {name: value - before[name] for name, value in taken().items()}


def _megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) / MEGABYTE
    raise LookupError("the worker has ended")


def _sync(pushes: Sequence[Push], seconds: float, seen: _Seen) -> Sync:
    number = sum(push.items for push in pushes)
    return Sync(number, len(pushes), seconds, seen.cpu, seen.memory)
