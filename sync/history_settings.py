"""How long what was sent is kept."""

from typing import Any

from idp.directory.contacts import InvalidValue

DAYS, LONGEST = 90, 3650


def checked_days(value: Any) -> int:
    """A number of days from 1 to ``LONGEST``, also as it was typed. Raises ``InvalidValue``."""
    text = str(value).strip()
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= days <= LONGEST:
        raise InvalidValue(
            "history_days", "invalid_history_days", f"A number of days from 1 to {LONGEST:,}."
        )
    return days
