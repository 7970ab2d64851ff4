"""What becomes of what the guard keeps back: staff let it go or keep it, and the clock sees to the
rest.

``allow`` and ``refuse`` are part of the transaction at hand; its commit wakes the sync. Who is let
go counts no more: what leaves after it is judged anew.
"""

import datetime as dt
from typing import Any

import structlog
from sqlalchemy import delete, exists, false, or_, select, update

from idp import audit
from idp.database import db, now, reading
from idp.directory.groups import Group
from idp.directory.importing import under_way
from sync import connection, ledger, noting
from sync.records import told
from sync.removals import guard, held, leaving
from sync.removals.held import KEPT, Standing, holds, removals, row

log = structlog.get_logger()


class NothingHeld(LookupError):
    """Nothing is held, or was refused, of the group by now."""


def allow(group_key: str) -> int:
    """Let what is held of a group go; says how many that are. Raises ``NothingHeld``."""
    number = _let_go(group_key, "held")
    audit.record(audit.Event.REMOVALS_ALLOWED, group_key, number=number)
    return number


def refuse(group_key: str) -> int:
    """Keep who is held at Higher Logic as it was told of them, until they are in the group again or
    ``lift`` is called; says how many that are. Raises ``NothingHeld``."""
    held.take_turn([group_key])
    number = _change(group_key, "held", "refused", now())
    guard.stop_holding(group_key)
    audit.record(audit.Event.REMOVALS_REFUSED, group_key, number=number)
    return number


def lift(group_key: str) -> int:
    """Let go whom ``refuse`` has kept; says how many that are. Raises ``NothingHeld``."""
    number = _let_go(group_key, "refused")
    audit.record(audit.Event.REMOVALS_ALLOWED, group_key, number=number, refused_before=True)
    return number


def tick() -> int:
    """The clock's part: of groups that do not sync any more nothing is kept back, and what waited
    for an import is decided once that is over; says of how many groups that was.

    Commits for each. One statement when nothing is kept back.
    """
    db.session.rollback()
    with reading():
        waiting = exists().where(row.group_key == holds.c.group_key, row.standing == "waiting")
        synced = exists().where(Group.__table__.c.key == holds.c.group_key, Group.__table__.c.sync)
        due = db.session.execute(
            select(holds.c.group_key, synced.label("synced")).where(or_(waiting, ~synced))
        ).all()
        importing = bool(due) and under_way.any_import()
        db.session.rollback()
    done = 0
    for found in due:
        if not found.synced:
            done += _give_up(found.group_key)
        elif not importing:
            done += _decide(found.group_key)
        db.session.commit()
    return done


def tidy() -> int:
    """Delete what nothing goes by any more; says how many rows. Commits.

    Who came back while somebody else decided about them, who passed so long ago that it does not
    count, and who was let go and is gone.
    """
    moment, policy = now(), connection.get().deactivated
    keys = db.session.scalars(select(row.group_key).distinct()).all()
    db.session.rollback()
    number = 0
    for key in keys:
        held.take_turn([key])
        found = guard.synced([key])
        back = leaving.is_in(found[0].id, row.contact_id, policy) if found else false()
        entry = ledger.table
        settled = (
            exists()
            .where(entry.c.contact_id == row.contact_id, entry.c.wanted == entry.c.accepted)
            .correlate(removals)
        )
        has = (
            exists()
            .where(
                entry.c.contact_id == row.contact_id,
                told.names(entry.c.told, key, db.engine.dialect),
            )
            .correlate(removals)
        )
        deleted: Any = db.session.execute(
            delete(removals).where(
                row.group_key == key,
                or_(
                    back & settled,
                    (row.standing == "allowed") & settled & ~has,
                    (row.standing == "passed") & ~held.counting(moment),
                ),
            )
        )
        number += int(deleted.rowcount)
        guard.end_if_over(key)
        db.session.commit()
    return number


def _let_go(group_key: str, standing: Standing) -> int:
    held.take_turn([group_key])
    moment = now()
    number = _change(group_key, standing, "allowed", moment)
    if standing == "held":
        guard.stop_holding(group_key)
    else:
        guard.end_if_over(group_key)
    # Who was let go before is gone.
    noting.note(held.ids(group_key, "allowed").where(row.at == moment))
    return number


def _change(group_key: str, standing: Standing, to: Standing, moment: dt.datetime) -> int:
    changed: Any = db.session.execute(
        update(removals)
        .where(row.group_key == group_key, row.standing == standing)
        .values(standing=to, at=moment)
    )
    if not changed.rowcount:
        raise NothingHeld(f"Nothing is held back of the group {group_key}.")
    return int(changed.rowcount)


def _give_up(group_key: str) -> bool:
    """Keep nothing back of a group that does not sync any more: staff were told what that does."""
    held.take_turn([group_key])
    if guard.synced([group_key]):
        return False
    noting.note(held.ids(group_key, *KEPT))
    db.session.execute(delete(removals).where(row.group_key == group_key))
    db.session.execute(delete(holds).where(holds.c.group_key == group_key))
    log.info("nothing kept back of a group that does not sync", group=group_key)
    return True


def _decide(group_key: str) -> bool:
    """Decide about who waited for an import."""
    held.take_turn([group_key])
    found = guard.synced([group_key])
    if not found or not held.number(group_key, "waiting"):
        return False
    moment, group = now(), found[0]
    if reason := guard.reason_to_hold(group, moment):
        guard.begin(group, reason, moment)
        return True
    noting.note(held.ids(group_key, "waiting"))
    db.session.execute(
        update(removals)
        .where(row.group_key == group_key, row.standing == "waiting")
        .values(standing="passed", at=moment)
    )
    guard.stop_holding(group_key)
    return True
