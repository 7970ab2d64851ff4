"""The database's schema: bringing it up to date, and refusing to run on an old one."""

import logging
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import upgrade as migrate_upgrade
from sqlalchemy.exc import SQLAlchemyError

import idp
from idp import database
from idp.database import db
from idp.settings import ConfigurationError

DIRECTORY = Path(idp.__path__[0]) / "migrations"


def head() -> str:
    """The newest revision that this version knows."""
    revision = ScriptDirectory(str(DIRECTORY)).get_current_head()
    if revision is None:
        raise RuntimeError("there are no migrations")
    return revision


def current() -> str | None:
    """The database's revision; ``None`` for an empty database."""
    with database.reading(), db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade() -> None:
    """Bring the database's schema up to date."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    migrate_upgrade(directory=str(DIRECTORY))


def unreachable(error: SQLAlchemyError) -> ConfigurationError:
    """What to say of a database that does not answer."""
    reason = str(error.__cause__ or error).strip().splitlines()[0]
    return ConfigurationError("TSR-C21", f"The database cannot be reached: {reason}")


def check() -> None:
    """Raises ``ConfigurationError`` when the schema is not this version's."""
    revision = current()
    if revision != head():
        raise ConfigurationError(
            "TSR-C20",
            ("The database is empty" if revision is None else "The database's schema is another")
            + ": run `tessera db upgrade` first.",
        )
