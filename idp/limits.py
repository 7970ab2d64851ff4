"""How often somebody may try: rate limits kept in Redis, in memory while Redis is away."""

import ipaddress
import re

from flask import Flask, request
from flask_limiter import Limiter

from idp.settings import Settings

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


def network() -> str:
    """Whom a limit counts: an IPv4 address, or an IPv6 network of 64 bits, which is what one
    customer of a provider has to choose addresses from."""
    given = request.remote_addr or ""
    # Some proxies write the port behind the address: with it every connection would be another.
    if with_port := _WITH_PORT.fullmatch(given):
        given = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is not None:
        return given
    return str(ipaddress.ip_network((int(address), 64), strict=False))


class ViewLimiter(Limiter):
    """Limits of single views, and none besides: a request to any other costs nothing."""

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        # Before each request it would look for limits that hold everywhere. We have none.
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


limiter = ViewLimiter(key_func=network, strategy="moving-window")


# A site's server comes from one address, with all its members behind it: only what is refused
# counts, so that a day of many sign-ons is not slowed down, and costs no look at the counters.
@limiter.limit("600/minute")
def count_refusal() -> None:
    """Count a refused request of the protocol. Raises ``RateLimitExceeded``."""


# What they leave is kept for minutes. A member's app pushes one request for each sign-in.
@limiter.limit("120/minute")
def count_unproven() -> None:
    """Count what somebody leaves here who proves nothing. Raises ``RateLimitExceeded``."""


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
