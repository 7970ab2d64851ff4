"""The association's day."""

import datetime as dt

from idp import association


def today() -> dt.date:
    """The day that memberships are about."""
    return association.today()


def day_in(zone: str | None) -> dt.date:
    """That day where the association's time zone was read already."""
    return association.day_in(zone)
