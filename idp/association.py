"""The association: its name, its look and its day. One row."""

import datetime as dt
import re
import zoneinfo
from functools import cache
from typing import Any

from sqlalchemy import CheckConstraint, String, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from idp import audit
from idp.compiled import InSession
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory.contacts import InvalidValue, checked_text

DEFAULT_COLOUR = "#1f4e79"
DEFAULT_TIME_ZONE = "UTC"
UNNAMED = "Your association"
# Two years: whoever asks what became of a membership asks about this term and the one before.
AUDIT_DAYS, FEWEST_AUDIT_DAYS, MOST_AUDIT_DAYS = 730, 90, 3650


class Association(Base):
    """What members and staff see of whose sign-in this is. ``colour`` is ``#rrggbb``.

    ``time_zone`` is a name of IANA's, as ``America/New_York``: it says when a day begins.
    ``logo_token`` is the logo's public name (``idp.logo``), and the others its size in pixels.
    ``decided`` names the steps of the set-up that staff ticked by a decision; ``launched_at`` is
    when they said that the set-up is done.
    ``audit_days`` is how long the audit is kept (``audit.retention``).
    """

    __tablename__ = "association"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(255), default=UNNAMED)
    colour: Mapped[str] = mapped_column(String(7), default=DEFAULT_COLOUR)
    time_zone: Mapped[str] = mapped_column(
        String(64), default=DEFAULT_TIME_ZONE, server_default=DEFAULT_TIME_ZONE
    )
    logo_token: Mapped[str | None] = mapped_column(String(22))
    logo_width: Mapped[int | None]
    logo_height: Mapped[int | None]
    decided: Mapped[list[str]] = mapped_column(JSONDocument, default=list, server_default="[]")
    launched_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    audit_days: Mapped[int] = mapped_column(default=AUDIT_DAYS, server_default=str(AUDIT_DAYS))

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

    @validates("audit_days")
    def _audit_days(self, _name: str, value: int) -> int:
        if not FEWEST_AUDIT_DAYS <= value <= MOST_AUDIT_DAYS:
            raise InvalidValue(
                "audit_days",
                "invalid_audit_days",
                f"A number of days from {FEWEST_AUDIT_DAYS} to {MOST_AUDIT_DAYS:,}.",
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
    return day_in(row and row.time_zone)


def day_in(zone: str | None) -> dt.date:
    """The day that it is in a time zone; without one, in that of an association without a row."""
    return now().astimezone(zoneinfo.ZoneInfo(zone or DEFAULT_TIME_ZONE)).date()


def get() -> Association:
    """The association; one that was not saved yet has the defaults."""
    return db.session.get(Association, 1) or Association(
        id=1,
        name=UNNAMED,
        colour=DEFAULT_COLOUR,
        time_zone=DEFAULT_TIME_ZONE,
        decided=[],
        audit_days=AUDIT_DAYS,
    )


def change(**values: Any) -> Association:
    """Change name, colour, time zone, or how many days the audit is kept; the audit has it.
    Raises ``InvalidValue``."""
    before = {name: getattr(get(), name) for name in values}
    row = db.session.get(Association, 1)
    if row is None:
        row = Association(id=1)
        db.session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    changed = audit.changes(before, {name: getattr(row, name) for name in values})
    if changed:
        audit.record(audit.Event.ASSOCIATION_CHANGED, changed=changed)
    return row


def decide(step: str, decided: bool) -> bool:
    """Tick a step of the set-up by a decision, or take that back; says whether that is new."""
    row = _held()
    known = row.decided or []
    if (step in known) == decided:
        return False
    # A new list: what is in a JSON column is not watched.
    row.decided = sorted({*known, step} if decided else {*known} - {step})
    return True


def launch() -> bool:
    """The set-up is done; says whether it was not before."""
    row = _held()
    if row.launched_at is not None:
        return False
    row.launched_at = now()
    return True


def _held() -> Association:
    """The association's row as it is now, held: somebody else may be deciding something as well."""
    change()
    db.session.flush()
    return db.session.get_one(Association, 1, with_for_update=True, populate_existing=True)
