"""Hashing takes its turn: a few at a time, a short line, and everybody else is served."""

import importlib.util
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from idp import audit
from idp.audit import AuditEvent
from idp.database import db
from idp.directory.accounts import Account
from idp.signin import hashing, passwords, recovery
from idp.signin.hashing import HashingBusy, Line, line_for
from tests import browsing, factories
from tests.directory.test_turns import side_by_side

AT_ONCE, WAITING = 2, 2
NEW = "another long password"


class SlowHasher:
    """A hasher that, when it is held, stays at its work until it is let go; ``arrived`` counts
    who got to it."""

    def __init__(self, real: argon2.PasswordHasher) -> None:
        self.real = real
        self.let_go = threading.Event()
        self.let_go.set()
        self.arrived = threading.Semaphore(0)
        self.verified: list[str] = []

    def verify(self, known: str, password: str) -> bool:
        self.verified.append(known)
        self.arrived.release()
        assert self.let_go.wait(30)
        return self.real.verify(known, password)

    def hash(self, password: str) -> str:
        self.arrived.release()
        assert self.let_go.wait(30)
        return self.real.hash(password)

    def hold(self) -> None:
        self.let_go.clear()
        while self.arrived.acquire(blocking=False):
            pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.fixture
def line(app: Flask) -> Line:
    """Two hash, two wait."""
    made = app.extensions["tessera-hashing-line"] = Line(AT_ONCE, WAITING, patience=20)
    return made


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as made:
        yield made


@pytest.fixture
def slow(
    app: Flask, line: Line, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SlowHasher]:
    """Hashing takes until the test lets go of it."""
    made = SlowHasher(hashing.hasher)
    monkeypatch.setattr(hashing, "hasher", made)
    yield made
    made.let_go.set()


def page_open(app: Flask, path: str = "/sign-in", client: FlaskClient | None = None) -> Any:
    """A browser with a form open: what sends it, from any thread."""
    client = client or app.test_client()
    token = browsing.csrf_token(client.get(path).text)

    def send(**fields: str) -> TestResponse:
        with app.app_context():
            return client.post(path, data={"csrf_token": token, **fields})

    return send


def wait_for(slow: SlowHasher, number: int) -> None:
    for _ in range(number):
        assert slow.arrived.acquire(timeout=20)


def wait_until_inside(line: Line, number: int) -> None:
    """Wait until so many are in the line."""
    tick = threading.Event()
    for _ in range(2000):
        if line.at_once + line.waiting - line._inside._value == number:
            return
        tick.wait(0.01)
    raise AssertionError("they did not come")


@pytest.fixture
def real_hashing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is when no test has made it cheap."""
    assert hashing.__spec__ is not None
    assert hashing.__spec__.loader is not None
    fresh = importlib.util.module_from_spec(hashing.__spec__)
    hashing.__spec__.loader.exec_module(fresh)
    return fresh


def test_passwords_are_hashed_at_the_cost_that_owasp_asks_for(real_hashing: ModuleType) -> None:
    made = real_hashing.hasher.hash("x")
    assert made.startswith("$argon2id$v=19$")
    cost = argon2.extract_parameters(made)
    assert cost.memory_cost >= 19 * 1024
    assert cost.time_cost >= 2
    assert cost.parallelism == 1, "a hash is one core's work"


@pytest.mark.compliance("S24")
def test_nobodys_hash_costs_what_everybodys_does(real_hashing: ModuleType) -> None:
    nobodys = real_hashing._nobodys_hash()
    assert argon2.extract_parameters(nobodys) == argon2.extract_parameters(
        real_hashing.hasher.hash("x")
    )
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        real_hashing.hasher.verify(nobodys, "x")


@pytest.mark.compliance("S24")
@pytest.mark.parametrize("address", ["here@example.org", "invited@example.org", "no@example.org"])
def test_every_refusal_costs_one_hash(
    app: Flask, slow: SlowHasher, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.account(email="here@example.org")
    factories.account(email="invited@example.org", password=None)
    slow.verified.clear()
    assert browsing.sign_in(app.test_client(), address, "wrong password").status_code == 401
    assert len(slow.verified) == 1
    assert argon2.extract_parameters(slow.verified[0]) == argon2.extract_parameters(
        slow.real.hash("x")
    )


@pytest.mark.parametrize(
    ("cores", "processes", "threads", "at_once", "waiting"),
    [
        (2, 2, 8, 2, 4),
        (4, 2, 8, 4, 2),
        (1, 4, 8, 1, 5),
        (64, 2, 8, 4, 2),  # the threads are the bound
        (64, 16, 32, 8, 16),
        (2, 1, 2, 1, 0),
        (2, 1, 1, 1, 0),
    ],
)
def test_a_line_fits_the_cores_and_leaves_threads_for_others(
    cores: int, processes: int, threads: int, at_once: int, waiting: int
) -> None:
    made = line_for(cores, processes, threads)
    assert (made.at_once, made.waiting) == (at_once, waiting)
    assert made.at_once * processes <= max(2 * cores, processes)
    assert made.at_once + made.waiting < threads or threads == 1


def test_others_are_served_while_passwords_are_hashed(
    app: Flask, slow: SlowHasher, line: Line, pool: ThreadPoolExecutor
) -> None:
    """Two hash, two wait, the fifth is told to come again; pages that read and pages that write
    are served all the while."""
    emails = [factories.account().person.email for _ in range(5)]
    other = page_open(app, "/forgot")
    sends = [page_open(app) for _ in emails]
    slow.hold()
    signing_in: list[Future[TestResponse]] = []
    for email, send in zip(emails[:4], sends, strict=False):
        signing_in.append(pool.submit(send, email=email, password=factories.PASSWORD))
    wait_for(slow, AT_ONCE)
    wait_until_inside(line, 4)
    assert not slow.arrived.acquire(timeout=0.2), "the third hashes beside the two"

    assert app.test_client().get("/sign-in").status_code == 200
    # On SQLite this needs the one writer's place: whoever hashes or waits does not hold it.
    assert pool.submit(other, email="somebody@example.org").result(20).status_code == 200

    busy = sends[4](email=emails[4], password=factories.PASSWORD)
    assert busy.status_code == 503
    assert busy.headers["Retry-After"] == "3"
    assert "Many people are signing in at this moment" in busy.text
    assert emails[4] in busy.text, "the form is kept"
    assert factories.PASSWORD not in busy.text

    slow.let_go.set()
    assert [one.result(20).status_code for one in signing_in] == [303] * 4
    assert sends[4](email=emails[4], password=factories.PASSWORD).status_code == 303
    refused = select(func.count()).where(AuditEvent.name == audit.Event.SIGN_IN_REFUSED)
    assert db.session.scalar(refused) == 0


def test_who_waited_too_long_is_told_to_come_again() -> None:
    line = Line(1, 1, patience=0.05)
    with line.place(), pytest.raises(HashingBusy), line.place():
        raise AssertionError("two at once")
    with line.place():
        pass


def test_a_full_line_costs_nobody_a_try(app: Flask) -> None:
    factories.account(email="a@example.org")
    full = app.extensions["tessera-hashing-line"] = Line(1, 0)
    client = app.test_client()
    with full.place():
        for _ in range(11):
            assert browsing.sign_in(client, "a@example.org", "wrong").status_code == 503
    assert browsing.sign_in(client, "a@example.org").status_code == 303


def test_a_new_password_is_asked_to_come_again_too(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    path = f"/set-password/{recovery.make_token(account)}"
    change = page_open(app, "/security", client)
    choose = page_open(app, path)
    full = app.extensions["tessera-hashing-line"] = Line(1, 0)
    with full.place():
        for answer in (
            change(current=factories.PASSWORD, password=NEW, again=NEW),
            choose(password=NEW, again=NEW),
        ):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "3"
            assert NEW not in answer.text
    assert passwords.verify(db.session.get(Account, account.id), factories.PASSWORD)
    db.session.rollback()
    assert choose(password=NEW, again=NEW).status_code == 303


def test_a_password_that_was_replaced_meanwhile_signs_nobody_in(
    app: Flask, slow: SlowHasher, pool: ThreadPoolExecutor
) -> None:
    account = factories.account(email="a@example.org")
    send = page_open(app)
    slow.hold()
    answer = pool.submit(send, email="a@example.org", password=factories.PASSWORD)
    wait_for(slow, 1)
    passwords.take(account, slow.real.hash(NEW))
    db.session.commit()
    slow.let_go.set()
    assert answer.result(20).status_code == 401


def test_a_session_that_ended_meanwhile_changes_no_password(
    app: Flask, slow: SlowHasher, pool: ThreadPoolExecutor
) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    change = page_open(app, "/security", client)
    slow.hold()
    answer = pool.submit(change, current=factories.PASSWORD, password=NEW, again=NEW)
    wait_for(slow, 1)
    account.end_everything()
    db.session.commit()
    before = account.password_hash
    db.session.rollback()
    slow.let_go.set()
    assert answer.result(20).location.startswith("/sign-in")
    assert db.session.get(Account, account.id, populate_existing=True).password_hash == before


def test_a_link_that_was_used_meanwhile_is_over(
    app: Flask, slow: SlowHasher, pool: ThreadPoolExecutor
) -> None:
    account = factories.account(email="a@example.org")
    choose = page_open(app, f"/set-password/{recovery.make_token(account)}")
    slow.hold()
    answer = pool.submit(choose, password=NEW, again=NEW)
    wait_for(slow, 1)
    passwords.take(account, "used by another")
    db.session.commit()
    slow.let_go.set()
    assert answer.result(20).status_code == 410


@pytest.mark.parametrize("page", ["/security", "/set-password"])
def test_of_two_who_change_a_password_at_once_the_second_is_too_late(app: Flask, page: str) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    path = page if page == "/security" else f"{page}/{recovery.make_token(account)}"
    change = page_open(app, path, client)
    answers: list[TestResponse] = []

    account_id = account.id

    def choose_first() -> None:
        passwords.take(db.session.get_one(Account, account_id), "the first one's")

    def choose() -> None:
        answers.append(change(current=factories.PASSWORD, password=NEW, again=NEW))

    side_by_side(app, choose_first, choose)
    assert answers[0].status_code == (303 if page == "/security" else 410)
    assert answers[0].headers.get("Location", "/sign-in").startswith("/sign-in")
    assert account.password_hash == "the first one's"


def test_everything_ends_also_what_began_at_the_same_moment(app: Flask) -> None:
    account = factories.account()
    begun = account.epoch

    def end() -> None:
        db.session.get_one(Account, account_id).end_everything()

    account_id = account.id
    side_by_side(app, end, end)
    assert account.epoch == begun + 2


def test_a_request_never_hashes_within_a_transaction(app: Flask) -> None:
    with app.test_request_context("/sign-in", method="POST"):
        db.session.scalar(select(func.count()).select_from(Account))
        with pytest.raises(RuntimeError, match="transaction"):
            hashing.make("a long password")
        db.session.rollback()
        assert hashing.make("a long password")


def test_a_hash_of_another_cost_is_made_anew_at_sign_in(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    account.password_hash = argon2.PasswordHasher(time_cost=2, memory_cost=128, parallelism=2).hash(
        factories.PASSWORD
    )
    db.session.commit()
    assert browsing.sign_in(app.test_client(), "a@example.org").status_code == 303
    kept = argon2.extract_parameters(db.session.get(Account, account.id).password_hash)
    assert kept.memory_cost == hashing.hasher.memory_cost
