"""The session, the column types, and what SQLite needs to behave under several processes."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

from idp import folding
from idp.settings import Settings

# Migrations need constraints to have names that do not depend on the database.
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every model; Flask-SQLAlchemy takes its metadata from here."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)
migrate = Migrate(directory="idp/migrations")

# A connection to Postgres that was idle for longer is asked whether it is still there.
IDLE_SECONDS = 1.0

_reading: ContextVar[bool] = ContextVar("reading", default=False)


class UTCDateTime(TypeDecorator[dt.datetime]):
    """A moment: aware, stored as UTC, read back as UTC on every database (ST2).

    Raises ``ValueError`` for a naive value: it would mean another moment on another machine.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Turn an aware moment into UTC; naive for SQLite, which keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self, value: dt.datetime | None, _dialect: Dialect
    ) -> dt.datetime | None:
        """Give the moment back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


JSONDocument = JSON(none_as_null=True).with_variant(
    JSONB(none_as_null=True), postgresql.dialect.name
)


def now() -> dt.datetime:
    """The present moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the app to its database."""
    address = settings.database_address
    if address.startswith("sqlite"):
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    app.config["SQLALCHEMY_DATABASE_URI"] = address
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _options(settings)
    db.init_app(app)
    migrate.init_app(app, db, render_as_batch=True)
    with app.app_context():
        _tune(db.engine)
        if db.engine.dialect.name == "sqlite":
            _say_what_begins(db.engine)


def another_engine(settings: Settings, **more: Any) -> Engine:
    """Another engine on the app's database, tuned as the session's; ``more`` is SQLAlchemy's."""
    engine = create_engine(settings.database_address, **_options(settings), **more)
    _tune(engine)
    return engine


def _options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        # No values in the text of an error: it goes to the log, and some are hashes and sealed
        # keys.
        "hide_parameters": True,
        # One for each thread that serves, and as many for a moment.
        "pool_size": settings.web_threads,
        "max_overflow": settings.web_threads,
    }
    if settings.database_address.startswith("sqlite"):
        # Writers wait for each other this many seconds before "database is locked".
        options["connect_args"] = {"timeout": 30}
    return options


def _tune(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    else:
        _ask_the_idle(engine)


@contextmanager
def reading() -> Iterator[None]:
    """Transactions begun in here only read: on SQLite they do not queue for the one writer.

    A write in here fails on SQLite, at once and every time, instead of now and then.
    """
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def start_writing() -> None:
    """Leave a reading transaction and begin a writing one: for a GET that must write."""
    db.session.rollback()
    _reading.set(False)


def start_reading() -> None:
    """What the app does before a GET; ``start_writing`` is the way out."""
    _reading.set(True)


def stop_reading() -> None:
    """Undo ``start_reading`` when the request is over."""
    _reading.set(False)


def _ask_the_idle(engine: Engine) -> None:
    """Ask a connection whether it is still there when it was idle for long.

    SQLAlchemy's own ``pool_pre_ping`` asks before each transaction: as much again as the SELECT of
    a sign-on.
    """

    @event.listens_for(engine, "checkin")
    def on_checkin(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
        idle_since = record.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool makes another


def _set_query_only(connection: PoolProxiedConnection, wanted: bool) -> None:
    """Let a pooled connection to SQLite only read, or write again.

    Said only when it changes: SQLite compiles every statement anew after it.
    """
    if connection.info.get("query_only", False) == wanted or connection.dbapi_connection is None:
        return
    cursor = connection.dbapi_connection.cursor()
    cursor.execute(f"PRAGMA query_only = {'ON' if wanted else 'OFF'}")
    cursor.close()
    connection.info["query_only"] = wanted


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: `on_begin` says which kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        # 32 MB for a connection at the most: a worker has two, and is to stay under 200 MB.
        cursor.execute("PRAGMA cache_size = -32768")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()
        # On Postgres a migration makes this one: both must give the same answers.
        connection.create_function("tessera_folded", 1, _folded, deterministic=True)


def _say_what_begins(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        # Handed to the driver: SQLAlchemy's way there costs more than what most requests ask.
        only_reading = _reading.get()
        _set_query_only(connection.connection, only_reading)
        # A transaction that reads first and writes later cannot wait for another writer in WAL
        # mode, it fails; one that takes its turn at once waits (sqlite.org/isolation).
        begin = "BEGIN" if only_reading else "BEGIN IMMEDIATE"
        connection.connection.dbapi_connection.execute(begin)


def _folded(value: object) -> object:
    return folding.fold(value) if isinstance(value, str) else value
