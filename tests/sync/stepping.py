"""Workers that go on by one step at a time, and Higher Logic as they see it.

A worker is the real ``pushing.run`` in a thread of its own, which stops wherever another process
could come in between: before it claims, before it renews its leases, while its request is on its
way, and before it writes that the request was accepted. Only one thread runs at any time.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from flask import Flask

from idp.database import db
from sync.delivery import leases, outcomes, pushing
from sync.protocol import exchange, wire
from sync.settings import pace
from tests.chaos.run import stamp

SECONDS = 30.0
PLACES = ((leases, "claim"), (leases, "renew"), (outcomes, "accept"))


class Killed(BaseException):
    """The worker's process is there no more: nothing of it may run."""


class Worker(threading.Thread):
    """``at`` is where it stands, empty when it has ended; ``items`` what it is sending."""

    def __init__(self, app: Flask) -> None:
        super().__init__(daemon=True)
        self.app = app
        self.at = ""
        self.items: list[wire.Item] = []
        self.failed: BaseException | None = None
        self._reply: Any = None
        self._killed = False
        self._go, self._stands = threading.Event(), threading.Event()

    def run(self) -> None:
        """Push, step by step."""
        try:
            with self.app.app_context():
                try:
                    pushing.run()
                finally:
                    db.session.remove()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - raised by ``go``
            self.failed = error
        self.at = ""
        self._stands.set()

    def stop_at(self, place: str) -> Any:
        """Of the worker's own thread: wait for leave to go on; gives what ``go`` was given."""
        if self._killed:
            raise Killed
        self.at = place
        self._stands.set()
        assert self._go.wait(SECONDS)
        self._go.clear()
        if self._killed:
            raise Killed
        return self._reply

    def go(self, reply: Any = None) -> None:
        """Let it go on to the next stop, and wait until it stands there."""
        self._stands.clear()
        self._reply = reply
        if self.ident is None:
            self.start()
        else:
            self._go.set()
        assert self._stands.wait(SECONDS), f"it hangs after {self.at!r}"
        if self.failed is not None:
            raise self.failed

    def kill(self) -> None:
        """End it where it stands; what it holds in the database stays held."""
        self._killed = True
        if self.ident is not None and self.is_alive():
            self._go.set()
            self.join(SECONDS)


class Receiver:
    """What Higher Logic holds, by key; refuses what may never be sent."""

    def __init__(self) -> None:
        self.held: dict[str, wire.Item] = {}
        self.requests = 0

    def take(self, items: Sequence[wire.Item]) -> None:
        """Take some items. Fails for an older edit than it has (Y21), a key twice in a request,
        and a company that it does not know (Y24)."""
        keys = [wire.key_of(item) for item in items]
        assert len(keys) == len(set(keys)), "a key twice in one request"
        assert len(keys) <= pace.BATCH
        for key, item in zip(keys, items, strict=True):
            if key in self.held:
                assert stamp(item) >= stamp(self.held[key]), f"{key}: an older edit over a newer"
            company = item["MemberDetails"]["ParentMemberKey"]
            assert not company or company in self.held or company in keys, f"{key}: {company}"
            self.held[key] = item


class AtOnce:
    """In the place of the thread that a worker sends from: the worker's own."""

    def submit(self, send: Callable[..., Any], *args: Any) -> Future[Any]:
        """Send, and give what is answered already."""
        answer: Future[Any] = Future()
        answer.set_result(send(*args))
        return answer


def install(patch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """Have workers stop, and everybody's pushes go to a receiver."""

    def send(_target: exchange.Target, items: Sequence[wire.Item]) -> wire.Outcome:
        receiver.requests += 1
        worker = threading.current_thread()
        if isinstance(worker, Worker):
            worker.items = list(items)
            outcome: wire.Outcome = worker.stop_at("send")
            worker.items = []
            return outcome
        receiver.take(items)
        return wire.Outcome(wire.Verdict.ACCEPTED, "Accepted.")

    patch.setattr(exchange.Target, "send", send)
    patch.setattr(pushing, "_sender", AtOnce)
    for module, place in PLACES:
        patch.setattr(module, place, _stopping(place, getattr(module, place)))


def _stopping(place: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def stops(*args: Any, **kwargs: Any) -> Any:
        worker = threading.current_thread()
        if isinstance(worker, Worker):
            worker.stop_at(place)
        return function(*args, **kwargs)

    return stops
