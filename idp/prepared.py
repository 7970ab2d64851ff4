"""Statements that every sign-on runs: compiled once, then handed to the driver as they are.

The ORM's session costs many times what the driver does, for things that a sign-on has no use for:
an identity map, and a transaction around a single SELECT. What runs with every request of the
protocol is said as a SQLAlchemy statement all the same, so that tables, names, types and both
databases' words are the models'; only its execution is short. Everything else uses the session.

Each statement is a transaction of its own, unless it stands inside ``writing``. Whatever writes
here ends the session's transaction first, without keeping it (as ``database.start_writing`` does):
on SQLite it may hold the one writer's place, and would be waited for in vain.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app, g
from sqlalchemy import Engine, Executable, Update, bindparam, event, insert, literal, select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import DeclarativeBase

from idp import database
from idp.compiled import Compiled
from idp.database import db
from idp.settings import Settings

_EXTENSION = "tessera-prepared"
_HELD = "prepared_connection"


class Prepared:
    """A statement that is compiled once for each kind of database.

    The values of its ``bindparam`` are given by name at each call; nothing is filled in by the
    model's defaults. Raises ``TypeError`` at its first use when it would take one.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, Compiled] = {}

    def row(self, **given: Any) -> Any:
        """The one row that it finds, as a named tuple of the models' types, or ``None``."""
        held = _hold()
        ready = self._for(held.dialect)
        found = held.execute(ready.sql, ready.values(given)).fetchone()
        return None if found is None else ready.row(found)

    def write(self, **given: Any) -> int:
        """Write; gives how many rows that was."""
        held = _hold()
        ready = self._for(held.dialect)
        values = ready.values(given)
        _end_session()
        with held.turn:
            return int(held.execute(ready.sql, values).rowcount)

    def _for(self, dialect: Dialect) -> "Compiled":
        ready = self._compiled.get(dialect.name)
        if ready is None:
            ready = self._compiled[dialect.name] = Compiled(self._statement, dialect)
        return ready


class Use:
    """A row that is used up, and one that is made of it: both are kept, or neither.

    ``used`` is an UPDATE. With ``once`` the row is made only if the UPDATE found one to use. On
    Postgres it is one statement, so that nothing is sent for the transaction around it.
    """

    def __init__(
        self, used: Update, made: type[DeclarativeBase], *columns: str, once: bool
    ) -> None:
        self._columns = columns
        self._once = once
        self._used, self._made = Prepared(used), insertion(made, *columns)
        use = used.returning(literal(1).label("used")).cte("used")
        table: Any = made.__table__
        row = select(*(bindparam(name, type_=table.c[name].type) for name in columns))
        row = row.select_from(use) if once else row.add_cte(use)
        self._together = Prepared(insert(made).from_select(columns, row).inline())

    def write(self, **given: Any) -> bool:
        """Use and make; says whether the row was made."""
        if _hold().dialect.name == "postgresql":
            return self._together.write(**given) == 1
        with writing():
            if self._used.write(**given) == 0 and self._once:
                return False
            self._made.write(**given)
            return True


def insertion(model: type[DeclarativeBase], *columns: str) -> Prepared:
    """An INSERT of one row with these columns, each given by its name."""
    return Prepared(insert(model).values({name: bindparam(name) for name in columns}).inline())


@contextmanager
def writing() -> Iterator[None]:
    """One transaction around several statements: all of them are kept, or none.

    Inside of another it is part of that one.
    """
    held = _hold()
    if held.writing:
        yield
        return
    _end_session()
    with held.turn:
        held.execute("BEGIN IMMEDIATE" if held.dialect.name == "sqlite" else "BEGIN")
        held.writing = True
        try:
            yield
            held.execute("COMMIT")
        except BaseException:
            held.undo()
            raise
        finally:
            held.writing = False


def init_app(app: Flask, settings: Settings) -> None:
    """Let the app's requests run prepared statements, on connections of their own."""
    with app.app_context():
        app.extensions[_EXTENSION] = _Driver(db.engine, settings)
    app.teardown_appcontext(release)


class _Driver:
    """The connections that prepared statements go through: each statement commits by itself."""

    def __init__(self, sessions: Engine, settings: Settings) -> None:
        self.engine = database.another_engine(
            settings, isolation_level="AUTOCOMMIT", pool_reset_on_return=None
        )
        self.dialect = sessions.dialect
        # SQLite has one writer at a time, and who waits for another sleeps and looks again, for
        # longer each time. The threads of one process take turns here, and are woken at once.
        self.turn: Any = threading.RLock() if self.dialect.name == "sqlite" else _NO_TURNS
        # Who ends the session's connections, ends these as well.
        event.listen(sessions, "engine_disposed", lambda _engine: self.engine.dispose())


class _Held:
    """The pooled connection that a request holds."""

    def __init__(self, driver: _Driver) -> None:
        self.dialect, self.turn = driver.dialect, driver.turn
        self.pooled = driver.engine.raw_connection()
        self.cursor: Any = self.pooled.cursor()
        self.writing = False

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Run a statement; gives the driver's cursor, which the next statement uses again."""
        try:
            self.cursor.execute(sql, values)
        except self.dialect.loaded_dbapi.Error as error:
            if self.dialect.is_disconnect(error, self.pooled.driver_connection, self.cursor):
                # Nobody gets this connection after us; the next request has a fresh one.
                self.pooled.invalidate(error)
            raise
        return self.cursor

    def undo(self) -> None:
        """Undo the transaction; a connection that cannot is nobody's any more: the pool does not
        look at what comes back."""
        if not self.pooled.is_valid:
            return
        try:
            self.cursor.execute("ROLLBACK")
        except self.dialect.loaded_dbapi.Error as error:
            self.pooled.invalidate(error)

    def release(self) -> None:
        """Give the connection back."""
        if self.pooled.is_valid:
            self.cursor.close()
        self.pooled.close()


class _NoTurns:
    def __enter__(self) -> None:
        """Go on: Postgres lets many write at once."""

    def __exit__(self, *_error: object) -> None:
        """Go on."""


_NO_TURNS = _NoTurns()


def _hold() -> _Held:
    held: _Held | None = g.get(_HELD)
    if held is None:
        held = _Held(current_app.extensions[_EXTENSION])
        setattr(g, _HELD, held)
    return held


def _end_session() -> None:
    if db.session.registry.has() and db.session().in_transaction():
        db.session.rollback()


def release(_error: BaseException | None = None) -> None:
    """Give back the connection that the app context at hand holds, as its end does."""
    held: _Held | None = g.pop(_HELD, None)
    if held is not None:
        held.release()
