"""The two processes that work in the background, put together from what each package brings."""

import contextlib
import gc
from collections.abc import Sequence

import structlog
from flask import Flask
from redis import RedisError
from rq.exceptions import StopRequested

import sync.clock
import sync.reconcile
import sync.tidy
from idp import clock, jobs
from idp.audit import retention
from idp.clock import Tick
from idp.directory import membership
from idp.directory.import_runs import tidy as import_tidy
from idp.directory.import_runs import work as import_work
from idp.oauth import backchannel, key_schedule, tidy
from sync.removals import verdicts
from sync.sent import activity
from sync.standing import alerts

log = structlog.get_logger()

# Somebody waits for a mail, and whoever signed out is to be out everywhere; after that live changes
# come first, and what is many comes last.
QUEUES = ("mail", backchannel.QUEUE, "live", "default", "bulk")
# An import takes minutes, and a worker does one thing at a time: imports have workers of their own.
IMPORT_QUEUES = (import_work.QUEUE,)
TICKS = (
    Tick("sync", 2.0, sync.clock.tick),
    Tick("day", 60.0, membership.turn_of_day),
    Tick("logout", 2.0, backchannel.tick),
    Tick("imports", 2.0, import_work.tick),
    Tick("keys", 600.0, key_schedule.tick),
    Tick("tidy", 600.0, tidy.tick),
    Tick("tidy imports", 600.0, import_tidy.tick),
    Tick("alerts", 30.0, alerts.tick),
    Tick("tidy minutes", 3600.0, activity.tidy),
    Tick("tidy alerts", 3600.0, alerts.tidy),
    Tick("tidy held removals", 60.0, verdicts.tidy),
    Tick("reconcile", 5.0, sync.reconcile.tick),
    Tick("tidy history", 600.0, sync.tidy.tick),
    Tick("tidy audit", 3600.0, retention.tick),
)
# How long a Redis that is back may go unnoticed.
REDIS_SECONDS = 2.0


def run_worker(app: Flask, queues: Sequence[str] = QUEUES) -> None:
    """Work off the queues until SIGTERM or SIGINT; a Redis that is away is waited for."""
    # What is loaded by now stays: looked through again and again for garbage, it would take a
    # fifth of the time of a first sync, whose records are many small objects.
    gc.collect()
    gc.freeze()
    # Whoever ends it may do so while it waits here; rq's own handler raises then.
    with contextlib.suppress(StopRequested):
        while not jobs.ending.is_set():
            try:
                # To make one asks Redis too, which may be away from the start.
                worker = jobs.worker(app, queues)
                worker.max_connection_wait_time = REDIS_SECONDS
                worker.work(logging_level="WARNING")
            except RedisError as error:
                log.warning("worker waits: Redis is away", error=str(error))
                # Away when it ends, too: a worker that was asked to end cannot say goodbye to it.
                jobs.ending.wait(REDIS_SECONDS)
            else:
                return


def run_import_worker(app: Flask) -> None:
    """Work off the imports until SIGTERM or SIGINT."""
    run_worker(app, IMPORT_QUEUES)


def run_clock(app: Flask) -> None:
    """Run the clock until SIGTERM or SIGINT."""
    clock.run(app, TICKS)
