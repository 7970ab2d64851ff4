"""The file of a run, kept in parts in the database until the run is over.

Each part is written and read in a short transaction of its own: a large file holds up nobody who
writes, and no process has it in memory.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import delete, insert, select

from idp.database import db, reading
from idp.directory.import_runs.runs import ImportPart, ImportRun

PART = 1024 * 1024
# What a browser may send; the command line takes larger ones.
LARGEST = 200 * 1024 * 1024


class FileGone(Exception):
    """A run's file is not, or no longer, kept whole."""

    def __init__(self) -> None:
        super().__init__("The file is no longer kept. Upload it again.")


def keep(run: ImportRun, path: Path) -> None:
    """Keep a file for a run that was just made. Commits; the run has its size and digest when
    all of it is kept."""
    run_id, digest, size, number = run.id, hashlib.sha256(), 0, 0
    db.session.commit()
    with path.open("rb") as file:
        while content := file.read(PART):
            part = {"run_id": run_id, "number": number, "content": content}
            db.session.execute(insert(ImportPart), part)
            db.session.commit()
            digest.update(content)
            size, number = size + len(content), number + 1
    run.size, run.digest = size, digest.hexdigest()
    db.session.commit()


@contextlib.contextmanager
def at_hand(run: ImportRun) -> Iterator[Path]:
    """A run's file as a file of this machine, under its own ending, while the block lasts.

    Ends the transaction at hand. Raises ``FileGone``.
    """
    run_id, expected, name = run.id, run.digest, name_at_hand(run)
    db.session.rollback()
    digest, number = hashlib.sha256(), 0
    with tempfile.TemporaryDirectory(prefix="tessera-import-") as folder:
        path = Path(folder) / name
        with path.open("wb") as file:
            while (content := _part(run_id, number)) is not None:
                file.write(content)
                digest.update(content)
                number += 1
        if digest.hexdigest() != expected:
            raise FileGone
        yield path


def name_at_hand(run: ImportRun) -> str:
    """What a run's file is called while it is at hand."""
    return f"file{Path(run.file_name).suffix.lower()[:10]}"


def forget(run_id: int) -> None:
    """Delete a run's file, in the transaction at hand."""
    db.session.execute(
        delete(ImportPart)
        .where(ImportPart.run_id == run_id)
        .execution_options(synchronize_session=False)
    )


def _part(run_id: int, number: int) -> bytes | None:
    with reading():
        content = db.session.scalar(
            select(ImportPart.content).where(
                ImportPart.run_id == run_id, ImportPart.number == number
            )
        )
        db.session.rollback()
    return content
