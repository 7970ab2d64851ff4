"""The worker's side of the ledger: claim due rows, then say what became of them.

Whoever holds a row's lease is the only one who pushes that contact (Y20); a lease that ran out
frees the row (Y09). Each function is one short transaction of its own and commits it: no
transaction is open while Higher Logic is waited for. What is said of a row that is no longer
leased by the teller is not written: another worker has taken it over.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from idp import owners
from idp.backoff import delay
from idp.database import JSONDocument, UTCDateTime, db, now, reading
from sync import due, history, lanes, scope
from sync.held import removals
from sync.ledger import COMPANY, WORDS_LENGTH, table, wake_after_commit, wanted_since
from sync.told import Told

# Longer than the longest request (``transport``), and renewed before each.
LEASE = dt.timedelta(seconds=60)
# A refused record is tried again by itself: what was wrong may have been mended over there.
REFUSED_FIRST, REFUSED_LONGEST = 60.0, 6 * 3600.0
ASIDE_FIRST = 5.0
_PART = 5000


@dataclass(frozen=True)
class Claim:
    """A leased row as it was claimed: ``version`` is what *wanted* was."""

    contact_id: int
    version: int
    digest: str | None
    told: Told
    """The groups that Higher Logic was told of last."""
    guarded: bool
    """The removal guard has decided something about this contact (``held``)."""
    is_company: bool
    known: bool
    """Higher Logic has accepted a record of this contact before."""
    passed_over: bool
    """People of this company may have been pushed without it."""
    refused: bool
    """What is wanted has been refused before."""
    attempts: int


_GUARDED = (
    exists().where(removals.c.contact_id == table.c.contact_id).correlate(table).label("guarded")
)


def failed() -> ColumnElement[bool]:
    """Higher Logic refused what is wanted now."""
    return and_(table.c.wanted > table.c.accepted, table.c.refused == table.c.wanted)


def pending() -> ColumnElement[bool]:
    """What is wanted was neither accepted nor refused yet."""
    return and_(table.c.wanted > table.c.accepted, table.c.refused != table.c.wanted)


def any_due(*lane: int) -> bool:
    """Whether there is something to claim in a lane (without one: in any). Read-only; ends the
    transaction at hand."""
    db.session.rollback()
    with reading():
        found = db.session.scalar(
            select(table.c.contact_id)
            .where(table.c.lane.in_(lane or lanes.LANES), due.is_due(now()))
            .limit(1)
        )
        db.session.rollback()
    return found is not None


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
    row = table.c
    live = lane == lanes.LIVE and among is None
    chosen = row.lane == lane if among is None else row.contact_id.in_(among)
    rows = _free_rows(moment, limit, chosen, anyone)
    if live and len(rows) < limit and due.bring_companies_forward(moment):
        rows = _free_rows(moment, limit, chosen, anyone)
    if rows:
        db.session.execute(
            update(table)
            .where(row.contact_id.in_([found.contact_id for found in rows]))
            .values(
                claimed=row.wanted,
                lease_owner=owner,
                lease_until=moment + lease,
                last_pushed_at=case(
                    (row.lease_owner.is_not(None), _perhaps_pushed(moment)),
                    else_=row.last_pushed_at,
                ),
            )
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
        )
        for found in rows
    ]


def _free_rows(
    moment: dt.datetime, limit: int, chosen: ColumnElement[bool], anyone: bool
) -> Sequence[Any]:
    row = table.c
    # Locked by a statement of their own: in one with the update, a planner may run the locking part
    # more than once. SQLite has no row locks and needs none: its transaction has begun as the only
    # writer.
    query = (
        select(
            *(row.contact_id, row.wanted, row.accepted, row.refused, row.rank, row.digest),
            *(row.told, row.accepted_at, row.attempts, _GUARDED),
        )
        .where(chosen, due.is_due(moment))
        .order_by(*((func.random(),) if anyone else (row.rank, row.next_try_at, row.contact_id)))
        .limit(limit)
        .with_for_update(skip_locked=True, of=table)
    )
    return db.session.execute(query).all()


def look(owner: str, claims: Iterable[Claim]) -> tuple[set[int], set[int]]:
    """The ids of those of the claims that are still the owner's, and of those that were changed
    since. Read-only; ends the transaction at hand."""
    row = table.c
    query = select(row.contact_id, (row.wanted > row.claimed).label("changed")).where(
        row.contact_id.in_([claim.contact_id for claim in claims]), row.lease_owner == owner
    )
    db.session.rollback()
    with reading():
        found = [(row.contact_id, row.changed) for row in db.session.execute(query)]
        db.session.rollback()
    return {one for one, _ in found}, {one for one, changed in found if changed}


def renew(owner: str, claims: Iterable[Claim], lease: dt.timedelta = LEASE) -> set[int]:
    """Prolong the leases; gives the ids of the contacts that are still the owner's."""
    held = _held(owner, claims)
    _write(held, lease_until=now() + lease)
    return set(held)


def accept(
    owner: str,
    accepted: Sequence[tuple[Claim, str, Told]],
    answer: history.Answer | None = None,
) -> None:
    """Higher Logic accepted these claims' records, whose digests and groups come with them."""
    pointing = _pointing_to(
        [claim for claim, _, _ in accepted if claim.is_company and not claim.known]
    )
    if pointing:
        # Locked together and in order, before the claims alone would be.
        for ids in _parts({claim.contact_id for claim, _, _ in accepted}.union(pointing)):
            db.session.execute(
                select(table.c.contact_id)
                .where(table.c.contact_id.in_(ids))
                .order_by(table.c.contact_id)
                .with_for_update()
            )
    held = set(_held(owner, [claim for claim, _, _ in accepted]))
    values = [
        {"b_contact": claim.contact_id, "b_digest": digest, "b_told": told}
        for claim, digest, told in accepted
        if claim.contact_id in held
    ]
    moment = now()
    if values:
        moments = {"last_pushed_at": moment, "accepted_at": moment, "wanted_since": moment}
        db.session.execute(
            update(table)
            .where(table.c.contact_id == bindparam("b_contact"))
            .values(
                _DONE
                | moments
                | {"digest": bindparam("b_digest"), "told": bindparam("b_told", type_=JSONDocument)}
            ),
            values,
        )
        if answer is not None:
            history.write(answer, held, moment)
    if pointing and held:
        for ids in _parts(pointing):
            db.session.execute(
                update(table)
                .where(table.c.contact_id.in_(ids))
                .values(
                    lane=lanes.kept(table.c, lanes.BULK),
                    wanted=table.c.wanted + 1,
                    attempts=0,
                    next_try_at=moment,
                    wanted_since=wanted_since(literal(moment, type_=UTCDateTime())),
                )
            )
        wake_after_commit(lanes.BULK)
    db.session.commit()


def settle(owner: str, claims: Iterable[Claim]) -> None:
    """There was nothing to push: Higher Logic has this very record, or is not to be told."""
    _write(_held(owner, claims), **_DONE, wanted_since=now())


def refuse(owner: str, claim: Claim, words: str, answer: history.Answer | None = None) -> None:
    """Higher Logic refused this contact's record, in these words. It is tried again slowly, and
    at once if it has changed in the meantime."""
    again = now() + delay(claim.attempts, first=REFUSED_FIRST, longest=REFUSED_LONGEST)
    changed = table.c.wanted > table.c.claimed
    _write(
        _held(owner, [claim]),
        answer,
        **_FREE,
        lane=case((changed, table.c.lane), else_=lanes.BULK),
        refused=table.c.claimed,
        attempts=case((changed, 0), else_=table.c.attempts + 1),
        next_try_at=case((changed, now()), else_=literal(again, type_=UTCDateTime())),
        last_error=words[:WORDS_LENGTH],
        last_pushed_at=now(),
    )


def put_aside(owner: str, claims: Sequence[Claim], words: str) -> None:
    """Give claims back that nothing was said about, but of too many beside them: they are pushed
    a while later, and behind what is live."""
    tries = max(claim.attempts for claim in claims)
    again = now() + delay(tries, first=ASIDE_FIRST, longest=REFUSED_LONGEST)
    # Who was changed meanwhile is another record, and somebody may wait for it.
    changed = table.c.wanted > table.c.claimed
    _write(
        _held(owner, claims),
        **_FREE,
        lane=case((changed, table.c.lane), else_=lanes.BULK),
        attempts=case((changed, 0), else_=table.c.attempts + 1),
        next_try_at=case((changed, now()), else_=literal(again, type_=UTCDateTime())),
        last_error=words[:WORDS_LENGTH],
    )


def release(owner: str, claims: Iterable[Claim], answer: history.Answer | None = None) -> None:
    """Give claims back that nothing was done about; ``answer``: nothing but an answer that says
    so."""
    _write(_held(owner, claims), answer, **_FREE)


def postpone(
    owner: str,
    claims: Iterable[Claim],
    until: dt.datetime,
    words: str,
    answer: history.Answer | None = None,
) -> None:
    """Give claims back whose push had no clear answer: it is repeated (Y22)."""
    _write(
        _held(owner, claims),
        answer,
        **_FREE,
        attempts=table.c.attempts + 1,
        next_try_at=until,
        last_error=words[:WORDS_LENGTH],
        last_pushed_at=now(),
    )


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
            .values(**_FREE, last_pushed_at=_perhaps_pushed(now()))
        )
    db.session.commit()
    return len(freed)


def _perhaps_pushed(moment: dt.datetime) -> ColumnElement[Any]:
    """When a contact was pushed last, whose holder was lost: Higher Logic may have their push, and
    nobody is left to write that down."""
    return func.coalesce(table.c.last_pushed_at, literal(moment, type_=UTCDateTime()))


_FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
_DONE: dict[str, Any] = _FREE | {
    "accepted": table.c.claimed,
    "refused": 0,
    "attempts": 0,
    "last_error": "",
}


def _held(owner: str, claims: Iterable[Claim]) -> list[int]:
    """Lock those of the claims that are still the owner's, in the order that everybody locks in."""
    row = table.c
    query = (
        select(row.contact_id)
        .where(
            row.contact_id.in_([claim.contact_id for claim in claims]),
            row.lease_owner == owner,
            row.claimed > row.accepted,
        )
        .order_by(row.contact_id)
        .with_for_update()
    )
    return list(db.session.scalars(query))


def _write(
    contact_ids: Collection[int], answer: history.Answer | None = None, **values: Any
) -> None:
    if contact_ids:
        db.session.execute(update(table).where(table.c.contact_id.in_(contact_ids)).values(values))
        if answer is not None:
            history.write(answer, contact_ids, values.get("last_pushed_at") or now())
    db.session.commit()


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids in order, as many at once as a statement takes."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _PART):
        yield ordered[start : start + _PART]


def _pointing_to(companies: Sequence[Claim]) -> list[int]:
    """Those whose records were built while Higher Logic did not have these companies, and so lack
    their ``ParentMemberKey``, by id.

    Child companies; people who went without a refused company; and people who were pushed before
    the company was in scope, or in use. Whoever waited for it has not been claimed yet.
    """
    if not companies:
        return []
    contact, ids = scope.contacts("pointing"), [claim.contact_id for claim in companies]
    passed_over = [claim.contact_id for claim in companies if claim.passed_over]
    query = (
        select(table.c.contact_id)
        .join(contact, contact.c.id == table.c.contact_id)
        .where(
            or_(
                contact.c.parent_id.in_(ids),
                contact.c.company_id.in_(passed_over),
                and_(contact.c.company_id.in_(ids), table.c.claimed > 0),
            )
        )
    )
    return list(db.session.scalars(query))
