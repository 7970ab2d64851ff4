"""A worker's hold on a run: its lease is renewed, its progress told, a cancel heard.

In a thread with a session of its own, once a second: the import's transactions stay its own, and
a file that takes long to be read does not lose its worker.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog
from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from idp import jobs
from idp.database import db, now, reading
from idp.directory.import_runs import leases
from idp.directory.import_runs.leases import LEASE, Claim
from idp.directory.import_runs.runs import ImportRun

log = structlog.get_logger()

SECONDS = 1.0


class Stopped(Exception):
    """The run is not to go on here. ``why`` is ``ending`` (the worker is to end) or ``lost``
    (another worker has taken the run up)."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Watch:
    """Held around the work on a claimed run; between chunks ``reached`` is called, then
    ``cancelled``."""

    def __init__(self, claimed: Claim) -> None:
        self.claimed = claimed
        self.done = self.total = 0
        self._why = ""
        self._over = threading.Event()
        app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._beat, args=(app(),), name="import watch")

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def reached(self, done: int, total: int) -> None:
        """So many rows are done of so many. Raises ``Stopped``."""
        self.done, self.total = done, total
        if jobs.ending.is_set() and not self._why:
            self._why = "ending"
        if self._why and not self.cancelled():
            raise Stopped(self._why)

    def cancelled(self) -> bool:
        """Whether staff do not want it any more."""
        return self._why == "cancelled"

    def lost(self) -> bool:
        """Whether another worker has taken the run up."""
        return self._why == "lost"

    def _beat(self, app: Flask) -> None:
        with app.app_context():
            while not self._over.wait(SECONDS) and not self._why:
                try:
                    self._look()
                except SQLAlchemyError as error:
                    # The lease outlasts a database that is away for a while.
                    log.warning("import's progress not written", error=str(error)[:300])
                finally:
                    db.session.remove()

    def _look(self) -> None:
        progress: dict[str, Any] = {"rows_done": self.done}
        if self.total:
            progress["rows_total"] = self.total
        if not leases.say(self.claimed, lease_until=now() + LEASE, **progress):
            self._why = "lost"
            return
        with reading():
            asked = select(ImportRun.cancel_asked).where(ImportRun.id == self.claimed.run_id)
            if db.session.scalar(asked):
                self._why = "cancelled"
            db.session.rollback()
