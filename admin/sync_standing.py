"""How the sync stands, in the staff's words: headline, pace, what was refused, the last day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from admin.group_sync import PAGES
from idp.moments import clock, local
from sync import connection
from sync.removals import held
from sync.sent import activity
from sync.sent.activity import Hour
from sync.standing import saying

# The chart's coordinates; the page stretches them.
WIDTH, HEIGHT, GAP = 720, 120, 4


def facts(standing: dict[str, Any]) -> dict[str, Any]:
    """What the overview shows of ``sync.standing.status.overall``."""
    hours = activity.last_day()
    return {
        "status": standing,
        "headline": headline(standing),
        "explanation": explanation(standing),
        "pace": pace(standing),
        "compared": compared(),
        "reasons": [_reason(reason) for reason in standing["reasons"]],
        "more_refused": standing["failed"] - sum(one["number"] for one in standing["reasons"]),
        "holds": held.of_groups() if standing["held"] else [],
        "groups": [{**group, "label": saying.label(group)} for group in standing["groups"]],
        "hours": hours,
        "chart": chart(hours),
        # How often the page asks, in milliseconds.
        "again": 2000 if standing["pending"] else 5000,
    }


def headline(standing: dict[str, Any]) -> str:
    """The line that staff look for."""
    match standing["state"]:
        case "up_to_date" if not standing["groups"]:
            return "No group is synced yet"
        case "up_to_date":
            return "Higher Logic is up to date"
        case "pending":
            number = standing["pending"]
            return f"{number:,} {'change is' if number == 1 else 'changes are'} on the way"
        case _:
            return saying.label(standing)


def explanation(standing: dict[str, Any]) -> str:
    """What the line means, and what to do about it."""
    match standing["state"]:
        case "not_connected":
            return (
                "Nothing is sent until an owner has entered the tenant code and the API key "
                "under Association settings."
            )
        case "stopped":
            return (
                "Nothing is sent, and nothing is lost: what changes here waits. Ask Higher Logic "
                "for the right API key and tenant code, enter them under Association settings, "
                f"and everything goes on. {standing['message']}"
            )
        case "failing" if standing["failed"] and not standing["pending"]:
            return (
                "Everything else has arrived. What was refused, and why, stands below; each is "
                "tried again as soon as it is mended."
            )
        case "failing":
            return f"Changes wait here and are sent by themselves. {standing['message']}"
        case "pending" if standing["failed"]:
            return "They are being sent now. What was refused, and why, stands below."
        case "pending":
            return "They are being sent now. Nothing is left for you to do."
        case _ if not standing["groups"]:
            return "Make a group and switch its sync on: its members then appear at Higher Logic."
        case _ if standing["held"]:
            return (
                "All changes have been accepted there, but for the removals that are held back: "
                "see below."
            )
        case _:
            return "Everything that Higher Logic should have has been accepted there."


def pace(standing: dict[str, Any]) -> str:
    """How fast it goes and how long it still takes: “1,200 a minute, about 3 minutes left”.

    Empty when nothing is on its way, or while nobody can say.
    """
    if standing["state"] != "pending" or standing["per_minute"] is None:
        return ""
    rate = standing["per_minute"]
    words = f"{rate:,.0f} a minute" if rate >= 1 else "less than one a minute"
    left = saying.time_left(standing["seconds_left"])
    return f"{words}, {left}" if left else words


def compared() -> dict[str, Any]:
    """When everything was compared last, what that found, and whether it is being done."""
    row = connection.get()
    found = row.reconcile_found or {}
    number, sent = found.get("compared", 0), found.get("differ", 0) + found.get("missing", 0)
    words = f"{number:,} {'record' if number == 1 else 'records'}"
    if sent:
        words += f"; {sent:,} differed and {'was' if sent == 1 else 'were'} sent again"
    elif number:
        words += ", all as Higher Logic accepted them"
    return {"at": row.reconciled_at, "words": words, "now": row.reconcile_due_at is not None}


def _reason(reason: dict[str, Any]) -> dict[str, Any]:
    contacts = [
        {"name": one["name"] or one["key"], "url": url_for(PAGES[one["kind"]], key=one["key"])}
        for one in reason["first"]
    ]
    return {
        "words": reason["words"] or "Higher Logic gave no reason.",
        "number": reason["number"],
        "contacts": contacts,
        "more": reason["number"] - len(contacts),
    }


@dataclass(frozen=True)
class Bar:
    """An hour of the chart, in its coordinates: what was refused stands on what was accepted."""

    x: int
    width: int
    accepted_y: int
    accepted: int
    refused_y: int
    refused: int
    unanswered: bool
    words: str


@dataclass(frozen=True)
class Chart:
    """The last day as bars; ``most`` is what the highest of them stands for."""

    bars: Sequence[Bar]
    most: int
    words: str


def chart(hours: Sequence[Hour]) -> Chart:
    """The bars of some hours, the oldest first."""
    most = max((hour.accepted + hour.refused for hour in hours), default=0)
    step = WIDTH // max(1, len(hours))
    bars = []
    for number, hour in enumerate(hours):
        accepted, refused = _height(hour.accepted, most), _height(hour.refused, most)
        bars.append(
            Bar(
                x=number * step + GAP // 2,
                width=step - GAP,
                accepted_y=HEIGHT - accepted,
                accepted=accepted,
                refused_y=HEIGHT - accepted - refused,
                refused=refused,
                unanswered=hour.unanswered > 0,
                words=f"{hours_of(hour.begin)}: {of_hour(hour)}",
            )
        )
    return Chart(
        bars,
        most,
        f"{sum(hour.accepted for hour in hours):,} accepted, "
        f"{sum(hour.refused for hour in hours):,} refused, and "
        f"{sum(hour.unanswered for hour in hours):,} requests not answered in the last 24 hours",
    )


def _height(number: int, most: int) -> int:
    # What is there is seen, however little it is beside the rest.
    return max(2, round(number * (HEIGHT - 4) / most)) if number else 0


def of_hour(hour: Hour) -> str:
    """An hour's numbers in words."""
    return (
        f"{hour.accepted:,} accepted, {hour.refused:,} refused, "
        f"{hour.unanswered:,} requests not answered"
    )


def hours_of(begin: dt.datetime) -> str:
    """“14:00 to 15:00”, at the association's clock."""
    return f"{local(begin):%H:%M} to {clock(begin + activity.HOUR)}"
