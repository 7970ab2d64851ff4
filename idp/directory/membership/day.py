"""The association's day."""

import datetime as dt

from idp.database import now


def today() -> dt.date:
    """The day that memberships are about."""
    return now().date()
