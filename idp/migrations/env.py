"""Alembic's environment: the app's engine and the metadata of every model."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON
from sqlalchemy.dialects.postgresql import JSONB

from idp.database import UTCDateTime, db
from idp.directory.fields import Millionths
from idp.migrations.comparing import compare_type, include_object


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types as SQLAlchemy's: a migration must not change with our code."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Millionths):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, JSON) and not isinstance(item, JSONB):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run() -> None:
    """Run the migrations in one transaction."""
    with db.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            # SQLite changes a table by making it anew and dropping the old one; with foreign keys
            # on, that would delete what hangs on it (sqlite.org/lang_altertable, 7). Outside of a
            # transaction, where alone it has an effect.
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys = OFF")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            render_item=render_item,
            compare_type=compare_type,
            include_object=include_object,
            transaction_per_migration=False,
        )
        with context.begin_transaction():
            context.run_migrations()
            if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("the migration left rows that point to nothing")
        connection.commit()
        # The pool must not hand on a connection that keeps no foreign keys.
        connection.invalidate()


run()
