"""An association whose feed is measured, and the processes of its deployment."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import exists, func, select

from bench import cores, processes
from bench.sync_receiver import Receiver
from idp.database import db
from sync import connection, ledger, noting

# So long is waited for a worker that accepts nothing any more.
STUCK_SECONDS = 120.0
ending = threading.Event()
"""Set when all of it is to end: what a signal raises is lost within a fork."""


class Stuck(Exception):
    """Nothing is accepted any more, and something is pending."""


def go_on() -> None:
    """Unless all of it is to end. Raises ``KeyboardInterrupt``."""
    if ending.is_set():
        raise KeyboardInterrupt


@dataclass
class Deployment:
    """An association on one database, and what its processes are started with."""

    database: str
    size: int
    app: Flask
    folder: Path
    env: dict[str, str]
    roots: dict[str, int]
    workers_core: int
    load_core: int

    @property
    def title(self) -> str:
        """As the report names it."""
        return f"{self.database} {self.size:,}"

    @contextmanager
    def running(self, workers: int = 1, *, both_cores: bool = False) -> Iterator[list[int]]:
        """Workers and a clock, as in a deployment; gives the workers' process ids."""
        with ExitStack() as stack:
            if not both_cores:
                stack.enter_context(cores.on(self.workers_core))
            started = [
                stack.enter_context(self._command("worker", f"worker-{number}"))
                for number in range(workers)
            ]
            stack.enter_context(self._command("clock", "clock"))
            if not both_cores:
                os.sched_setaffinity(0, {self.load_core})
            yield started

    @contextmanager
    def _command(self, name: str, log: str) -> Iterator[int]:
        arguments = [sys.executable, "-m", "launch", name]
        with processes.running(arguments, self.env, self.folder / log) as pid:
            yield pid

    def connect(self, receiver: Receiver) -> float:
        """Everything is to be sent to a receiver that has nothing yet; gives the moment from which
        workers know. Commits."""
        with self.app.app_context():
            if connection.get().base_url == receiver.base_url:
                noting.forget_accepted()
            else:
                connection.change(base_url=receiver.base_url)
            began = time.time()
            db.session.commit()
            db.session.remove()
        return began

    def settle(self) -> None:
        """Wait until nothing is pending. Raises ``Stuck``."""
        with self.app.app_context():
            pending = select(exists().where(ledger.table.c.wanted > ledger.table.c.accepted))
            last, since = None, time.monotonic()
            while db.session.scalar(pending):
                db.session.rollback()
                go_on()
                time.sleep(0.1)
                if time.monotonic() - since > STUCK_SECONDS / 4:
                    seen = db.session.scalar(select(func.sum(ledger.table.c.accepted)))
                    if seen == last and time.monotonic() - since > STUCK_SECONDS:
                        raise Stuck(f"{self.title}: see the logs of the workers")
                    if seen != last:
                        last, since = seen, time.monotonic()
            db.session.remove()

    def contacts(self) -> int:
        """How many contacts the feed is about."""
        with self.app.app_context():
            found = db.session.scalar(select(func.count()).select_from(ledger.table)) or 0
            db.session.remove()
        return found
