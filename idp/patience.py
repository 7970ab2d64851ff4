"""Questions to the database that are given up when nobody would wait for the answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from idp.database import db

# How many of SQLite's steps between two looks at the clock: some milliseconds.
_STEPS = 50_000
_CANCELED = "57014"  # Postgres: query_canceled


class TooSlow(Exception):
    """The answer took longer than it was waited for; the transaction is rolled back."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Give up what is asked in here after so many seconds: on Postgres each statement, on SQLite
    all of them together. For transactions that only read.

    Raises ``TooSlow``.
    """
    limit = _on_sqlite if db.engine.dialect.name == "sqlite" else _on_postgres
    try:
        with limit(seconds):
            yield
    except OperationalError as error:
        driver = cast(Any, error.orig)
        if getattr(driver, "sqlstate", None) != _CANCELED and str(driver) != "interrupted":
            raise
        db.session.rollback()
        raise TooSlow from None


@contextmanager
def _on_postgres(seconds: float) -> Iterator[None]:
    def limit(milliseconds: int) -> None:
        # Of this transaction only: it ends with it, however that ends.
        db.session.execute(
            text("SELECT set_config('statement_timeout', :limit, true)"),
            {"limit": str(milliseconds)},
        )

    limit(int(seconds * 1000))
    yield
    limit(0)


@contextmanager
def _on_sqlite(seconds: float) -> Iterator[None]:
    driver: Any = db.session.connection().connection.dbapi_connection
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
