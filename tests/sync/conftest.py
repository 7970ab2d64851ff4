"""A real sandbox tenant as a process, a connection to it, and what the tests ask of both."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from redis import Redis
from sqlalchemy import Engine, event, select, update

from idp.database import db, now
from idp.directory import accounts
from idp.directory.contacts import Contact, Person
from idp.jobs import queue
from sync import connection, jobs, lanes, ledger
from sync.delivery import pushing
from tests import factories
from tests.serving import free_port

API_KEY = "the-api-key-of-the-tests"
TENANT = "ACME"
ROOT = Path(__file__).parents[2]


@dataclass
class Tenant:
    """Higher Logic's side, as its control API shows it."""

    base: str

    def control(self, path: str = "") -> Any:
        answer = requests.get(f"{self.base}/control{path}", timeout=10)
        assert answer.status_code in {200, 404}, answer.text
        return answer.json() if answer.status_code == 200 else None

    def make(self, **changes: Any) -> None:
        answer = requests.patch(f"{self.base}/control", json=changes, timeout=10)
        assert answer.status_code == 200, answer.text

    def settle(self) -> None:
        until(lambda: self.control("/state")["contacts_pending_refresh"] == 0)

    def keys(self) -> set[str]:
        self.settle()
        return set(self.control("/contacts"))

    def contact(self, key: str) -> Any:
        self.settle()
        return self.control(f"/contacts/{key}")

    def details(self, key: str) -> Any:
        return self.contact(key)["MemberDetails"]

    def members(self, group_key: str) -> set[str]:
        self.settle()
        found = self.control(f"/groups/{group_key}")
        return set(found["members"]) if found else set()

    def pushes(self) -> list[dict[str, Any]]:
        """Every request so far, the oldest first."""
        return list(reversed(self.control("/requests?limit=1000")))


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Tenant]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tessera-sandbox-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox"],
            cwd=ROOT,
            env={
                **os.environ,
                "SANDBOX_PORT": str(port),
                "SANDBOX_DATA_DIR": folder,
                "SANDBOX_TENANT_CODE": TENANT,
                "SANDBOX_API_KEY": API_KEY,
            },
            stdout=subprocess.DEVNULL,
        )
        tenant = Tenant(f"http://127.0.0.1:{port}")
        try:
            until(lambda: answers(tenant.base), 20)
            yield tenant
        finally:
            process.terminate()
            process.wait(10)


def answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/control/state", timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture(autouse=True)
def empty_redis(redis_server: str) -> None:
    with Redis.from_url(redis_server) as redis:
        redis.flushall()


@pytest.fixture
def unused(sandbox: Tenant) -> Tenant:
    """The tenant, empty and well, and nobody connected to it."""
    answer = requests.post(f"{sandbox.base}/control/reset", timeout=10)
    assert answer.ok
    return sandbox


@pytest.fixture
def tenant(app: Flask, unused: Tenant) -> Tenant:
    """The tenant, empty and well, and the app connected to it."""
    connection.change(base_url=unused.base, tenant_code=TENANT, api_key=API_KEY)
    db.session.commit()
    return unused


def push() -> pushing.Totals:
    """What a worker does when it is woken."""
    totals = pushing.run()
    db.session.rollback()
    return totals


def push_until_done(seconds: float = 15) -> None:
    """Push until nothing is pending any more, through pauses, as clock and worker do."""
    deadline = time.monotonic() + seconds
    while rows(ledger.table.c.wanted > ledger.table.c.accepted):
        assert time.monotonic() < deadline, "still pending"
        push()
        time.sleep(0.05)


def rows(*conditions: Any) -> list[Any]:
    """Rows of the ledger."""
    found = db.session.execute(
        select(ledger.table, Contact.key)
        .join(Contact, Contact.id == ledger.table.c.contact_id)
        .where(*conditions)
        .order_by(ledger.table.c.contact_id)
    ).all()
    db.session.rollback()
    return list(found)


def row(contact: Contact) -> Any:
    """A contact's row of the ledger."""
    found = rows(ledger.table.c.contact_id == contact.id)
    return found[0] if found else None


def due_now() -> None:
    """Time passes: what waits for its next try, or for a lease to run out, is due."""
    db.session.execute(update(ledger.table).values(next_try_at=now(), lease_until=None))
    db.session.execute(update(connection.HigherLogicConnection).values(paused_until=None))
    db.session.commit()


def synced(**values: Any) -> Any:
    """A security group of the current members, its sync on."""
    return factories.group(**{"type": "security", "sync": True, **values})


def member(**values: Any) -> Any:
    """A person with an account."""
    return factories.person(**{"account": True, **values})


def members(number: int, **values: Any) -> list[Any]:
    """People with accounts, made in one transaction."""
    start = next(factories._numbers) * 1000
    people = [
        Person(
            **{
                "first_name": "Ada",
                "last_name": f"Byron{start + index}",
                "email": f"ada{start + index}@example.org",
                "member_status": "Current",
                **values,
            }
        )
        for index in range(number)
    ]
    db.session.add_all(people)
    db.session.flush()
    for person in people:
        accounts.create(person)
    db.session.commit()
    return people


def waiting_jobs(*lane: int) -> int:
    return sum(len(queue(jobs.QUEUES[one])) for one in lane or lanes.LANES)


class Statements:
    """Counts the SQL statements of a block."""

    def __enter__(self) -> "Statements":
        self.seen: list[str] = []
        event.listen(Engine, "before_cursor_execute", self._see)
        return self

    def _see(self, _c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            self.seen.append(statement)

    def __exit__(self, *_: Any) -> None:
        event.remove(Engine, "before_cursor_execute", self._see)

    @property
    def number(self) -> int:
        return len(self.seen)
