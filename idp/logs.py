"""Logging: one line an event, as JSON where nobody reads along, and never a secret in it."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask

MASKED = "***"
_SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "code",
    "api_key",
    "apikey",
    "authorization",
    "cookie",
    "verifier",
)


def init_app(_app: Flask) -> None:
    """Set structlog up for the process."""
    # Authlib logs token dictionaries at debug level: silence it, whatever the level.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    terminal = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=True, repr_native_str=True)
        if terminal
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Mask every value whose name says that it is a secret: a slip of the pen stays harmless."""
    for name in event:
        if name != "status_code" and any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = MASKED
    return event
