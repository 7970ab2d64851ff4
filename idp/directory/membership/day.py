"""The association's day."""

import datetime as dt

from idp import association


def today() -> dt.date:
    """The day that memberships are about."""
    return association.today()
