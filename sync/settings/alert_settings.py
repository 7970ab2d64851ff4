"""What the association's staff set of alerts: who is told, and after how long."""

import re
from collections.abc import Iterable
from typing import Any

from idp.directory.contacts import InvalidValue, checked_email, email_key

NAMES = ("alert_addresses", "alert_after_hours")
AFTER_HOURS = 6
MOST_HOURS = 168
MOST_ADDRESSES = 10


def checked_addresses(values: str | Iterable[str]) -> list[str]:
    """E-mail addresses, each once; text has commas, semicolons or white space between them.

    Raises ``InvalidValue``.
    """
    if isinstance(values, str):
        values = re.split(r"[,;\s]+", values)
    found: dict[str, str] = {}
    for value in filter(None, values):
        try:
            address = checked_email(value)
        except InvalidValue as error:
            raise InvalidValue(
                "alert_addresses", error.reason, f"“{value[:100]}” is no e-mail address."
            ) from None
        found.setdefault(email_key(address), address)
    if len(found) > MOST_ADDRESSES:
        raise InvalidValue(
            "alert_addresses", "too_many", f"At most {MOST_ADDRESSES} e-mail addresses."
        )
    return list(found.values())


def checked_hours(value: Any) -> int:
    """A number of hours. Raises ``InvalidValue``."""
    try:
        hours = int(value)
    except (TypeError, ValueError):
        hours = 0
    if not 1 <= hours <= MOST_HOURS:
        raise InvalidValue(
            "alert_after_hours",
            "invalid_alert_after_hours",
            f"A whole number of hours, from 1 to {MOST_HOURS}.",
        )
    return hours
