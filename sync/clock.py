"""The sync's part of the clock: sees whether something is due, and wakes the sync.

It finds what nobody woke: changes made while Redis was away, leases of killed workers, records
whose next try has come.
"""

import structlog

from idp.database import db, reading
from sync import jobs, lanes
from sync.delivery import due, gate, leases
from sync.removals import verdicts

log = structlog.get_logger()


def tick() -> bool:
    """Wake the lanes in which something is due; says whether one was woken."""
    if freed := leases.free_the_dead():
        log.warning("a worker died; its contacts are free again", contacts=freed)
    verdicts.tick()
    with reading():
        waited_for = [lane for lane in lanes.LANES if gate.is_open() and due.any_due(lane)]
        db.session.rollback()
    woken = [jobs.wake(lane) for lane in waited_for]
    return any(woken)
