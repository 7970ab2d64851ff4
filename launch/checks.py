"""What a deployment needs, looked at before it runs: ``tessera check`` and every start."""

from redis import Redis, RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from idp import database
from idp.database import db
from idp.oauth import keys
from idp.settings import ConfigurationError, Settings
from launch import schema


def check_start() -> None:
    """What must be right before a process works: the schema is this version's, and the keys that
    sign can be read (K3). Expects an app context, and ends its session.

    Raises ``ConfigurationError``.
    """
    schema.check()
    with database.reading():
        keys.check()
    db.session.remove()


def check_deployment(settings: Settings) -> list[str]:
    """A line with an id for everything that is wrong; an empty list when all is well."""
    from wsgi import create_app

    problems = []
    app = create_app(settings)
    with app.app_context():
        try:
            with db.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            check_start()
        except SQLAlchemyError as error:
            problems.append(str(schema.unreachable(error)))
        except ConfigurationError as error:
            problems.append(str(error))
    if settings.redis_url is not None:
        try:
            with Redis.from_url(settings.redis_address, socket_connect_timeout=3) as redis:
                redis.ping()
        except (RedisError, ValueError) as error:
            problems.append(f"TSR-C22: Redis cannot be reached: {error}")
    return problems
