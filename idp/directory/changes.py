"""The one place where changes of contacts are announced (DESIGN.md, decision 3).

ORM writes announce themselves when they are flushed (``watch`` says how for each model);
statements that change many rows call ``announce`` with the ids, or with a SELECT of them. Both
happen inside the transaction of the change: who listens writes in it, and is kept or undone
with it.

Before the transaction is kept, what must follow does (``later``: a group's memberships follow
its condition; ``follows``: memberships follow the contacts), then whoever listens is told
(``sync`` counts its ledger up), and when it is kept, ``after_commit`` wakes whoever works.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Any

from sqlalchemy import Select, event, select
from sqlalchemy.orm import Session

from idp.database import db

# Ids that fit one statement with room to spare: SQLite takes 32,766 parameters.
CHUNK = 500

Ids = Select[int] | Collection[int]
Listener = Callable[[Select[int]], None]

_watched: dict[type, Callable[[Any, bool], None]] = {}
_followers: list[Callable[[Collection[int]], None]] = []
_listeners: list[Listener] = []
_after_commit: list[Callable[[], None]] = []

_CHANGED = "tessera: changed contacts"
_LATER = "tessera: to do before commit"
_TOLD = "tessera: listeners were told"


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


def after_commit(function: Callable[[], None]) -> None:
    """Register what is called once a transaction that announced something is kept."""
    if function not in _after_commit:
        _after_commit.append(function)


def later(key: Hashable, work: Callable[[], None]) -> None:
    """Do some work once, before the transaction at hand is kept."""
    db.session().info.setdefault(_LATER, {}).setdefault(key, work)


def announce(ids: Ids) -> None:
    """Announce contacts whose record changed.

    A SELECT is handed on as it is, at once: a change of a million costs statements, not rows.
    """
    if isinstance(ids, Select):
        _tell(db.session(), ids)
    else:
        db.session().info.setdefault(_CHANGED, set()).update(ids)


def _tell(session: Session, contacts: Select[int]) -> None:
    session.info[_TOLD] = True
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
    while True:
        for work in session.info.pop(_LATER, {}).values():
            work()
        changed = sorted(session.info.pop(_CHANGED, ()))
        for start in range(0, len(changed), CHUNK):
            chunk = changed[start : start + CHUNK]
            for follow in _followers:
                follow(chunk)
            contact = db.metadata.tables["contact"].c
            _tell(session, select(contact.id).where(contact.id.in_(chunk)))
        session.flush()
        if not session.info.get(_LATER) and not session.info.get(_CHANGED):
            return


@event.listens_for(Session, "after_commit")
def _wake(session: Session) -> None:
    if session.info.pop(_TOLD, False):
        for function in _after_commit:
            function()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    for name in (_CHANGED, _LATER, _TOLD):
        session.info.pop(name, None)
