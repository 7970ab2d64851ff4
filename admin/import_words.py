"""What an import's page says: its state and its progress in staff's words."""

import datetime as dt
from dataclasses import dataclass

from admin.import_columns import label
from idp.database import now
from idp.directory.builtin import BUILT_IN
from idp.directory.import_runs import ImportRun
from idp.directory.import_runs.runs import State

# By state: the words of the list, and which coloured dot stands before them.
STATES: dict[State, tuple[str, str]] = {
    "uploaded": ("Not checked yet", "off"),
    "checking": ("Being checked", "pending"),
    "checked": ("Checked, not imported yet", "off"),
    "asking": ("Waits for your answer", "failing"),
    "running": ("Being imported", "pending"),
    "done": ("Imported", "up_to_date"),
    "cancelled": ("Cancelled", "off"),
    "failed": ("Failed", "failing"),
}
# A worker that is there takes a run up at once, unless another import is being worked on.
PATIENCE_SECONDS = 15
_COLOURS = {"off": "", "up_to_date": "up-to-date"}


@dataclass(frozen=True)
class Progress:
    """How far a worker is, in ``words``. ``waits`` says that nobody is at it yet."""

    words: str
    waits: bool
    waits_long: bool
    stopping: bool


def progress_of(run: ImportRun) -> Progress:
    """The progress of a run that a worker is at, or is waited for."""
    moment = now()
    waits = run.lease_owner is None
    waited = (moment - run.queued_at).total_seconds() if run.queued_at else 0.0
    return Progress(
        words="Not begun yet." if waits else _words(run, moment),
        waits=waits,
        waits_long=waits and waited > PATIENCE_SECONDS,
        stopping=run.cancel_asked,
    )


def _words(run: ImportRun, moment: dt.datetime) -> str:
    if not run.rows_done:
        return (
            f"Reading the file: {run.rows_total:,} rows so far."
            if run.rows_total
            else ("Reading the file …")
        )
    parts = [f"{run.rows_done:,} of {run.rows_total:,} rows"]
    seconds = (moment - run.working_since).total_seconds() if run.working_since else 0.0
    if seconds > 1 and run.rows_done:
        rate = run.rows_done / seconds
        parts += [f"{rate:,.0f} rows a second", _time_left((run.rows_total - run.rows_done) / rate)]
    return " · ".join(parts)


def _time_left(seconds: float) -> str:
    if seconds < 5:
        return "a few seconds left"
    if seconds < 60:
        return f"about {round(seconds / 5) * 5} seconds left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{'s' if minutes != 1 else ''} left"
    return f"about {round(minutes / 60)} hours left"


def headline(run: ImportRun, progress: Progress) -> str:
    """How a run stands, in a line."""
    if run.at_work and progress.stopping:
        return "Stopping …"
    if run.at_work and progress.waits:
        return "Waiting its turn …"
    match run.state:
        case "uploaded":
            return "The file is here, and nothing is changed yet"
        case "checking":
            return "Checking the file …"
        case "checked":
            return "Checked: nothing is changed yet"
        case "asking":
            return "This file takes much away: is that right?"
        case "running":
            return "Importing …"
        case "done":
            return "Imported"
        case "cancelled":
            return "Cancelled"
        case _:
            return "This import failed"


def text(run: ImportRun) -> str:
    """What there is to say of how a run stands, beside its numbers."""
    if run.message:
        return run.message
    match run.state:
        case "running":
            return "You can leave this page: it goes on by itself."
        case "checking":
            return "It is read from beginning to end, and nothing is changed."
        case "cancelled" if run.rows_done:
            return (
                f"{run.rows_done:,} of {run.rows_total:,} rows were done by then, and stay. "
                "Import the file again for the rest."
            )
        case "cancelled":
            return "Nothing was changed."
        case "checked" if run.counts and not (run.counts["created"] or run.counts["updated"]):
            return "There is nothing to do: all that the file says is here already."
        case "checked":
            return "This is what the import would do. Start it when it looks right."
        case _:
            return ""


def colour(run: ImportRun) -> str:
    """The class that colours the box."""
    name = STATES[run.state][1]
    return _COLOURS.get(name, name)


def size(run: ImportRun) -> str:
    """How large a run's file is."""
    kilobytes = run.size / 1024
    if kilobytes < 1000:
        return f"{max(1, round(kilobytes)):,} KB"
    return f"{kilobytes / 1024:,.1f} MB"


def losses(run: ImportRun) -> list[str]:
    """What the guard asks about, a line for each kind of loss."""
    if run.question is None:
        return []
    emptied = "emptied:"
    return [
        f"{count:,} would lose their {label(kind.removeprefix(emptied))}"
        if kind.startswith(emptied) and kind.removeprefix(emptied) in BUILT_IN
        else run.question["says"][kind]
        for kind, count in run.question["counts"].items()
    ]
