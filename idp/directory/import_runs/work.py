"""The worker's part: check or import the file of a run that waits.

A job is a nudge (docs/architecture.md, decision 2): it names nothing, and one that is lost or run
twice changes nothing. What a killed worker leaves is taken up again from the start of the file:
what is there already is left as it is.
"""

import itertools
import secrets
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, insert
from sqlalchemy.exc import OperationalError

from idp import audit, jobs
from idp.database import db, now
from idp.directory import accounts, importing
from idp.directory.import_runs import files, leases
from idp.directory.import_runs.choosing import Choices
from idp.directory.import_runs.leases import Claim
from idp.directory.import_runs.runs import MESSAGE_LENGTH, ImportRefusal, ImportRun, State
from idp.directory.import_runs.tally import Tally, counts
from idp.directory.import_runs.watch import Stopped, Watch
from idp.directory.importing import GuardTripped, Losses, Report

log = structlog.get_logger()

QUEUE = "import"
# Nobody stops an import by the clock: it is watched, and can be cancelled.
LONGEST = 24 * 3600
MOST_KEPT = 10_000
_AT_ONCE = 500
_FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None, "cancel_asked": False}


def wake() -> bool:
    """Enqueue the job, unless one waits; says whether one was enqueued."""
    return jobs.wake(QUEUE, work, timeout=LONGEST)


def tick() -> bool:
    """The clock's part: see whether a run waits that nobody works on; says whether one did."""
    if freed := leases.free_the_dead():
        log.warning("a worker died; its import is taken up again", imports=freed)
    return leases.any_due() and wake()


def work() -> None:
    """The job: check or import the run that waits longest."""
    jobs.awake(work)
    claimed = leases.claim()
    if claimed is not None:
        _perform(claimed)
    if not jobs.ending.is_set() and leases.any_due():
        wake()


def _perform(claimed: Claim) -> None:
    run = db.session.get_one(ImportRun, claimed.run_id)
    watch, tally = Watch(claimed), Tally(claimed, run.written)
    try:
        with audit.acting_for(_asked_by(run)), files.at_hand(run) as path, watch:
            report = _import(claimed, run, path, watch, tally)
    except Stopped as stopped:
        db.session.rollback()
        if stopped.why == "ending":
            leases.release(claimed)
    except GuardTripped as tripped:
        db.session.rollback()
        _ask(claimed, tripped.report)
    except files.FileGone as error:
        db.session.rollback()
        _over(claimed, "failed", str(error))
    except importing.ImportFailed as error:
        db.session.rollback()
        _over(claimed, "failed", str(error).replace(files.name_at_hand(run), run.file_name))
    except (OperationalError, OSError) as error:
        # The database is away, or a disk is full: the run's lease runs out, and it is taken up
        # again.
        db.session.rollback()
        log.warning("import interrupted", error=str(error)[:300])
    except Exception:
        db.session.rollback()
        number = secrets.token_hex(4)
        log.exception("import failed", number=number)
        _over(claimed, "failed", f"It is our fault, not the file’s. The log has it as {number}.")
    else:
        _finish(claimed, report, tally)


def _asked_by(run: ImportRun) -> audit.Who:
    account = accounts.find(run.asked_by)
    return account.who if account is not None else audit.Who(run.asked_by)


def _import(claimed: Claim, run: ImportRun, path: Path, watch: Watch, tally: Tally) -> Report:
    db.session.rollback()
    choices = Choices.from_json(run.choices)
    allow = Losses.from_json(run.question) if run.allowed and run.question else None
    db.session.rollback()
    findings = path.with_name("findings")
    try:
        return importing.run(
            choices.mapping.kind,
            path,
            dry_run=claimed.state == "checking",
            mapping=choices.mapping,
            reading=choices.reading,
            absent=choices.absent,
            allow=allow,
            progress=watch.reached,
            cancelled=watch.cancelled,
            findings=findings,
            keeping=tally.keep,
        )
    finally:
        if not watch.lost():
            _keep_findings(claimed, findings)


def _finish(claimed: Claim, report: Report, tally: Tally) -> None:
    if report.cancelled:
        done = report.rows_done if claimed.state == "running" else 0
        _over(claimed, "cancelled", "", rows_done=done, counts=_said(report, tally))
    elif claimed.state == "checking" and report.guard_tripped:
        _ask(claimed, report)
    elif claimed.state == "checking":
        leases.say(
            claimed,
            **_FREE,
            state="checked",
            counts=_said(report, tally),
            rows_done=report.rows,
            rows_total=report.rows,
        )
    else:
        _over(claimed, "done", "", rows_done=report.rows, counts=_said(report, tally))


def _ask(claimed: Claim, report: Report) -> None:
    """Put the guard's question to staff: nothing was written."""
    leases.say(
        claimed,
        **_FREE,
        state="asking",
        allowed=False,
        question=report.losses.as_json(),
        counts=counts(report) | {"rows": report.rows},
    )


def _over(claimed: Claim, state: State, message: str, **values: Any) -> None:
    said = leases.say(
        claimed,
        **_FREE,
        **values,
        state=state,
        message=message[:MESSAGE_LENGTH],
        finished_at=now(),
    )
    if said:
        files.forget(claimed.run_id)
        db.session.commit()


def _said(report: Report, tally: Tally) -> dict[str, int]:
    return tally.of(report) | {"rows": report.rows}


def _keep_findings(claimed: Claim, path: Path) -> None:
    """Keep the refused rows and remarks instead of those of an earlier check. Commits."""
    db.session.rollback()
    db.session.execute(
        delete(ImportRefusal)
        .where(ImportRefusal.run_id == claimed.run_id)
        .execution_options(synchronize_session=False)
    )
    if path.exists():
        found = itertools.islice(importing.read_findings(path), MOST_KEPT)
        while part := list(itertools.islice(found, _AT_ONCE)):
            rows = [
                {
                    "run_id": claimed.run_id,
                    "row": one.row,
                    # Postgres keeps no NUL character.
                    "column": one.column.replace("\x00", "\ufffd"),
                    "value": one.value.replace("\x00", "\ufffd"),
                    "reason": one.reason,
                    "message": one.message.replace("\x00", "\ufffd"),
                    "taken": what == "remark",
                }
                for what, one in part
            ]
            db.session.execute(insert(ImportRefusal), rows)
    db.session.commit()
