"""The clock goes on through what is away, ends with what is broken, and no look delays another."""

import threading

import pytest
from flask import Flask
from redis import RedisError
from sqlalchemy.exc import OperationalError

from idp import clock
from idp.clock import Tick


class Looks:
    """Counts the looks, and lets one be waited for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen = threading.Semaphore(0)

    def __call__(self) -> None:
        self.seen.release()
        if self.error is not None:
            raise self.error

    def wait(self, number: int = 1) -> None:
        for _ in range(number):
            assert self.seen.acquire(timeout=10)


@pytest.fixture
def app() -> Flask:
    """A clock needs no database of its own."""
    from idp.database import db

    made = Flask("clock")
    made.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(made)
    return made


def start(app: Flask, *ticks: Tick) -> tuple[threading.Event, threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=clock.run, args=(app, ticks, stop))
    thread.start()
    return stop, thread


def end(stop: threading.Event, thread: threading.Thread) -> None:
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "error", [OperationalError("SELECT", {}, Exception("away")), RedisError("away")]
)
def test_it_outlives_a_database_and_a_redis_that_are_away(app: Flask, error: Exception) -> None:
    look = Looks(error)
    stop, thread = start(app, Tick("one", 0.01, look))
    look.wait(3)
    end(stop, thread)


def test_a_slow_look_delays_no_other(app: Flask) -> None:
    let_go = threading.Event()
    quick = Looks()
    stop, thread = start(app, Tick("slow", 0.01, lambda: let_go.wait(30)), Tick("q", 0.01, quick))
    quick.wait(5)
    let_go.set()
    end(stop, thread)


def test_it_ends_at_once_however_long_the_pauses_are(app: Flask) -> None:
    look = Looks()
    stop, thread = start(app, Tick("hourly", 3600, look))
    look.wait()
    end(stop, thread)


def test_a_defect_ends_all_of_it_and_is_told(app: Flask) -> None:
    other = Looks()

    def broken() -> None:
        other.wait()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        clock.run(app, [Tick("broken", 0.01, broken), Tick("hourly", 3600, other)])
