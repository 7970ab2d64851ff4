"""What stands above every page of the panel while the sync is in trouble."""

import datetime as dt
from dataclasses import dataclass

from flask import url_for

from admin.access import may_see
from idp.database import now
from sync import connection
from sync.removals import held
from sync.sent import activity
from sync.standing import figures

# Somebody who does not answer for a moment is no trouble.
PAUSED_FOR = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Trouble:
    """A line of the banner: what is so, and since when; where it is mended (empty: there is
    nothing to do) in the words of ``action``."""

    words: str
    since: dt.datetime | None
    url: str
    action: str


def troubles() -> list[Trouble]:
    """What staff are to see on every page. A fixed number of statements, and few."""
    standing = connection.get()
    if not standing.configured:
        return []
    return [one for one in (_of_pushes(standing), _of_holds()) if one is not None]


def _of_pushes(standing: connection.HigherLogicConnection) -> Trouble | None:
    url = url_for("panel_integrations.index") if may_see("panel_integrations") else ""
    if standing.stopped_at is not None:
        return Trouble(
            "Higher Logic refused our key, and nothing is sent."
            + ("" if url else " An owner has to enter the right one."),
            standing.stopped_at,
            f"{url}#connection" if url else "",
            "Enter the right key",
        )
    there = figures.waiting()
    since = there.stalled_since(activity.last_accepted_at())
    number = f"{there.pending:,} {'change waits' if there.pending == 1 else 'changes wait'}"
    if since and now() - since >= dt.timedelta(hours=standing.alert_after_hours):
        return Trouble(
            f"Higher Logic has accepted nothing for a long time, and {number}.",
            since,
            f"{url}#test" if url else "",
            "Test the connection",
        )
    breaker = figures.breaker(standing)
    if breaker.since and now() - breaker.since >= PAUSED_FOR:
        words = f"{breaker.reason} {number} here, and we keep trying."
        return Trouble(words, breaker.since, "", "")
    return None


def _of_holds() -> Trouble | None:
    groups = held.of_groups()
    if not groups:
        return None
    number, first = sum(group.number for group in groups), groups[0]
    whose = first.name if len(groups) == 1 else f"{len(groups)} groups"
    return Trouble(
        f"{number:,} {'removal' if number == 1 else 'removals'} from {whose} "
        f"{'is' if number == 1 else 'are'} held back until somebody decides.",
        first.since,
        url_for("panel_groups.held", key=first.key)
        if len(groups) == 1
        else url_for("panel.overview") + "#held",
        "Decide",
    )
