"""What changed is noted in the ledger: the part of it that is in the transaction of the change.

Contacts come into the feed here, and *wanted* is counted up. A fixed number of statements, however
many contacts it is.
"""

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SmallInteger,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect

from idp.compiled import InSession, any_of
from idp.database import UTCDateTime, db, now
from idp.directory import changes
from sync import lanes, scope
from sync.ledger import ALIAS, COMPANY, PERSON, pending, table, wanted_since

NOTED = "tessera: ledger noted"
# A contact that was pushed within RECENT, or is being pushed, is pushed again when nothing of it
# has changed for QUIET, or after LONGEST_QUIET of changes: whoever saves a form twice, or runs a
# script over one record a thousand times, is told of in two pushes.
RECENT, QUIET = dt.timedelta(seconds=1), dt.timedelta(seconds=0.3)
LONGEST_QUIET = dt.timedelta(seconds=15)

_NEW: dict[str, Any] = {
    "accepted": 0,
    "claimed": 0,
    "refused": 0,
    "attempts": 0,
    "last_error": "",
}


def note(contacts: changes.Ids) -> None:
    """Count *wanted* up for those of the announced contacts that the feed is about.

    That is who has a row already (so who has just left a group is noted too) and who is in scope
    now; and the companies of announced people come into scope with them. Few of them are live,
    many are bulk (``lanes``). A fixed number of statements, whatever the number of contacts; inside
    the transaction of the change. Ids are ``changes.CHUNK`` at most; for them the statements are
    compiled once.
    """
    contacts, lane = lanes.of_announced(contacts)
    moment = now()
    given: dict[str, Any] = {
        "moment": moment,
        "lane": lane,
        "quiet_at": moment + QUIET,
        "recent": moment - RECENT,
        "too_long": moment - LONGEST_QUIET,
    }
    if isinstance(contacts, Select):
        dialect, chosen = db.engine.dialect, contacts
        statements = [build(lambda column: column.in_(chosen), dialect) for build in _NOTING]
        counted = [
            _rows(db.session.execute(one.execution_options(preserve_rowcount=True), given))
            for one in statements
        ]
    else:
        counted = _note_ids(contacts, given)
    if any(counted):
        wake_after_commit(lane)


def begin(contact_ids: Collection[int]) -> None:
    """Take contacts into the feed who are in no synced group (``first_sign_in``).

    Who has a row keeps it as it is; of whom Higher Logic may not be told, it is not.
    """
    contact = scope.contacts("begun")
    begun = select(contact.c.id, *_lane_and_rank(contact)).where(
        contact.c.id.in_(contact_ids), scope.eligible(contact)
    )
    rows = _rows_of(begun, db.engine.dialect).on_conflict_do_nothing(
        index_elements=[table.c.contact_id]
    )
    db.session.execute(rows, {"moment": now(), "lane": lanes.LIVE})


Chosen = Callable[[Any], ColumnElement[bool]]


def _announced(chosen: Chosen, dialect: Dialect) -> Any:
    contact = scope.contacts("noted")
    had = table.alias()
    noted = select(contact.c.id, *_lane_and_rank(contact)).where(
        chosen(contact.c.id),
        or_(
            exists().where(had.c.contact_id == contact.c.id).correlate(contact),
            scope.in_scope(contact),
        ),
    )
    insert = _rows_of(noted, dialect)
    return insert.on_conflict_do_update(
        index_elements=[table.c.contact_id],
        set_={
            "lane": lanes.kept(table.c, insert.excluded.lane),
            "rank": insert.excluded.rank,
            "wanted": table.c.wanted + 1,
            "attempts": 0,
            "next_try_at": _when_quiet(insert.excluded.next_try_at),
            "wanted_since": wanted_since(insert.excluded.wanted_since),
        },
    )


def _when_quiet(moment: ColumnElement[dt.datetime]) -> ColumnElement[dt.datetime]:
    """When a contact that changes now is due: at once, unless it may change again in a moment."""
    row = table.c
    held_back = and_(pending(), row.attempts == 0, row.next_try_at > moment)
    under_way = and_(row.lease_until.is_not(None), row.lease_until > moment)
    again = or_(row.last_pushed_at > _given("recent"), under_way, held_back)
    too_long = and_(pending(), row.wanted_since <= _given("too_long"))
    live = _given("lane", SmallInteger()) == lanes.LIVE
    return case((and_(live, again, not_(too_long)), _given("quiet_at")), else_=moment)


def _given(name: str, kind: Any = UTCDateTime()) -> Any:  # noqa: B008
    return bindparam(name, type_=kind)


def _employers(chosen: Chosen, dialect: Dialect) -> Any:
    person = scope.contacts("noted_person")
    employers = select(person.c.company_id).where(
        chosen(person.c.id), scope.eligible(person), scope.in_synced_group(person)
    )
    company = scope.contacts("employer")
    noted = select(company.c.id, *_lane_and_rank(company)).where(
        company.c.id.in_(employers), company.c.active
    )
    return _rows_of(noted, dialect).on_conflict_do_nothing(index_elements=[table.c.contact_id])


def _rows_of(contacts: Select[Any], dialect: Dialect) -> Any:
    values = _NEW | {"wanted": 1}
    # In one order always: two transactions that lock the same rows then wait for each other
    # instead of deadlocking. And sorted by what no index has, so that all are known before the
    # first is written: Postgres would otherwise look through the rows that it has just written
    # for whether each contact has one, and a first group of 200,000 would take it an hour.
    source = contacts.add_columns(
        *(literal(value).label(name) for name, value in values.items()),
        _given("moment").label("next_try_at"),
        _given("moment").label("wanted_since"),
    ).order_by(contacts.selected_columns[0] + 0)
    words = postgresql if dialect.name == "postgresql" else sqlite
    return words.insert(table).from_select(
        ["contact_id", "lane", "rank", *values, "next_try_at", "wanted_since"], source
    )


def _lane_and_rank(contact: Any) -> tuple[ColumnElement[int], ColumnElement[int]]:
    alias, given = scope.alias(contact), _given("lane", SmallInteger())
    return (
        # In no lane may the kept record overtake it.
        case((alias, lanes.LIVE), else_=given),
        case((alias, ALIAS), (contact.c.kind == "company", COMPANY), else_=PERSON),
    )


def _of_ids(build: Callable[[Chosen, Dialect], Any]) -> InSession:
    return InSession(lambda dialect: build(lambda column: any_of(column, "ids", dialect), dialect))


def _both(chosen: Chosen, dialect: Dialect) -> Any:
    written = [build(chosen, dialect).returning(table.c.contact_id).cte() for build in _NOTING]
    counts = [select(func.count()).select_from(rows).scalar_subquery() for rows in written]
    return select(*(count.label(f"count_{place}") for place, count in enumerate(counts)))


_NOTING = (_announced, _employers)
_NOTING_IDS = [_of_ids(build) for build in _NOTING]
_NOTING_ONE = _of_ids(_both)


def _note_ids(contact_ids: Collection[int], given: dict[str, Any]) -> list[int]:
    # Postgres writes both by one statement; where nobody who is announced may be the employer of
    # another, since one statement cannot write a row twice.
    if len(contact_ids) == 1 and db.session.get_bind().dialect.name == "postgresql":
        return list(_NOTING_ONE.row(ids=contact_ids, **given))
    return [one.run(ids=contact_ids, **given) for one in _NOTING_IDS]


def note_everything() -> None:
    """Note every contact that has a row or is in scope: what is right costs no push (Y06)."""
    contact = scope.contacts("everything")
    note(select(contact.c.id))


def forget_digests(contacts: Select[int]) -> int:
    """Have what is pending of some contacts pushed even where nothing changed; says of how many."""
    result = db.session.execute(
        update(table).where(table.c.contact_id.in_(contacts)).values(digest=None)
    )
    return _rows(result)


def forget_accepted() -> None:
    """Everything is wanted and nothing accepted: the connection leads to another tenant now.

    Leases end, so that a push still on its way to the old tenant is not taken for the new one's.
    """
    # Locked in the order that everybody locks in: an UPDATE alone takes rows as they lie, and would
    # deadlock with a worker at work.
    rows = select(table.c.contact_id).order_by(table.c.contact_id).with_for_update().subquery()
    db.session.execute(select(func.count()).select_from(rows))
    db.session.execute(
        update(table).values(
            _NEW
            | {
                "lane": lanes.BULK,
                "wanted": table.c.wanted + 1,
                "digest": None,
                "told": None,
                "lease_owner": None,
                "lease_until": None,
                "next_try_at": now(),
                "last_pushed_at": None,
                "accepted_at": None,
                "wanted_since": now(),
            }
        )
    )
    wake_after_commit(lanes.BULK)


def wake_after_commit(*woken: int) -> None:
    """Have a lane (without one: each) worked off once the transaction at hand is kept
    (``jobs.wake_if_noted``)."""
    db.session().info.setdefault(NOTED, set()).update(woken or lanes.LANES)


def _rows(result: Any) -> int:
    return int(result.rowcount)
