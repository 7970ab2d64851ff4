"""Which rows of the ledger may be claimed at a moment, and who is brought forward for another."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.engine.interfaces import Dialect

from idp.compiled import InSession, any_of
from idp.database import UTCDateTime, db, now, reading
from sync import noting, scope
from sync.lanes import BULK, LANES, LIVE
from sync.ledger import table

# Longer than it takes from a run's last claim to its end.
JUST_NOW = dt.timedelta(seconds=0.1)


def is_due(moment: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a row may be claimed: its time has come, and nobody holds it.

    A person waits for their company's first acceptance, unless it was refused: then they go
    without it, and once more when it is accepted.
    """
    return and_(_is_free(moment), not_(waits()))


def any_due(*lane: int) -> bool:
    """Whether there is something to claim in a lane (without one: in any). Read-only; ends the
    transaction at hand."""
    db.session.rollback()
    with reading():
        found = db.session.scalar(
            select(table.c.contact_id)
            .where(table.c.lane.in_(lane or LANES), is_due(now()))
            .limit(1)
        )
        db.session.rollback()
    return found is not None


def quiet_in() -> float | None:
    """Seconds until the first live contact is due that may change again in a moment (``noting``);
    ``None`` when there is none. It may have become due just now, after the last claim. Read-only;
    ends the transaction at hand."""
    moment, row = now(), table.c
    db.session.rollback()
    with reading():
        first = db.session.scalar(
            select(func.min(row.next_try_at)).where(
                row.lane == LIVE,
                row.wanted > row.accepted,
                row.next_try_at > moment - JUST_NOW,
                row.next_try_at <= moment + noting.QUIET,
                or_(row.next_try_at > moment, is_due(moment)),
            )
        )
        db.session.rollback()
    return None if first is None else max(0.0, (first - moment).total_seconds())


def bring_companies_forward(moment: dt.datetime) -> int:
    """Have live people's companies claimed before the many, where the people wait for them; says
    how many companies that is. Part of the transaction at hand."""
    # In two steps, from the few to the few: in one, SQLite would look through all of the many.
    waited_for = [row.company_id for row in _LIVE_PEOPLES.rows(moment=moment)]
    if not waited_for:
        return 0
    ids = [row.contact_id for row in _BEHIND.rows(ids=waited_for)]
    if ids:
        db.session.execute(update(table).where(table.c.contact_id.in_(ids)).values(lane=LIVE))
    return len(ids)


def _is_free(moment: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    return and_(
        table.c.wanted > table.c.accepted,
        table.c.next_try_at <= moment,
        or_(table.c.lease_until.is_(None), table.c.lease_until <= moment),
    )


def waits() -> ColumnElement[bool]:
    """Whether a row waits for the first acceptance of the person's company."""
    person, company = scope.contacts("waiting"), table.alias("company_row")
    return (
        exists()
        .where(
            person.c.id == table.c.contact_id,
            company.c.contact_id == person.c.company_id,
            company.c.accepted_at.is_(None),
            company.c.wanted > company.c.accepted,
            company.c.refused != company.c.wanted,
        )
        .correlate(table)
    )


def _live_peoples(_dialect: Dialect) -> Select[Any]:
    person, moment = scope.contacts("in_front"), bindparam("moment", type_=UTCDateTime())
    return (
        select(person.c.company_id)
        .distinct()
        .join(table, table.c.contact_id == person.c.id)
        .where(table.c.lane == LIVE, _is_free(moment), person.c.company_id.is_not(None))
    )


def _behind(dialect: Dialect) -> Select[Any]:
    row = table.c
    return (
        select(row.contact_id)
        .where(
            any_of(row.contact_id, "ids", dialect),
            # Reckoned, so that SQLite takes it not for the way to the few: all the many have it.
            row.lane + 0 == BULK,
            row.accepted_at.is_(None),
            row.wanted > row.accepted,
        )
        .order_by(row.contact_id)
        # Whoever holds one is about to push it, or to note it.
        .with_for_update(skip_locked=True)
    )


_LIVE_PEOPLES, _BEHIND = InSession(_live_peoples), InSession(_behind)
