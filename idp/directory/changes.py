"""The one place where changes of contacts are announced (docs/architecture.md, decision 3).

ORM writes announce themselves when they are flushed (``watch`` says how for each model);
statements that change many rows call ``announce`` with the ids, or with a SELECT of them. Both
happen inside the transaction of the change: who listens writes in it, and is kept or undone
with it.

Before the transaction is kept, what must follow does (``follows``: memberships follow the
contacts; ``later``: a group's memberships follow its condition), then whoever listens is told
(``sync`` counts its ledger up).

Transactions that change people run side by side, but not beside one that changes something about
many at once (a condition, a group's sync, a field's name, a company, whose people conditions may
ask about it): neither would see what the other is about to keep, and a contact could end up in no
group, or unannounced. On Postgres a lock of the transaction says so; SQLite has one writer anyway.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from typing import Any

from sqlalchemy import Select, case, event, func, select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import Session

from idp.compiled import InSession, any_of
from idp.database import db

# Ids that are looked at at once: what they bring along is in memory.
CHUNK = 500

Ids = Select[int] | Collection[int]
Listener = Callable[[Ids], None]
Follower = Callable[[Collection[int], Collection[int]], Collection[int]]

_watched: dict[type, Callable[[Any, bool], None]] = {}
_followers: list[Follower] = []
_listeners: list[Listener] = []

_CHANGED = "tessera: changed contacts"
_FOLLOWED = "tessera: contacts to follow"
_LATER = "tessera: to do before commit"
_OF_MANY = "tessera: others follow"
_COMPANY = "company"
# Any number that no other advisory lock of this database has.
_LOCK = 7_355_372


def watch(model: type, written: Callable[[Any, bool], None]) -> None:
    """Have ``written(row, deleted)`` called after each flush of a row of ``model``.

    It runs while the row still tells what changed (``sqlalchemy.inspect(row).attrs``) and calls
    ``announce`` or ``later``.
    """
    _watched[model] = written


def follows(function: Follower) -> Follower:
    """Register what must follow changed contacts, before anyone else hears of them.

    It is called with their ids and with those of them that are companies, and gives the ids of the
    contacts whose records changed with it.
    """
    _followers.append(function)
    return function


def listen(function: Listener) -> None:
    """Register a listener: called inside the transaction with a SELECT of contact ids, or with at
    most ``CHUNK`` ids."""
    if function not in _listeners:
        _listeners.append(function)


def later(key: Hashable, work: Callable[[], None]) -> None:
    """Do some work about many contacts once, before the transaction at hand is kept.

    Nobody else changes contacts from then on until it is kept.
    """
    db.session().info.setdefault(_LATER, {}).setdefault(key, work)


def announce(ids: Ids, *, of_many: bool = False) -> None:
    """Announce contacts whose record changed; ``of_many``: others follow in other transactions.

    A SELECT is handed on as it is, at once: a change of a million costs statements, not rows. It
    is for within ``later``: what is told holds rows that whoever has the turn may wait for.
    """
    if of_many:
        db.session().info[_OF_MANY] = True
    if isinstance(ids, Select):
        _tell(ids)
    else:
        db.session().info.setdefault(_CHANGED, set()).update(ids)


def of_many() -> bool:
    """Whether what a listener is told of is a part of many: a chunk of an import."""
    return bool(db.session().info.get(_OF_MANY))


def follow(contact_ids: Iterable[int]) -> None:
    """Have memberships follow some contacts, who are announced only if those change."""
    db.session().info.setdefault(_FOLLOWED, set()).update(contact_ids)


def hold(contact_id: int) -> None:
    """Hold a contact's row until the transaction at hand is over: who else would change something
    of that contact waits, and then sees it. On SQLite, which has one writer, nothing is to do."""
    if db.session.get_bind().dialect.name == "postgresql":
        _LOCKED.row(ids=[contact_id])


def _tell(contacts: Ids) -> None:
    for listener in _listeners:
        listener(contacts)


@event.listens_for(Session, "after_flush")
def _collect(session: Session, _context: Any) -> None:
    with session.no_autoflush:
        for row in (*session.new, *session.dirty, *session.deleted):
            written = next(
                (_watched[model] for model in type(row).__mro__ if model in _watched), None
            )
            if written is not None and (row not in session.dirty or session.is_modified(row)):
                written(row, row in session.deleted)


@event.listens_for(Session, "before_commit")
def _follow_and_tell(session: Session) -> None:
    session.flush()
    while any(session.info.get(name) for name in (_LATER, _CHANGED, _FOLLOWED)):
        works = session.info.pop(_LATER, {})
        changed = session.info.pop(_CHANGED, set())
        followed = sorted(changed | session.info.pop(_FOLLOWED, set()))
        companies = _hold_and_take_turn(session, followed, alone=bool(works))
        for chunk in _chunks(followed):
            for follower in _followers:
                changed.update(follower(chunk, companies.intersection(chunk)))
        for work in works.values():
            work()
        for chunk in _chunks(sorted(changed)):
            _tell(chunk)
        session.flush()
    session.info.pop(_OF_MANY, None)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _locked(dialect: Dialect) -> Any:
    contact = db.metadata.tables["contact"].c
    rows = (
        select(contact.id, contact.kind)
        .where(any_of(contact.id, "ids", dialect))
        .order_by(contact.id)
    )
    return rows.with_for_update(key_share=True)


def _locked_in_turn(dialect: Dialect) -> Any:
    held = _locked(dialect).cte("held")
    turn = case((held.c.kind != _COMPANY, func.pg_advisory_xact_lock_shared(_LOCK)))
    return select(held.c.kind, turn.label("turn"))


def _turn(alone: bool) -> InSession:
    lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    return InSession(lambda _dialect: select(lock(_LOCK).label("turn")))


_LOCKED, _LOCKED_IN_TURN = InSession(_locked), InSession(_locked_in_turn)
_TURNS = {alone: _turn(alone) for alone in (True, False)}


def _hold_and_take_turn(session: Session, contact_ids: list[int], *, alone: bool) -> set[int]:
    """Hold the contacts' rows, then take the turn; says which of them are companies.

    Two transactions may have changed one contact, each a part that the other does not see yet:
    the second waits here, and then sees both. It waits before it takes its turn: whoever waits
    for the turn may have the row. So one person, which is what nearly every change is about, is
    held and has the turn by one statement, and several are all held first.
    """
    postgres = session.get_bind().dialect.name == "postgresql"
    if postgres and not alone and len(contact_ids) == 1:
        row = _LOCKED_IN_TURN.row(ids=contact_ids)
        if row is not None and row.kind != _COMPANY:
            return set()
        companies = set(contact_ids) if row is not None else set()
    else:
        rows = [row for chunk in _chunks(contact_ids) for row in _LOCKED.rows(ids=chunk)]
        companies = {row.id for row in rows if row.kind == _COMPANY}
    if postgres:
        _TURNS[bool(alone or companies)].row()
    return companies


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    # What was changed before a savepoint is still to be announced when only that is undone.
    if not session.in_nested_transaction():
        for name in (_CHANGED, _FOLLOWED, _LATER, _OF_MANY):
            session.info.pop(name, None)
