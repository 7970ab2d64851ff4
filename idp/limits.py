"""How often somebody may try: rate limits kept in Redis, in memory while Redis is away."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from idp.settings import Settings

limiter = Limiter(key_func=get_remote_address, strategy="moving-window")


def init_app(app: Flask, settings: Settings) -> None:
    """Keep the counters in the deployment's Redis.

    When Redis is away the counters of each process go on in memory: sign-in must neither stop
    nor become unlimited because a cache is gone.
    """
    app.config.setdefault("RATELIMIT_STORAGE_URI", _storage(settings.redis_address))
    app.config.setdefault("RATELIMIT_IN_MEMORY_FALLBACK_ENABLED", True)
    app.config.setdefault("RATELIMIT_HEADERS_ENABLED", False)
    limiter.init_app(app)


def _storage(address: str) -> str:
    # The limits library spells a socket differently than redis-py does.
    return address.replace("unix://", "redis+unix://", 1)
