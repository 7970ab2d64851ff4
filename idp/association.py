"""The association: its name, its look and its day. One row."""

import datetime as dt
import re
import zoneinfo
from functools import cache

from sqlalchemy import CheckConstraint, String, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from idp.compiled import InSession
from idp.database import Base, db, now
from idp.directory.contacts import InvalidValue, checked_text

DEFAULT_COLOUR = "#1f4e79"
DEFAULT_TIME_ZONE = "UTC"


class Association(Base):
    """What members and staff see of whose sign-in this is. ``colour`` is ``#rrggbb``.

    ``time_zone`` is a name of IANA's, as ``America/New_York``: it says when a day begins.
    """

    __tablename__ = "association"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(255), default="Your association")
    colour: Mapped[str] = mapped_column(String(7), default=DEFAULT_COLOUR)
    time_zone: Mapped[str] = mapped_column(
        String(64), default=DEFAULT_TIME_ZONE, server_default=DEFAULT_TIME_ZONE
    )

    @validates("name")
    def _name(self, _name: str, value: str) -> str:
        text = checked_text("name", value or "")
        if not text:
            raise InvalidValue("name", "missing_name", "The association needs a name.")
        return text

    @validates("colour")
    def _colour(self, _name: str, value: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise InvalidValue("colour", "invalid_colour", "A colour is written as #1f4e79.")
        return value.lower()

    @validates("time_zone")
    def _time_zone(self, _name: str, value: str) -> str:
        if value not in time_zones():
            raise InvalidValue(
                "time_zone", "unknown_time_zone", "A time zone is named as America/New_York."
            )
        return value


@cache
def time_zones() -> tuple[str, ...]:
    """The names of the time zones that there are, in alphabetical order."""
    # What the machine's own settings are called is no zone that means the same elsewhere.
    aside = {"Factory", "localtime", "posixrules"}
    return tuple(sorted(zoneinfo.available_timezones() - aside))


_TIME_ZONE = InSession(lambda _dialect: select(Association.time_zone))


def today() -> dt.date:
    """The day that it is at the association."""
    row = _TIME_ZONE.row()
    zone = row.time_zone if row is not None else DEFAULT_TIME_ZONE
    return now().astimezone(zoneinfo.ZoneInfo(zone)).date()


def get() -> Association:
    """The association; one that was not saved yet has the defaults."""
    return db.session.get(Association, 1) or Association(
        id=1, name="Your association", colour=DEFAULT_COLOUR, time_zone=DEFAULT_TIME_ZONE
    )


def change(**values: str) -> Association:
    """Change name, colour or time zone. Raises ``InvalidValue``."""
    row = db.session.get(Association, 1)
    if row is None:
        row = Association(id=1)
        db.session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    return row
