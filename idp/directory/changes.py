"""The one place where changes of contacts are announced (docs/architecture.md, decision 3).

ORM writes announce themselves when they are flushed (``watch`` says how for each model);
statements that change many rows call ``announce`` with the ids, or with a SELECT of them. Both
happen inside the transaction of the change: who listens writes in it, and is kept or undone
with it.

Before the transaction is kept, what must follow does (``follows``: memberships follow the
contacts; ``later``: a group's memberships follow its condition), then whoever listens is told
(``sync`` counts its ledger up).

Transactions that change contacts run side by side, but not beside one that changes something
about many at once (a condition, a group's sync, a field's name): neither would see what the other
is about to keep, and a contact could end up in no group, or unannounced. On Postgres a lock of
the transaction says so; SQLite has one writer anyway.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Any

from sqlalchemy import Select, event, func, select
from sqlalchemy.orm import Session

from idp.database import db

# Ids that fit one statement with room to spare: SQLite takes 32,766 parameters.
CHUNK = 500

Ids = Select[int] | Collection[int]
Listener = Callable[[Select[int]], None]

_watched: dict[type, Callable[[Any, bool], None]] = {}
_followers: list[Callable[[Collection[int]], None]] = []
_listeners: list[Listener] = []

_CHANGED = "tessera: changed contacts"
_LATER = "tessera: to do before commit"
# Any number that no other advisory lock of this database has.
_LOCK = 7_355_372


def watch(model: type, written: Callable[[Any, bool], None]) -> None:
    """Have ``written(row, deleted)`` called after each flush of a row of ``model``.

    It runs while the row still tells what changed (``sqlalchemy.inspect(row).attrs``) and calls
    ``announce`` or ``later``.
    """
    _watched[model] = written


def follows(function: Callable[[Collection[int]], None]) -> Callable[[Collection[int]], None]:
    """Register what must follow changed contacts, by id, before anyone else hears of them."""
    _followers.append(function)
    return function


def listen(function: Listener) -> None:
    """Register a listener: called inside the transaction with a SELECT of contact ids."""
    if function not in _listeners:
        _listeners.append(function)


def later(key: Hashable, work: Callable[[], None]) -> None:
    """Do some work about many contacts once, before the transaction at hand is kept.

    Nobody else changes contacts from then on until it is kept.
    """
    db.session().info.setdefault(_LATER, {}).setdefault(key, work)


def announce(ids: Ids) -> None:
    """Announce contacts whose record changed.

    A SELECT is handed on as it is, at once: a change of a million costs statements, not rows.
    """
    if isinstance(ids, Select):
        _tell(ids)
    else:
        db.session().info.setdefault(_CHANGED, set()).update(ids)


def _tell(contacts: Select[int]) -> None:
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
    while session.info.get(_LATER) or session.info.get(_CHANGED):
        works = session.info.pop(_LATER, {})
        changed = sorted(session.info.pop(_CHANGED, ()))
        _take_turn(session, alone=bool(works))
        chunks = [changed[start : start + CHUNK] for start in range(0, len(changed), CHUNK)]
        for chunk in chunks:
            for follow in _followers:
                follow(chunk)
        for work in works.values():
            work()
        contact = db.metadata.tables["contact"].c
        for chunk in chunks:
            _tell(select(contact.id).where(contact.id.in_(chunk)))
        session.flush()


def _take_turn(session: Session, *, alone: bool) -> None:
    if session.get_bind().dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        session.execute(select(lock(_LOCK)))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    # What was changed before a savepoint is still to be announced when only that is undone.
    if not session.in_nested_transaction():
        for name in (_CHANGED, _LATER):
            session.info.pop(name, None)
