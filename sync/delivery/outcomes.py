"""What became of claims: accepted, refused, put aside, put off, or nothing to push.

Said by who holds the lease, in one short transaction each (``leases``).
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Integer,
    String,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine.interfaces import Dialect

from idp.backoff import delay
from idp.compiled import InSession
from idp.database import JSONDocument, UTCDateTime, db, now
from sync import lanes, scope
from sync.claims import Claim
from sync.delivery import leases
from sync.ledger import WORDS_LENGTH, table, wanted_since
from sync.noting import wake_after_commit
from sync.records.told import Told
from sync.sent import history

# A refused record is tried again by itself: what was wrong may have been mended over there.
REFUSED_FIRST, REFUSED_LONGEST = 60.0, 6 * 3600.0
ASIDE_FIRST = 5.0
_PART = 5000

_DONE: dict[str, Any] = leases.FREE | {
    "accepted": table.c.claimed,
    "refused": 0,
    "attempts": 0,
    "last_error": "",
}


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
    held = set(leases.lock(owner, [claim for claim, _, _ in accepted]))
    values = [
        {"b_contact": claim.contact_id, "b_digest": digest, "b_told": told}
        for claim, digest, told in accepted
        if claim.contact_id in held
    ]
    moment = now()
    if values:
        _write_accepted(values, moment)
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


def _write_accepted(rows: Sequence[dict[str, Any]], moment: dt.datetime) -> None:
    # On Postgres as one array for each column: a row for itself is a statement of its own there.
    if db.engine.dialect.name == "postgresql":
        names = ("b_contact", "b_digest", "b_told")
        _ACCEPTED.run(**{name: [row[name] for row in rows] for name in names}, moment=moment)
    else:
        _ACCEPTED.run_many(rows, moment=moment)


def _accepted(dialect: Dialect) -> Update:
    given: dict[str, Any] = {
        "b_contact": Integer(),
        "b_digest": String(),
        "b_told": JSONDocument,
    }
    moment = bindparam("moment", type_=UTCDateTime())
    values = _DONE | dict.fromkeys(("last_pushed_at", "accepted_at", "wanted_since"), moment)
    if dialect.name == "postgresql":
        each = select(
            *(
                func.unnest(bindparam(name, type_=ARRAY(kind))).label(name)
                for name, kind in given.items()
            )
        ).subquery("each")
        contact, digest, told = each.c
    else:
        contact, digest, told = (bindparam(name, type_=kind) for name, kind in given.items())
    return (
        update(table)
        .where(table.c.contact_id == contact)
        .values(values | {"digest": digest, "told": told})
    )


_ACCEPTED = InSession(_accepted)


def settle(owner: str, claims: Iterable[Claim]) -> None:
    """There was nothing to push: Higher Logic has this very record, or is not to be told."""
    leases.write(leases.lock(owner, claims), **_DONE, wanted_since=now())


def refuse(owner: str, claim: Claim, words: str, answer: history.Answer | None = None) -> None:
    """Higher Logic refused this contact's record, in these words. It is tried again slowly, and
    at once if it has changed in the meantime."""
    # Of the first refusal on: what had no answer before that says nothing of the record.
    tries = claim.attempts if claim.refused else 0
    again = now() + delay(tries, first=REFUSED_FIRST, longest=REFUSED_LONGEST)
    changed = table.c.wanted > table.c.claimed
    leases.write(
        leases.lock(owner, [claim]),
        answer,
        **leases.FREE,
        lane=case((changed, table.c.lane), else_=lanes.BULK),
        refused=table.c.claimed,
        attempts=case((changed, 0), else_=tries + 1),
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
    leases.write(
        leases.lock(owner, claims),
        **leases.FREE,
        lane=case((changed, table.c.lane), else_=lanes.BULK),
        attempts=case((changed, 0), else_=table.c.attempts + 1),
        next_try_at=case((changed, now()), else_=literal(again, type_=UTCDateTime())),
        last_error=words[:WORDS_LENGTH],
    )


def postpone(
    owner: str,
    claims: Iterable[Claim],
    until: dt.datetime,
    words: str,
    answer: history.Answer | None = None,
) -> None:
    """Give claims back whose push had no clear answer: it is repeated (Y22)."""
    leases.write(
        leases.lock(owner, claims),
        answer,
        **leases.FREE,
        attempts=table.c.attempts + 1,
        next_try_at=until,
        last_error=words[:WORDS_LENGTH],
        last_pushed_at=now(),
    )


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
