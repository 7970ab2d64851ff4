"""Moments as people say them, with the exact time on hover."""

import datetime as dt

from markupsafe import Markup

from idp.database import now


def ago(moment: dt.datetime | str | None, nothing: str = "never") -> Markup:
    """A moment as a ``<time>``: “5 minutes ago”, “yesterday at 10:14”, “3 May 2026”.

    Takes ISO 8601 as well. The exact time is the element's title.
    """
    if moment is None:
        return Markup('<span class="soft">{}</span>').format(nothing)
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    moment = moment.astimezone(dt.UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"),
        exact(moment),
        in_words(moment),
    )


def exact(moment: dt.datetime) -> str:
    """A moment to the second."""
    return f"{day(moment)}, {moment.astimezone(dt.UTC):%H:%M:%S} UTC"


def in_words(moment: dt.datetime) -> str:
    """A past moment seen from now. Times of the day are UTC."""
    present = now()
    seconds = (present - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 90:
        return "a minute ago"
    if seconds < 50 * 60:
        return f"{round(seconds / 60)} minutes ago"
    days = (present.date() - moment.date()).days
    if days == 0:
        return f"today at {moment:%H:%M} UTC"
    if days == 1:
        return f"yesterday at {moment:%H:%M} UTC"
    return day(moment)


def until(moment: dt.datetime | str) -> Markup:
    """A moment to come as a ``<time>``: “in 5 minutes”, “in 6 days”. Takes ISO 8601 as well."""
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    minutes = max(0, round((moment - now()).total_seconds() / 60))
    if minutes < 1:
        words = "at once"
    elif minutes < 120:
        words = "in a minute" if minutes == 1 else f"in {minutes} minutes"
    elif minutes < 48 * 60:
        words = f"in {round(minutes / 60)} hours"
    else:
        words = f"in {round(minutes / 60 / 24)} days"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), exact(moment), words
    )


def day(moment: dt.date | str | None) -> str:
    """A day: “3 May 2026”; nothing for none. Takes ISO 8601 as well."""
    if isinstance(moment, str):
        moment = dt.date.fromisoformat(moment)
    return f"{moment.day} {moment:%B %Y}" if moment is not None else ""
