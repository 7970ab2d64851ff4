"""RQ: the connection, the queues, and the worker that runs jobs inside an app context.

Redis holds nothing that cannot be lost (docs/architecture.md, decision 2): a job is a nudge to
look at the database, its payload is JSON and names rows, never secrets.
"""

import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import structlog
from flask import Flask, current_app
from redis import Redis, RedisError
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from idp.database import db
from idp.settings import Settings

log = structlog.get_logger()

JOB_TIMEOUT = 600
KEPT_SECONDS = 60
FAILURES_KEPT_SECONDS = 86_400
# How long a job that was lost is waited for, at the most.
FLAG_SECONDS = 10

# Set when this process's worker was asked to end: a job that takes long gives way then.
ending = threading.Event()


def init_app(app: Flask, settings: Settings) -> None:
    """Give the app its Redis connection; nothing is connected to yet."""
    app.extensions["tessera-redis"] = Redis.from_url(
        settings.redis_address, socket_connect_timeout=2, health_check_interval=30
    )


def connection() -> "Redis":
    """The app's Redis connection."""
    redis: Redis = current_app.extensions["tessera-redis"]
    return redis


def queue(name: str) -> Queue:
    """The queue with this name."""
    return Queue(
        name, connection=connection(), serializer=JSONSerializer, default_timeout=JOB_TIMEOUT
    )


def enqueue(
    queue_name: str, function: Callable[..., Any], *args: Any, timeout: int = JOB_TIMEOUT
) -> bool:
    """Enqueue a job, which may take ``timeout`` seconds; says whether Redis took it.

    When Redis is away the caller's transaction must stand all the same: whoever enqueues leaves
    a trace in the database that a sweep finds later.
    """
    try:
        queue(queue_name).enqueue(
            function,
            *args,
            job_timeout=timeout,
            result_ttl=KEPT_SECONDS,
            failure_ttl=FAILURES_KEPT_SECONDS,
        )
    except RedisError as error:
        log.warning("job not enqueued: Redis is away", job=function.__name__, error=str(error))
        return False
    return True


def wake(queue_name: str, function: Callable[[], Any], *, timeout: int = JOB_TIMEOUT) -> bool:
    """Enqueue a job that names nothing and carries nothing, unless one is waiting; says whether
    one was enqueued.

    A flag in Redis says that one waits, with an end of its own, so that a lost job is not waited
    for. Redis away: logged, and no more; the clock finds what is due.
    """
    try:
        if not connection().set(_flag(function), "1", nx=True, ex=FLAG_SECONDS):
            return False
    except RedisError as error:
        log.warning("nobody woken: Redis is away", job=function.__name__, error=str(error))
        return False
    return enqueue(queue_name, function, timeout=timeout)


def awake(function: Callable[[], Any]) -> None:
    """What a job that ``wake`` enqueued says first, before it claims anything: whoever leaves
    work from now on enqueues the next one."""
    try:
        connection().delete(_flag(function))
    except RedisError as error:
        log.warning("flag not lowered: Redis is away", error=str(error))


def stay_awake(function: Callable[[], Any]) -> None:
    """What a job that ``wake`` enqueued says when it looks again in a moment: until it says
    ``awake`` nobody enqueues another. Redis away: they try, and no more."""
    try:
        connection().set(_flag(function), "1", ex=FLAG_SECONDS)
    except RedisError as error:
        log.warning("flag not raised: Redis is away", error=str(error))


def _flag(function: Callable[[], Any]) -> str:
    return f"tessera:woken:{function.__module__}.{function.__qualname__}"


class AppWorker(SimpleWorker):
    """Runs each job in this process, inside an app context of its own.

    No fork per job: connections to the database and to the far side are kept, and a change is
    on its way within milliseconds. A killed worker costs time only (the ledger's lease).
    """

    def __init__(self, queues: Sequence[Queue], app: Flask, **options: Any) -> None:
        self.app = app
        super().__init__(queues, **options)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT: end after the job at hand, which is told."""
        ending.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def perform_job(self, job: Job, queue: Queue, *args: Any, **kwargs: Any) -> bool:
        """Perform one job with the app at hand."""
        with self.app.app_context():
            try:
                return bool(super().perform_job(job, queue, *args, **kwargs))
            finally:
                db.session.remove()


def worker(app: Flask, queue_names: Sequence[str]) -> AppWorker:
    """A worker for some queues, the first of them first."""
    with app.app_context():
        return AppWorker(
            [queue(name) for name in queue_names],
            app,
            connection=connection(),
            serializer=JSONSerializer,
        )
