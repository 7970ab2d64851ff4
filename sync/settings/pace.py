"""How much at once and how fast: the bounds of what the association may set, and our own."""

import datetime as dt
from typing import Any

from idp.directory.contacts import InvalidValue

BATCH, LARGEST_BATCH = 100, 1000
MOST_REQUESTS = 6000
# Bytes of a body. What Higher Logic takes is not known; gateways take a megabyte as they come.
LARGEST_BODY = 900_000
# How long a size that was taken after "too large" is kept to.
SMALLER = dt.timedelta(hours=1)
# Seconds that a push waits for its turn; one whose turn is later is made later.
PATIENCE = 1.0

SETTINGS = ("batch_size", "requests_per_minute")


def checked(name: str, value: Any) -> int | None:
    """A setting as it is stored; no ``requests_per_minute`` is as many as Higher Logic takes.
    Raises ``InvalidValue``."""
    text = "" if value is None else str(value).strip()
    if name == "requests_per_minute":
        return _number(name, text, MOST_REQUESTS, "pushes a minute") if text else None
    return _number(name, text, LARGEST_BATCH, "contacts in one push")


def _number(name: str, text: str, most: int, what: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= most:
        raise InvalidValue(name, f"invalid_{name}", f"A number of {what}: 1 to {most:,}.")
    return number
