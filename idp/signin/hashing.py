"""Argon2id, a few hashes at a time: the one thing here that is meant to cost a processor.

At most two run at a time for each core of the machine, over all processes of its web server.
Who comes meanwhile waits in a line that is bounded in number and in time: sign-ins, or somebody
who guesses, can take neither all threads of a process nor its memory, and every other page is
served as ever. Who finds the line full is told to come again (``HashingBusy``, a 503).
"""

import base64
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
import structlog
from flask import Flask, current_app, has_request_context

from idp.database import db
from idp.settings import Settings

log = structlog.get_logger()

# What OWASP's password storage cheat sheet asks for: 19 MiB, two passes, one thread, so that a
# hash is one core's work. What that costs here: `make bench-hash`, docs/operations.md.
hasher = argon2.PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)

HASHES_PER_CORE = 2
# Who waits longer than this many seconds is told to come again after as many.
PATIENCE = 3.0
RETRY_AFTER = 3
_EXTENSION = "tessera-hashing-line"


class HashingBusy(RuntimeError):
    """Too many sign in at this moment. ``retry_after`` is in seconds (RFC 9110, 10.2.3)."""

    retry_after = RETRY_AFTER

    def __init__(self) -> None:
        super().__init__("Many people are signing in at this moment. Try again in a few seconds.")


class Line:
    """``at_once`` hash, ``waiting`` wait for up to ``patience`` seconds, nobody else gets in."""

    def __init__(self, at_once: int, waiting: int, patience: float = PATIENCE) -> None:
        self.at_once, self.waiting, self.patience = at_once, waiting, patience
        self._places = threading.BoundedSemaphore(at_once)
        self._inside = threading.BoundedSemaphore(at_once + waiting)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places. Raises ``HashingBusy``."""
        if not self._inside.acquire(blocking=False):
            raise HashingBusy
        try:
            if not self._places.acquire(timeout=self.patience):
                raise HashingBusy
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._inside.release()


def line_for(cores: int, processes: int, threads: int) -> Line:
    """The line of one web process of ``processes``, each with ``threads`` request threads.

    A quarter of the threads stays out of it, whatever happens in it.
    """
    inside = max(1, threads - max(1, threads // 4))
    # With many cores the threads are the bound; a third of the line stays a line.
    at_once = min(max(1, HASHES_PER_CORE * cores // processes), max(1, inside * 2 // 3))
    return Line(at_once, inside - at_once)


def init_app(app: Flask, settings: Settings) -> None:
    """Give the app its line."""
    app.extensions[_EXTENSION] = line_for(_cores(), settings.web_workers, settings.web_threads)


def make(password: str) -> str:
    """The hash of a password. Raises ``HashingBusy``."""
    with _place():
        return hasher.hash(password)


def verify(known: str | None, password: str) -> tuple[bool, str | None]:
    """Whether ``known`` is the password's hash and, if it was made at another cost, a new one.

    Costs a hash also when none is known (S24). Raises ``HashingBusy``.
    """
    with _place():
        try:
            hasher.verify(known or _nobodys_hash(), password)
        except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
            return False, None
        if known is None:
            return False, None
        return True, hasher.hash(password) if hasher.check_needs_rehash(known) else None


@contextmanager
def _place() -> Iterator[None]:
    # A request that holds a transaction here would, on SQLite, hold every other writer as well.
    if has_request_context() and db.session().in_transaction():
        raise RuntimeError("a transaction is open while a password is hashed")
    line: Line = current_app.extensions[_EXTENSION]
    try:
        with line.place():
            yield
    except HashingBusy:
        log.warning("hashing line is full", at_once=line.at_once, waiting=line.waiting)
        raise


def _nobodys_hash() -> str:
    """A well-formed hash at the present cost that no password has, made without hashing."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode("ascii").rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def _cores() -> int:
    # The cores that we may use, where the system says so.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
