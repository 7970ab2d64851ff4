"""How long what was sent is kept, and when it is compared with what there is."""

from typing import Any

from idp.directory.contacts import InvalidValue

DAYS, LONGEST = 90, 3650
HOUR = 3


def checked_days(value: Any) -> int:
    """A number of days from 1 to ``LONGEST``, also as it was typed. Raises ``InvalidValue``."""
    text = str(value).strip()
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= days <= LONGEST:
        raise InvalidValue(
            "history_days", "invalid_history_days", f"A number of days from 1 to {LONGEST:,}."
        )
    return days


def checked_hour(value: Any) -> int | None:
    """An hour of the day from 0 to 23, also as it was typed; ``None`` (nothing): never. Raises
    ``InvalidValue``."""
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 3 and int(text) < 24):
        raise InvalidValue(
            "reconcile_hour", "invalid_reconcile_hour", "An hour from 0 to 23, or none."
        )
    return int(text)
