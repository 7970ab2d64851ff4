"""What changes by itself when the association's day turns: conditions on relative dates, and
memberships that begin or end by date (Y26).

Each group knows the day for which its memberships were last looked at (``evaluated_on``). A group
whose day is past is claimed, looked at and marked in one transaction of its own, asked groups
before those that ask: a clock that was off for days, or is killed halfway, goes on where it was,
and of two clocks one finds nothing left to do.
"""

import datetime as dt
from typing import Any

import structlog
from sqlalchemy import ColumnElement, exists, func, or_, select, update

from idp.database import db, reading
from idp.directory import changes, groups
from idp.directory.groups import NEVER, Group
from idp.directory.membership import catalogue, day, setwise
from idp.directory.membership.model import Addition

log = structlog.get_logger()


def turn_of_day() -> int:
    """Have every group's memberships be what is so today; says of how many groups that was.

    Commits for each group. One indexed statement when nothing is due.
    """
    today = day.today()
    with reading():
        due = db.session.scalar(select(Group.id).where(Group.evaluated_on < today).limit(1))
        db.session.rollback()
    if due is None:
        return 0
    ordered = _in_order()
    db.session.rollback()
    turned = 0
    for group_id in ordered:
        done: list[bool] = []
        groups.hold(group_id)  # whoever saves it has its row while they wait for the turn
        changes.later(("day of", group_id), lambda one=group_id, said=done: said.append(_turn(one)))  # type: ignore[misc]
        db.session.commit()
        turned += done == [True]
    log.info("memberships follow the day", day=today.isoformat(), groups=turned)
    return turned


def look_again() -> None:
    """Have the clock look at every group: the day at hand may be another than a moment ago, an
    earlier one as well. Before the turn is taken, as whoever saves a group has its row by then."""
    group: Any = Group.__table__
    held = select(group.c.id).order_by(group.c.id).with_for_update(key_share=True).subquery()
    db.session.execute(select(func.count()).select_from(held))
    db.session.execute(update(group).values(evaluated_on=NEVER))


def _in_order() -> list[int]:
    due = set(db.session.scalars(select(Group.id).where(Group.evaluated_on < day.today())))
    return [entry.id for level in catalogue.current().levels for entry in level if entry.id in due]


def _turn(group_id: int) -> bool:
    today = day.today()
    since = db.session.scalar(
        select(Group.evaluated_on).where(Group.id == group_id, Group.evaluated_on < today)
    )
    if since is None:  # another clock was here, or the group is gone
        return False
    known = catalogue.current()
    asked = known.asked_by(group_id)
    moving = any(known.entries[one].asks_days for one in asked) or _dated(asked - {group_id}, since)
    if moving or _dated({group_id}, since):
        setwise.refresh(group_id, by_rule=moving)
    group: Any = Group.__table__
    db.session.execute(update(group).where(group.c.id == group_id).values(evaluated_on=today))
    return True


def _dated(group_ids: set[int], since: dt.date) -> bool:
    """Whether an addition of these groups has begun or ended after a day; whether any may have,
    where it is not known for which day they were looked at."""
    today = day.today()
    begun: ColumnElement[bool] = (Addition.begin_on > since) & (Addition.begin_on <= today)
    ended: ColumnElement[bool] = (Addition.end_on >= since) & (Addition.end_on < today)
    if since == NEVER:
        begun, ended = Addition.begin_on.is_not(None), Addition.end_on.is_not(None)
    found = exists().where(Addition.group_id.in_(group_ids), or_(begun, ended))
    return bool(group_ids) and bool(db.session.scalar(select(found)))
