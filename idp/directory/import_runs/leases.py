"""Who works on a run: one worker, and on one run at a time.

Companies come before the people who refer to them, and what a check found must still be so when
the import begins: runs are worked on one after the other, in the order of starting. Each function
is one short transaction of its own.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update

from idp import owners
from idp.database import db, now, reading
from idp.directory.import_runs import files
from idp.directory.import_runs.runs import AT_WORK, ImportRun, State

# Renewed every second by whoever holds it (``watch``).
LEASE = dt.timedelta(seconds=60)
# A file that ends its worker each time is not taken up for ever.
MOST_ATTEMPTS = 4


@dataclass(frozen=True)
class Claim:
    """A run as it was taken up; ``state`` says whether it is checked or imported."""

    run_id: int
    owner: str
    state: State


def _leased(moment: dt.datetime) -> ColumnElement[bool]:
    return and_(ImportRun.state.in_(AT_WORK), ImportRun.lease_until > moment)


def any_due() -> bool:
    """Whether a run waits and nobody works on another. Read-only; ends the transaction at hand."""
    db.session.rollback()
    with reading():
        waiting = db.session.scalar(select(ImportRun.id).where(ImportRun.state.in_(AT_WORK)))
        busy = waiting is not None and db.session.scalar(
            select(ImportRun.id).where(_leased(now())).limit(1)
        )
        db.session.rollback()
    return waiting is not None and not busy


def claim() -> Claim | None:
    """Take up the run that waits longest, unless somebody works on one. Commits."""
    db.session.rollback()
    moment = now()
    # All are locked, in one order: of two workers the second sees what the first has taken.
    runs = db.session.scalars(
        select(ImportRun)
        .where(ImportRun.state.in_(AT_WORK))
        .order_by(ImportRun.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    waiting = [run for run in runs if run.lease_until is None or run.lease_until <= moment]
    if not waiting or len(waiting) < len(runs):
        db.session.rollback()
        return None
    run = min(waiting, key=lambda run: (run.queued_at or run.created_at, run.id))
    if run.cancel_asked:
        run.rows_done = run.rows_done if run.state == "running" else 0
        run.state, run.finished_at, run.cancel_asked = "cancelled", moment, False
        files.forget(run.id)
        db.session.commit()
        return None
    if run.attempts >= MOST_ATTEMPTS:
        run.state, run.finished_at = "failed", moment
        run.message = (
            f"It was begun {MOST_ATTEMPTS} times and came to no end; the log says why. Where the "
            "worker was killed, split the file or give the worker more memory; where a disk is "
            "full, make room."
        )
        files.forget(run.id)
        db.session.commit()
        return None
    claimed = Claim(run.id, owners.new(), run.state)
    run.lease_owner, run.lease_until = claimed.owner, moment + LEASE
    run.working_since = moment
    run.started_at = run.started_at or moment
    run.attempts += 1
    run.rows_done = 0
    db.session.commit()
    return claimed


def say(claimed: Claim, **values: Any) -> bool:
    """Write something of a run that is still the claimer's; says whether it was. Commits."""
    said = db.session.execute(
        update(ImportRun)
        .where(
            ImportRun.id == claimed.run_id,
            ImportRun.lease_owner == claimed.owner,
            ImportRun.state == claimed.state,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return bool(getattr(said, "rowcount", 0))


def release(claimed: Claim) -> None:
    """Give a run back as if it had not been taken up. Commits."""
    say(claimed, lease_owner=None, lease_until=None, attempts=ImportRun.attempts - 1)


def free_the_dead() -> int:
    """Free the leases of processes of this machine that are dead; says how many."""
    db.session.rollback()
    held = select(ImportRun.lease_owner).where(
        ImportRun.state.in_(AT_WORK), ImportRun.lease_owner.is_not(None)
    )
    with reading():
        dead = [owner for owner in db.session.scalars(held) if owner and owners.is_dead(owner)]
        db.session.rollback()
    if not dead:
        return 0
    freed = db.session.execute(
        update(ImportRun)
        .where(ImportRun.lease_owner.in_(dead))
        .values(lease_owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return int(getattr(freed, "rowcount", 0))
