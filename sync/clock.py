"""The clock: sees every other second whether something is due, and wakes the sync.

It finds what nobody woke: changes made while Redis was away, leases of killed workers, records
whose next try has come. Not RQ's own cron: that enqueues whether or not there is work, with
another serializer than our workers', and ends when Redis is away.
"""

import signal
import threading

import structlog
from flask import Flask
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from idp.database import db, reading
from sync import gate, jobs, leases

log = structlog.get_logger()

INTERVAL = 2.0


def run(app: Flask, stop: threading.Event | None = None, interval: float = INTERVAL) -> None:
    """Tick every ``interval`` seconds until SIGTERM, SIGINT or ``stop``.

    A database or a Redis that is away does not end it. Several clocks at once do no harm.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    log.info("clock started")
    while not stop.is_set():
        with app.app_context():
            tick()
        stop.wait(interval)
    log.info("clock ended")


def tick() -> bool:
    """Wake the sync if something is due; says whether it was."""
    try:
        if freed := leases.free_the_dead():
            log.warning("a worker died; its contacts are free again", contacts=freed)
        with reading():
            if not gate.is_open() or not leases.any_due():
                return False
        return jobs.wake()
    except (SQLAlchemyError, RedisError) as error:
        log.warning("clock could not look", error=str(error)[:500])
        return False
    finally:
        db.session.remove()
