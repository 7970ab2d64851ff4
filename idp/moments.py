"""Moments as people say them, at the association's clock, with the exact time on hover."""

import datetime as dt
import zoneinfo

from flask import g
from markupsafe import Markup

from idp import association
from idp.association import Association
from idp.database import now


def ago(moment: dt.datetime | str | None, nothing: str = "never") -> Markup:
    """A moment as a ``<time>``: “5 minutes ago”, “yesterday at 10:14”, “3 May 2026”.

    Takes ISO 8601 as well. The exact time is the element's title.
    """
    if moment is None:
        return Markup('<span class="soft">{}</span>').format(nothing)
    moment = _read(moment)
    return _time(moment, in_words(moment))


def until(moment: dt.datetime | str) -> Markup:
    """A moment to come as a ``<time>``: “in 5 minutes”, “in 6 days”. Takes ISO 8601 as well."""
    moment = _read(moment)
    minutes = max(0, round((moment - now()).total_seconds() / 60))
    if minutes < 1:
        words = "at once"
    elif minutes < 120:
        words = "in a minute" if minutes == 1 else f"in {minutes} minutes"
    elif minutes < 48 * 60:
        words = f"in {round(minutes / 60)} hours"
    else:
        words = f"in {round(minutes / 60 / 24)} days"
    return _time(moment, words)


def in_words(moment: dt.datetime) -> str:
    """A past moment seen from now."""
    present = local(now())
    moment = local(moment)
    seconds = (present - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 90:
        return "a minute ago"
    if seconds < 50 * 60:
        return f"{round(seconds / 60)} minutes ago"
    days = (present.date() - moment.date()).days
    if days == 0:
        return f"today at {clock(moment)}"
    if days == 1:
        return f"yesterday at {clock(moment)}"
    return day(moment.date())


def exact(moment: dt.datetime) -> str:
    """A moment to the second, with the zone: “3 May 2026, 10:14:05 EDT”."""
    moment = local(moment)
    return f"{day(moment.date())}, {moment:%H:%M:%S} {_zone_name(moment)}"


def clock(moment: dt.datetime | str) -> str:
    """What the clock shows: “10:14”. Where no zone was chosen it says that it is UTC."""
    moment = local(_read(moment))
    return f"{moment:%H:%M} UTC" if str(moment.tzinfo) == "UTC" else f"{moment:%H:%M}"


def day(moment: dt.date | str | None) -> str:
    """A day: “3 May 2026”; nothing for none. Takes ISO 8601 as well."""
    if isinstance(moment, str):
        moment = dt.date.fromisoformat(moment)
    return f"{moment.day} {moment:%B %Y}" if moment is not None else ""


def local(moment: dt.datetime) -> dt.datetime:
    """A moment at the association's clock."""
    if "zone" not in g:
        keep_zone(association.get())
    return moment.astimezone(g.zone)


def keep_zone(here: Association) -> None:
    """Say whose clock the request at hand goes by, when the association was read already."""
    g.zone = zoneinfo.ZoneInfo(here.time_zone)


def _read(moment: dt.datetime | str) -> dt.datetime:
    return dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment


def _time(moment: dt.datetime, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.astimezone(dt.UTC).isoformat(timespec="seconds"), exact(moment), words
    )


def _zone_name(moment: dt.datetime) -> str:
    # Some zones have no letters, but "+03".
    name = moment.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
