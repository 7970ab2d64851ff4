"""The clock: looks every so often whether something is due that nobody woke.

Jobs are woken by Redis, which may be away or flushed, and by workers, which may be killed; what
the database says is due is found here. Not RQ's own cron: that enqueues whether or not there is
work, with another serializer than our workers', and ends when Redis is away.
"""

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import structlog
from flask import Flask
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from idp.database import db

log = structlog.get_logger()


@dataclass(frozen=True)
class Tick:
    """``look`` is called every so many ``seconds``, in an app context of its own."""

    name: str
    seconds: float
    look: Callable[[], object]


def run(app: Flask, ticks: Sequence[Tick], stop: threading.Event | None = None) -> None:
    """Tick until SIGTERM, SIGINT or ``stop``, each in a thread: a slow look delays no other.

    A database or a Redis that is away ends nothing. Any other failure ends the clock, and is
    raised: whoever started it starts it again. Several clocks at once do no harm.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    log.info("clock started", ticks=[tick.name for tick in ticks])
    with ThreadPoolExecutor(len(ticks), thread_name_prefix="clock") as pool:
        beats = [pool.submit(_beat, app, tick, stop) for tick in ticks]
        for _ in as_completed(beats):
            stop.set()
    for beat in beats:
        beat.result()
    log.info("clock ended")


def _beat(app: Flask, tick: Tick, stop: threading.Event) -> None:
    while not stop.is_set():
        with app.app_context():
            try:
                tick.look()
            except (SQLAlchemyError, RedisError) as error:
                log.warning("clock could not look", tick=tick.name, error=str(error)[:500])
            finally:
                db.session.remove()
        stop.wait(tick.seconds)
