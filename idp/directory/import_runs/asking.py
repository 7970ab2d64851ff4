"""What staff ask of a run: make it, check it, start it, answer the guard's question, cancel it.

Each commits, and wakes a worker where there is something to do for one.
"""

from pathlib import Path
from typing import Any

from idp import audit
from idp.database import db, now
from idp.directory.import_runs import choosing, files, work
from idp.directory.import_runs.choosing import Choices
from idp.directory.import_runs.runs import WAITING, ImportRun, State, move
from idp.directory.importing import Kind, ReadingOptions

_QUEUED: dict[str, Any] = {
    "started_at": None,
    "finished_at": None,
    "working_since": None,
    "rows_done": 0,
    "rows_total": 0,
    "attempts": 0,
    "cancel_asked": False,
    "message": "",
    "written": None,
}


def make(kind: Kind, path: Path, name: str, asked_by: str) -> ImportRun:
    """Make a run of a file, and keep the file for it. ``name`` is what its owner calls it.

    Commits. Raises ``ImportFailed`` for a file that cannot be read: then there is no run.
    """
    choices, found = choosing.first(kind, path, ReadingOptions())
    run = ImportRun(
        kind=kind,
        file_name=name[-255:],
        asked_by=asked_by[:254],
        state="uploaded",
        choices=choices.as_json(),
        found=found,
    )
    db.session.add(run)
    db.session.flush()
    _note(run, audit.Event.IMPORT_UPLOADED)
    files.keep(run, path)
    return run


def choose(run: ImportRun, choices: Choices) -> None:
    """Say where the columns go. Raises ``NotNow``."""
    _note_choices(run, choices)
    move(run, WAITING, "uploaded", choices=choices.as_json(), counts=None, question=None)
    db.session.commit()


def read_anew(run: ImportRun, reading: ReadingOptions) -> None:
    """Read the file in another way, and begin with what is suggested for it then.

    Raises ``NotNow``, ``FileGone``, and ``ImportFailed`` when it cannot be read so.
    """
    with files.at_hand(run) as path:
        choices, found = choosing.first(run.kind, path, reading)
    _note_choices(run, choices)
    move(
        run, WAITING, "uploaded", choices=choices.as_json(), found=found, counts=None, question=None
    )
    db.session.commit()


def check(run: ImportRun) -> None:
    """Have the file checked: a dry run. Raises ``NotNow``."""
    _queue(run, ("uploaded", "checked", "asking"), "checking", allowed=False, question=None)


def start(run: ImportRun) -> None:
    """Have a checked file imported. Raises ``NotNow``."""
    _note(run, audit.Event.IMPORT_STARTED)
    _queue(run, ("checked",), "running", question=None)


def allow(run: ImportRun) -> None:
    """Answer the guard: the import may take away what it said. Raises ``NotNow``."""
    says = (run.question or {}).get("says", {})
    _note(run, audit.Event.IMPORT_ALLOWED, takes_away=list(says.values()))
    _queue(run, ("asking",), "running", allowed=True)


def cancel(run: ImportRun) -> None:
    """Stop a run. What it has written stays, and the file is forgotten. Raises ``NotNow``.

    One that a worker is at stops between two chunks, within seconds; one that waits, at once.
    """
    if run.at_work and run.lease_owner is not None:
        move(run, (run.state,), run.state, cancel_asked=True)
    else:
        # What was looked at is not what was done.
        begun = {} if run.state == "running" else {"rows_done": 0}
        move(run, (*WAITING, "checking", "running"), "cancelled", finished_at=now(), **begun)
        files.forget(run.id)
    _note(run, audit.Event.IMPORT_CANCELLED)
    db.session.commit()


def _queue(run: ImportRun, since: tuple[State, ...], to: State, **values: Any) -> None:
    move(run, since, to, queued_at=now(), **_QUEUED | values)
    db.session.commit()
    work.wake()


def _note_choices(run: ImportRun, choices: Choices) -> None:
    def flat(given: dict[str, Any]) -> dict[str, Any]:
        columns = given["mapping"]["columns"].items()
        return {f"column {name}": target for name, target in columns} | {
            name: value for name, value in given.items() if name != "mapping"
        }

    changed = audit.changes(flat(run.choices), flat(choices.as_json()))
    if changed:
        _note(run, audit.Event.IMPORT_CHOSEN, changed=changed)


def _note(run: ImportRun, event: audit.Event, **detail: Any) -> None:
    audit.record(event, run.kind, file=run.file_name, **detail)
