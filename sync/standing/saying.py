"""How the sync stands, in the staff's words."""

from typing import Any

_TOLD_AS = {"inactive": "as an inactive record", "no_groups": "as a record in no group"}


def time_left(seconds: float | None) -> str:
    """How long it still takes, as people say it; empty when nobody can say.

    "less than a minute left", "about 3 minutes left", "about 2 hours left", "about 3 days left".
    """
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute left"
    if minutes < 90:
        return f"about {minutes} {'minute' if minutes == 1 else 'minutes'} left"
    if minutes < 36 * 60:
        return f"about {round(minutes / 60)} hours left"
    return f"about {round(minutes / 60 / 24)} days left"


def label(status: dict[str, Any]) -> str:
    """A standing, as any function of ``status`` gives it, in the staff's words."""
    told_as = status.get("told_as")
    return f"{_label(status)}: {_TOLD_AS[told_as]}" if told_as else _label(status)


def _label(status: dict[str, Any]) -> str:
    match status["state"]:
        case "not_connected":
            return "Not connected to Higher Logic yet"
        case "stopped":
            return "Higher Logic refused our key"
        case "off":
            return "Sync is off"
        case "not_in_scope":
            return "Not synced"
        case "left_out":
            return "Not sent: the record or the account is out of use"
        case "failing" if status.get("failed") and not status.get("pending"):
            return f"{status['failed']:,} refused by Higher Logic"
        case "failing" if status.get("error"):
            return "Refused by Higher Logic"
        case "failing":
            return "Higher Logic does not answer: we keep trying"
        case "pending" if "due" in status:
            return f"Syncing: {status['sent']:,} of {status['due']:,} sent"
        case "pending" if "pending" in status:
            return f"Syncing: {status['pending']:,} pending"
        case "pending":
            return "Pending"
        case _:
            return "Up to date"
