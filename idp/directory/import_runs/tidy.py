"""What is left of imports, and when it goes: files within a day, refused rows after a month.

Both hold what the association knows of people; the run itself stays in the list, as numbers.
"""

import datetime as dt

from sqlalchemy import delete, or_, select, update

from idp.database import db, now
from idp.directory.import_runs import files
from idp.directory.import_runs.runs import OVER, WAITING, ImportPart, ImportRefusal, ImportRun

# A file that nobody goes on with, counted from its upload or its last check.
FILE_KEPT = dt.timedelta(days=1)
REFUSALS_KEPT = dt.timedelta(days=30)
LEFT = "Nobody went on with it within a day, and the file was deleted."


def tick() -> dict[str, int]:
    """The clock's part: give up what nobody goes on with; gives how much of what."""
    moment = now()
    old = moment - FILE_KEPT
    given_up = db.session.scalars(
        update(ImportRun)
        .where(
            ImportRun.state.in_(WAITING),
            ImportRun.digest != "",
            ImportRun.created_at < old,
            or_(ImportRun.queued_at.is_(None), ImportRun.queued_at < old),
        )
        .values(state="cancelled", finished_at=moment, message=LEFT)
        .returning(ImportRun.id)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.commit()
    # Uploads that broke off: no digest was ever written.
    db.session.execute(
        delete(ImportRun)
        .where(ImportRun.digest == "", ImportRun.created_at < old)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    left = select(ImportPart.run_id).join(ImportRun).where(ImportRun.state.in_(OVER)).distinct()
    for run_id in db.session.scalars(left).all():
        files.forget(run_id)
        db.session.commit()
    of_old = select(ImportRun.id).where(ImportRun.finished_at < moment - REFUSALS_KEPT)
    gone = db.session.execute(
        delete(ImportRefusal)
        .where(ImportRefusal.run_id.in_(of_old))
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return {"imports given up": len(given_up), "refused rows": int(getattr(gone, "rowcount", 0))}
