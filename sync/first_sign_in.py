"""The push before a sign-in: a new member is never unknown at Higher Logic.

Higher Logic lets nobody in whose key it does not know. So when a code is about to be issued there
for a person whose record it has not accepted yet, that is pushed first, and before it their
company's where that waits too. Somebody eligible who is in no synced group comes into the feed by
this, in no group, as long as any group's sync is on.

The push is a thread's of its own, with the sync's leases, gate and pace. The sign-in waits for it
for ``SECONDS`` at most, in no transaction, and then goes on and says so in the audit. A push that
takes longer than a member likes to wait is no outage: its answer is written when it comes.

Where nothing waits it costs one small read.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from flask import Flask, current_app
from sqlalchemy import and_, bindparam, exists, or_, select

from idp import audit, database, prepared
from idp.database import db, now, reading
from idp.directory.groups import Group
from idp.prepared import Prepared
from idp.signin.sessions import SignedIn
from sync import connection, ledger, noting, scope
from sync.connection import HigherLogicConnection
from sync.delivery import gate, pushing

log = structlog.get_logger()

SECONDS = 1.5
# Nobody is pushed again for so long, however often they come back.
AGAIN = 10.0
# How often to look whether another worker, who has the lease, is done.
LOOK = 0.05
_MOST_REMEMBERED = 10_000
_EXTENSION = "tessera-first-sign-in"


def _waiting() -> Prepared:
    person, row = scope.contacts("arriving"), ledger.table.alias("own_row")
    link, group = HigherLogicConnection.__table__.c, Group.__table__.c
    connected = exists().where(link.id == 1, link.tenant_code != "", link.api_key != "")
    pending = and_(row.c.wanted > row.c.accepted, row.c.refused != row.c.wanted)
    # Without a synced group the association has not begun: nothing is sent (Y11).
    unknown = and_(row.c.contact_id.is_(None), exists().where(group.sync))
    return Prepared(
        select(person.c.company_id, row.c.wanted)
        .select_from(person)
        .outerjoin(row, row.c.contact_id == person.c.id)
        .where(
            person.c.id == bindparam("person_id"),
            or_(pending, unknown),
            scope.eligible(person),
            connected,
        )
    )


_WAITING = _waiting()


def push_first(sign_in: SignedIn, client_id: str) -> None:
    """Have the record of who is about to arrive at Higher Logic pushed, if it waits for that."""
    found = _WAITING.row(person_id=sign_in.person_id)
    if found is None:
        return
    desk = _desk()
    if not desk.may_try(sign_in.person_id):
        return
    # What was read so far: nothing of it is held while Higher Logic is waited for.
    db.session.rollback()
    prepared.release()
    arrival = _Arrival(sign_in.person_id, found.company_id, found.wanted)
    problem = desk.push(arrival)
    if not problem:
        log.info("pushed before the sign-in", contact=sign_in.subject)
        return
    log.warning("not pushed before the sign-in", contact=sign_in.subject, reason=problem)
    database.start_writing()
    audit.record(audit.Event.NOT_PUSHED_FIRST, sign_in.subject, client=client_id, reason=problem)
    db.session.commit()


class _Arrival:
    """A person who is about to arrive, and the version of their record that waits.

    ``version`` is ``None`` for who has no row in the ledger yet.
    """

    def __init__(self, person_id: int, company_id: int | None, version: int | None) -> None:
        self.person_id = person_id
        self.company_id = company_id
        self.version = version or 1
        self.unknown = version is None
        self.until = time.monotonic() + SECONDS

    @property
    def ids(self) -> list[int]:
        return [one for one in (self.company_id, self.person_id) if one is not None]

    def push(self) -> str:
        """Push until the record is accepted; a sentence says why it is not."""
        if self.unknown:
            noting.begin(self.ids)
            db.session.commit()
        while True:
            totals = pushing.run(among=self.ids)
            problem, another_has_it = self._standing(totals.ended_by)
            # The company may have needed no push: then the person is due now.
            settled = totals.accepted + totals.unchanged + totals.left_out
            goes_on = problem and (another_has_it or settled)
            if not goes_on or time.monotonic() >= self.until:
                return problem
            time.sleep(LOOK)

    def _standing(self, ended_by: str) -> tuple[str, bool]:
        """Why the record is not accepted, and whether that may be over in a moment."""
        with reading():
            row = ledger.table.c
            found = {
                one.contact_id: one
                for one in db.session.execute(
                    select(ledger.table).where(row.contact_id.in_(self.ids))
                )
            }
            standing = connection.get()
            closed = "" if gate.is_open() else standing.stopped_reason or standing.paused_reason
            db.session.rollback()
        own = found.get(self.person_id)
        if own is None:
            return "Higher Logic is not to be told of this member any more.", False
        if own.accepted >= self.version:
            return "", False
        if own.refused >= self.version:
            return own.last_error, False
        moment = now()
        if any(one.lease_until is not None and one.lease_until > moment for one in found.values()):
            return "Another worker is pushing this record.", True
        return ended_by or closed or own.last_error or "It waits for its next try.", False


class _Desk:
    """Where one process's arrivals are pushed: few at a time, and nobody again and again."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        # At most every second thread that serves waits here.
        self._most = max(1, app.config["TESSERA"].web_threads // 2)
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="first-sign-in")
        self._lock = threading.Lock()
        self._at_work = 0
        self._tried: dict[int, float] = {}

    def may_try(self, person_id: int) -> bool:
        """Whether the last try for a person is a while ago; from now on it is not."""
        moment = time.monotonic()
        with self._lock:
            if moment - self._tried.get(person_id, -AGAIN) < AGAIN:
                return False
            if len(self._tried) >= _MOST_REMEMBERED:
                self._tried = {
                    one: tried for one, tried in self._tried.items() if moment - tried < AGAIN
                }
            self._tried[person_id] = moment
            return True

    def push(self, arrival: _Arrival) -> str:
        """Push, and wait for it as long as a sign-in may; a sentence says what is wrong."""
        with self._lock:
            if self._at_work >= self._most:
                return "Too many members were signing in for the first time at once."
            self._at_work += 1
        try:
            running: Future[str] = self._threads.submit(self._push, arrival)
        except RuntimeError:  # no thread begins in a process that is ending
            with self._lock:
                self._at_work -= 1
            return "The server was about to end."
        try:
            return running.result(timeout=SECONDS)
        except TimeoutError:
            return f"Higher Logic did not answer within {SECONDS:g} seconds."

    def _push(self, arrival: _Arrival) -> str:
        try:
            with self._app.app_context():
                return arrival.push()
        except Exception:
            # The sign-in goes on whatever happens here, and says so.
            log.exception("a push before a sign-in failed")
            return "It could not be pushed: the log says why."
        finally:
            with self._lock:
                self._at_work -= 1


def _desk() -> _Desk:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    desk: _Desk = app.extensions[_EXTENSION]
    return desk


def init_app(app: Flask) -> None:
    """Give an app its desk; it has no thread until somebody arrives."""
    app.extensions[_EXTENSION] = _Desk(app)
