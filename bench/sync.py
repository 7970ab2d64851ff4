"""``make bench-sync``: how fast the feed is, with real workers and a receiver on the other core.

Associations are made on Postgres and SQLite of which so many contacts are in the feed. For each:
a first sync of everything by one worker beside its floor (the same bodies, ready made, posted by a
bare loop), by two workers where the far side takes its time, a comparison of everything where
nothing has changed, live changes while a first sync runs, and many edits of one contact.

From the environment: ``SIZES`` (numbers of contacts, separated by commas: 10000,100000 without;
1000000 takes an hour), ``DATABASE`` (``postgres``, ``sqlite``), ``ONLY`` (``first``, ``workers``,
``reconcile``, ``live``, ``edits``), ``SECONDS`` of live changes, and ``EDITS``. The report is
written when everything takes part. ``SIZES=10000,1000000 ONLY=first`` says what a contact costs
among a million.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import psycopg
from cryptography.fernet import Fernet

from bench import (
    association,
    cores,
    environment,
    facts,
    postgres,
    sync_deployment,
    sync_receiver,
    sync_report,
    sync_work,
)
from bench.directory import POSTGRES
from bench.sync_deployment import Deployment
from bench.sync_receiver import Receiver
from bench.sync_report import Measured
from idp import settings as deployment_settings
from idp.database import db
from launch import schema
from launch.redis import RedisServer
from wsgi import create_app

REPORT = Path(__file__).with_name("sync.md")
SIZES = (10_000, 100_000)
DATABASES = ("postgres", "sqlite")
PARTS = ("first", "workers", "reconcile", "live", "edits")
# Of the people of the made-up association so many in a thousand are in the feed.
IN_THE_FEED = 517
CHANGES_A_SECOND = 50
# What a far side on another continent takes to answer, where workers are compared.
FAR_SECONDS = 0.1
# More would measure nothing new: one worker beside two.
WORKERS_SIZE = 20_000
# Of a longer sync the first second is not a part that counts.
LARGEST_WARMED_UP = 100_000


@dataclass(frozen=True)
class Plan:
    """What to run."""

    sizes: tuple[int, ...]
    databases: tuple[str, ...]
    parts: tuple[str, ...]
    seconds: int
    edits: int

    @property
    def whole(self) -> bool:
        """Whether everything takes part, so that the report can be written."""
        return set(SIZES) <= set(self.sizes) and (self.databases, self.parts) == (DATABASES, PARTS)


def plan() -> Plan:
    """The plan that the environment asks for. Raises ``environment.UsageError``."""
    return Plan(
        environment.sizes(SIZES, most=1_000_000),
        environment.known("DATABASE", DATABASES),
        environment.known("ONLY", PARTS),
        environment.number("SECONDS", 20),
        environment.number("EDITS", 1000),
    )


@contextmanager
def deployed(
    database: str, size: int, folder: Path, cluster: postgres.Cluster | None
) -> Iterator[Deployment]:
    """An association with so many contacts in the feed, and nothing running yet."""
    own = folder / f"{database}-{size}"
    own.mkdir()
    with RedisServer(own / "redis.sock") as redis:
        settings = {
            "TESSERA_DATA_DIR": str(own / "var"),
            "TESSERA_REDIS_URL": redis.address,
            "TESSERA_SECRET_KEY": "s" * 48,
            "TESSERA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        roots = {}
        if redis.process is not None:
            roots["redis"] = redis.process.pid
        if cluster is not None:
            name = f"feed_{size}"
            with psycopg.connect(cluster.address, autocommit=True) as administrator:
                administrator.execute(f"CREATE DATABASE {name}")
            settings["TESSERA_DATABASE_URL"] = cluster.address.replace("/postgres?", f"/{name}?", 1)
            roots["database"] = cluster.pid
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            app = create_app(deployment_settings.load())
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
        here = Deployment(database, size, app, own, {**os.environ, **settings}, roots, *cores.two())
        with app.app_context():
            schema.upgrade()
            association.make(size * 1000 // IN_THE_FEED, partial(_say_of, here))
            db.session.remove()
        try:
            yield here
        finally:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


def measure(here: Deployment, asked: Plan) -> Measured:
    """All the parts that are asked for."""
    done = Measured(here.database, here.size)
    environment = dict(os.environ)
    with ExitStack() as stack:
        with cores.on(here.load_core):
            receiver = stack.enter_context(sync_receiver.running(here.folder, environment))
            far = stack.enter_context(sync_receiver.running(here.folder, environment, FAR_SECONDS))
        with here.running() as workers:
            if here.size <= LARGEST_WARMED_UP:
                _warm_up(here, receiver)
            if "first" in asked.parts:
                done.floor = sync_work.floor(here, receiver)
                done.first = sync_work.first(here, receiver, workers)
                _say_of(here, f"{done.first.rate:,.0f} contacts/s; floor {done.floor.rate:,.0f}")
            if "reconcile" in asked.parts:
                done.reconcile = sync_work.reconcile(here, receiver, workers)
                _say_of(here, f"nothing changed: {done.reconcile.seconds:.1f} s")
            if "live" in asked.parts:
                done.live = sync_work.live(here, receiver, CHANGES_A_SECOND, asked.seconds)
                _say_of(here, "live changes made")
            if "edits" in asked.parts:
                done.edits = sync_work.edits(here, receiver, asked.edits, workers[0])
                _say_of(here, f"{asked.edits} edits: {done.edits} pushes")
        if "workers" in asked.parts and here.size <= WORKERS_SIZE:
            for number in (1, 2):
                with here.running(number, both_cores=True) as workers:
                    _warm_up(here, receiver)
                    done.workers[number] = sync_work.first(here, far, workers)
                    _say_of(here, f"{number} workers: {done.workers[number].rate:,.0f} contacts/s")
    return done


def _warm_up(here: Deployment, receiver: Receiver) -> None:
    """Everything once, so that the workers have started and know their statements."""
    here.connect(receiver)
    here.settle()


def run(asked: Plan) -> list[Measured]:
    """Every database and size, one after the other; each goes with its data."""
    found = []
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        for database in asked.databases:
            with ExitStack() as stack:
                cluster = None
                if database == "postgres":
                    cluster = stack.enter_context(postgres.cluster(POSTGRES))
                for size in asked.sizes:
                    with deployed(database, size, Path(name), cluster) as here:
                        found.append(measure(here, asked))
    return found


def _say_of(here: Deployment, text: str) -> None:
    print(f"{here.title}: {text}", file=sys.stderr, flush=True)


def _end(_number: int, _frame: FrameType | None) -> None:
    # As Ctrl-C does: what was started is ended on the way out.
    sync_deployment.ending.set()
    raise KeyboardInterrupt


def main() -> int:
    """Run it; the exit code is 1 when it cannot be run, whether or not a target is met."""
    try:
        asked = plan()
    except environment.UsageError as error:
        print(error, file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        with cores.alone():
            before = os.getloadavg()[0]
            found = run(asked)
    except (postgres.NotDurable, cores.OneCore, sync_deployment.Stuck) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended.", file=sys.stderr)
        return 130
    about = [
        *facts.of_the_directory(),
        f"Load of the machine before it began: {before:.1f}. One worker has a core to itself, the "
        "receiver, who makes live changes and who looks on have the other, the database's server "
        "both.",
        f"Live changes: {CHANGES_A_SECOND} a second for {asked.seconds} s. Where workers are "
        f"compared, they have both cores and the receiver takes {FAR_SECONDS * 1000:.0f} ms.",
    ]
    text = sync_report.text(found, about, asked.edits)
    print(text)
    if asked.whole:
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
