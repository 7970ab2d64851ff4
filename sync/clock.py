"""The sync's part of the clock: sees whether something is due, and wakes the sync.

It finds what nobody woke: changes made while Redis was away, leases of killed workers, records
whose next try has come.
"""

import structlog

from idp.database import db, reading
from sync import gate, jobs, leases

log = structlog.get_logger()


def tick() -> bool:
    """Wake the sync if something is due; says whether it was."""
    if freed := leases.free_the_dead():
        log.warning("a worker died; its contacts are free again", contacts=freed)
    with reading():
        due = gate.is_open() and leases.any_due()
        db.session.rollback()
    return due and jobs.wake()
