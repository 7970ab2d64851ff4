"""The worker's side of the ledger: claim due rows, then say what became of them.

Whoever holds a row's lease is the only one who pushes that contact (Y20); a lease that ran out
frees the row (Y09). Each function is one short transaction of its own and commits it: no
transaction is open while Higher Logic is waited for. What is said of a row that is no longer
leased by the teller is not written: another worker has taken it over.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    String,
    Update,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.engine.interfaces import Dialect

from idp import owners
from idp.compiled import InSession, any_of
from idp.database import UTCDateTime, db, now, reading
from sync import lanes
from sync.claims import Claim
from sync.delivery import due
from sync.ledger import COMPANY, table
from sync.removals.held import removals
from sync.sent import history

# Longer than the longest request (``transport``), and renewed before each.
LEASE = dt.timedelta(seconds=60)


_GUARDED = (
    exists().where(removals.c.contact_id == table.c.contact_id).correlate(table).label("guarded")
)


def claim(
    owner: str,
    limit: int,
    lease: dt.timedelta = LEASE,
    *,
    lane: int = lanes.LIVE,
    anyone: bool = False,
    among: Collection[int] | None = None,
) -> list[Claim]:
    """Lease up to ``limit`` due rows of a lane, companies first; or ``anyone``, by chance; or those
    ``among`` some contacts, in whatever lane they are.

    ``owner`` is new for each claim, so that an answer that comes too late finds nothing.
    """
    moment = now()
    live = lane == lanes.LIVE and among is None
    rows = _free_rows(moment, limit, lane, anyone, among)
    if live and len(rows) < limit and due.bring_companies_forward(moment):
        rows = _free_rows(moment, limit, lane, anyone, among)
    if rows:
        _LEASE.run(
            ids=[found.contact_id for found in rows],
            owner=owner,
            moment=moment,
            until=moment + lease,
        )
    db.session.commit()
    return [
        Claim(
            contact_id=found.contact_id,
            version=found.wanted,
            digest=found.digest,
            told=found.told or {},
            guarded=found.guarded,
            is_company=found.rank == COMPANY,
            known=found.accepted_at is not None,
            passed_over=found.accepted > 0 or found.refused > 0,
            refused=found.refused == found.wanted,
            attempts=found.attempts,
            pushed_at=found.last_pushed_at,
        )
        for found in rows
    ]


def _free_rows(
    moment: dt.datetime, limit: int, lane: int, anyone: bool, among: Collection[int] | None
) -> Sequence[Any]:
    if among is not None:
        return _FREE_AMONG.rows(moment=moment, limit=limit, ids=among)
    return (_FREE_BY_CHANCE if anyone else _FREE_NEXT).rows(moment=moment, limit=limit, lane=lane)


def _free(chosen: ColumnElement[bool], *order: Any) -> Select[Any]:
    row = table.c
    # Locked by a statement of their own: in one with the update, a planner may run the locking part
    # more than once. SQLite has no row locks and needs none: its transaction has begun as the only
    # writer.
    return (
        select(
            *(row.contact_id, row.wanted, row.accepted, row.refused, row.rank, row.digest),
            *(row.told, row.accepted_at, row.attempts, row.last_pushed_at, _GUARDED),
        )
        .where(chosen, due.is_due(bindparam("moment", type_=UTCDateTime())))
        .order_by(*order)
        .limit(bindparam("limit", type_=Integer()))
        .with_for_update(skip_locked=True, of=table)
    )


_IN_LANE = table.c.lane == bindparam("lane", type_=SmallInteger())
_IN_TURN = (table.c.rank, table.c.next_try_at, table.c.contact_id)
# Compiled once, as what else each batch asks: a first sync has a thousand of them.
_FREE_NEXT = InSession(lambda _dialect: _free(_IN_LANE, *_IN_TURN))
_FREE_BY_CHANCE = InSession(lambda _dialect: _free(_IN_LANE, func.random()))
_FREE_AMONG = InSession(
    lambda dialect: _free(any_of(table.c.contact_id, "ids", dialect), *_IN_TURN)
)


def _leased(dialect: Dialect) -> Update:
    row = table.c
    moment = bindparam("moment", type_=UTCDateTime())
    return (
        update(table)
        .where(any_of(row.contact_id, "ids", dialect))
        .values(
            claimed=row.wanted,
            lease_owner=_OWNER,
            lease_until=bindparam("until", type_=UTCDateTime()),
            last_pushed_at=case(
                (row.lease_owner.is_not(None), _perhaps_pushed(moment)), else_=row.last_pushed_at
            ),
        )
    )


_OWNER = bindparam("owner", type_=String())
_LEASE = InSession(_leased)


def look(owner: str, claims: Iterable[Claim]) -> tuple[set[int], set[int]]:
    """The ids of those of the claims that are still the owner's, and of those that were changed
    since. Read-only; ends the transaction at hand."""
    ids = [claim.contact_id for claim in claims]
    db.session.rollback()
    with reading():
        found = [(row.contact_id, row.changed) for row in _LOOK.rows(ids=ids, owner=owner)]
        db.session.rollback()
    return {one for one, _ in found}, {one for one, changed in found if changed}


_LOOK = InSession(
    lambda dialect: select(
        table.c.contact_id, (table.c.wanted > table.c.claimed).label("changed")
    ).where(any_of(table.c.contact_id, "ids", dialect), table.c.lease_owner == _OWNER)
)


def renew(owner: str, claims: Iterable[Claim], lease: dt.timedelta = LEASE) -> set[int]:
    """Prolong the leases; gives the ids of the contacts that are still the owner's."""
    held = lock(owner, claims)
    write(held, lease_until=now() + lease)
    return set(held)


def release(owner: str, claims: Iterable[Claim], answer: history.Answer | None = None) -> None:
    """Give claims back that nothing was done about; ``answer``: nothing but an answer that says
    so."""
    write(lock(owner, claims), answer, **FREE)


def free_the_dead() -> int:
    """Free the leases of processes of this machine that are dead; says how many.

    A killed worker's contacts wait for the next tick of the clock, not for a lease to run out.
    """
    row = table.c
    leased = (row.wanted > row.accepted, row.lease_owner.is_not(None))
    owners_of = select(row.lease_owner).where(*leased).distinct()
    with reading():
        dead = [owner for owner in db.session.scalars(owners_of) if owners.is_dead(owner)]
        db.session.rollback()
    if not dead:
        return 0
    # In the order that everybody locks in; whoever holds one has something newer to say of it.
    theirs = (
        select(row.contact_id)
        .where(*leased, row.lease_owner.in_(dead))
        .order_by(row.contact_id)
        .with_for_update(skip_locked=True)
    )
    freed = list(db.session.scalars(theirs))
    if freed:
        db.session.execute(
            update(table)
            .where(row.contact_id.in_(freed))
            .values(**FREE, last_pushed_at=_perhaps_pushed(literal(now(), type_=UTCDateTime())))
        )
    db.session.commit()
    return len(freed)


def _perhaps_pushed(moment: ColumnElement[dt.datetime]) -> ColumnElement[Any]:
    """When a contact was pushed last, whose holder was lost: Higher Logic may have their push, and
    nobody is left to write that down."""
    return func.coalesce(table.c.last_pushed_at, moment)


FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}


def lock(owner: str, claims: Iterable[Claim]) -> list[int]:
    """Lock those of the claims that are still the owner's, in the order that everybody locks in."""
    return [one for (one,) in _LOCK.raw(ids=[claim.contact_id for claim in claims], owner=owner)]


_LOCK = InSession(
    lambda dialect: (
        select(table.c.contact_id)
        .where(
            any_of(table.c.contact_id, "ids", dialect),
            table.c.lease_owner == _OWNER,
            table.c.claimed > table.c.accepted,
        )
        .order_by(table.c.contact_id)
        .with_for_update()
    )
)


def write(
    contact_ids: Collection[int], answer: history.Answer | None = None, **values: Any
) -> None:
    """Write the same of some rows that are locked, and what came back for them; commits."""
    if contact_ids:
        db.session.execute(update(table).where(table.c.contact_id.in_(contact_ids)).values(values))
        if answer is not None:
            history.write(answer, contact_ids, values.get("last_pushed_at") or now())
    db.session.commit()
