"""The self-test as a job, whose progress a page watches.

A worker plays it, not the web server: that is what is asked, and one that has a single thread
would wait for itself. Progress and result live in Redis for an hour: losing them costs pressing
the button again.
"""

from dataclasses import dataclass
from typing import Any

from redis import RedisError
from rq import get_current_job
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus

from idp import jobs
from idp.database import db, now
from idp.directory.accounts import Account
from idp.oauth import self_test
from idp.oauth.clients import Client
from idp.oauth.self_test.steps import Result

QUEUE = "default"
KEPT_SECONDS = 3600
# A worker that is there takes the job at once.
PATIENCE_SECONDS = 15
_LONGEST_ID = 64


class QueueAway(Exception):
    """The test could not be queued, since Redis is away. The text says what to do."""


@dataclass(frozen=True)
class Progress:
    """How far a test is. ``state`` is ``waiting``, ``running``, ``finished`` or ``broken``."""

    state: str
    results: list[Result]
    waits_long: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        return self.state in {"finished", "broken"}

    @property
    def passed(self) -> bool:
        """Whether it came to its end, and no step failed."""
        return self.state == "finished" and self_test.passed(self.results)


def start(client: Client, account: Account, asked_by: Account) -> str:
    """Have a worker play the test; gives the name of this run. Raises ``QueueAway``."""
    try:
        job = jobs.queue(QUEUE).enqueue(
            perform,
            client.id,
            account.id,
            asked_by.id,
            result_ttl=KEPT_SECONDS,
            failure_ttl=KEPT_SECONDS,
        )
    except RedisError:
        raise QueueAway(
            "The test cannot be started now: Redis is away. Try again in a minute."
        ) from None
    return str(job.id)


def perform(client_row_id: int, account_id: int, asked_by_id: int) -> None:
    """The job: play the test, and put each result where the page finds it."""
    job = get_current_job()
    client = db.session.get_one(Client, client_row_id)
    account = db.session.get_one(Account, account_id)
    asked_by = db.session.get_one(Account, asked_by_id)
    results: list[dict[str, str]] = []

    def tell(result: Result) -> None:
        results.append(result.as_json())
        if job is not None:
            job.meta["results"] = results
            job.save_meta()  # type: ignore[no-untyped-call]

    self_test.run(client, account, actor=asked_by.who, tell=tell)


def progress(client: Client, run: str) -> Progress | None:
    """How far a run of this client's test is; ``None`` when it is not, or no longer, known."""
    if not run or len(run) > _LONGEST_ID:
        return None
    try:
        queue = jobs.queue(QUEUE)
        job = Job.fetch(run, connection=queue.connection, serializer=queue.serializer)
        status, meta = job.get_status(), job.get_meta()
    except (NoSuchJobError, RedisError):
        return None
    if job.func_name != f"{__name__}.perform" or job.args[0] != client.id:
        return None
    state = {
        JobStatus.STARTED: "running",
        JobStatus.FINISHED: "finished",
        JobStatus.QUEUED: "waiting",
    }.get(status, "broken")
    waited = (now() - job.enqueued_at).total_seconds() if job.enqueued_at else 0.0
    return Progress(
        state=state,
        results=[_result(found) for found in meta.get("results", [])],
        waits_long=state == "waiting" and waited > PATIENCE_SECONDS,
    )


def _result(kept: dict[str, Any]) -> Result:
    return Result(**kept)
