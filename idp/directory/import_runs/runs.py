"""An import as staff see it: from the file that was uploaded to the report of what it did.

A run goes ``uploaded`` → ``checking`` → ``checked`` → ``running`` → ``done``; from ``checked`` or
``running`` it may come to ``asking``, when the file would take away more than the guard lets pass
without a question. It ends as ``done``, ``cancelled`` or ``failed``.
"""

import datetime as dt
import uuid
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    false,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory.importing import Kind

State = Literal[
    "uploaded", "checking", "checked", "asking", "running", "done", "cancelled", "failed"
]
# A worker works on these, or is waited for.
AT_WORK: tuple[State, ...] = ("checking", "running")
# Somebody in the panel has to say how it goes on.
WAITING: tuple[State, ...] = ("uploaded", "checked", "asking")
OVER: tuple[State, ...] = ("done", "cancelled", "failed")

MESSAGE_LENGTH = 500


class NotNow(Exception):
    """What is asked of a run does not fit the state that it is in; the text says why."""


class ImportRun(Base):
    """One import. ``asked_by`` is the address of who uploaded it: it outlives the account.

    ``choices`` is how the file is read and where its columns go (``choosing``), ``found`` what
    ``importing.inspect`` saw in it, ``question`` what the guard asked about (``Losses``), and
    ``counts`` what the newest check or import found. ``written`` is what an import has counted by
    its last chunk: it is kept with the chunk, so that it stays true when a worker is killed.
    """

    __tablename__ = "import_run"
    __table_args__ = (
        CheckConstraint("kind IN ('companies', 'people')", name="kind"),
        CheckConstraint(
            "state IN ('uploaded', 'checking', 'checked', 'asking', 'running', 'done', "
            "'cancelled', 'failed')",
            name="state",
        ),
        # What a worker looks for: a handful of rows among all that were.
        Index(
            "ix_import_run_at_work",
            "queued_at",
            sqlite_where=text("state IN ('checking', 'running')"),
            postgresql_where=text("state IN ('checking', 'running')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(36), unique=True, default=lambda: str(uuid.uuid4()))
    kind: Mapped[Kind] = mapped_column(String(10))
    file_name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    asked_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)

    state: Mapped[State] = mapped_column(String(10))
    choices: Mapped[dict[str, Any]] = mapped_column(JSONDocument, default=dict)
    found: Mapped[dict[str, Any]] = mapped_column(JSONDocument, default=dict)
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    question: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    written: Mapped[dict[str, int] | None] = mapped_column(JSONDocument)
    allowed: Mapped[bool] = mapped_column(default=False, server_default=false())
    message: Mapped[str] = mapped_column(String(MESSAGE_LENGTH), default="", server_default="")

    rows_done: Mapped[int] = mapped_column(default=0, server_default="0")
    rows_total: Mapped[int] = mapped_column(default=0, server_default="0")
    queued_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    working_since: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    started_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    cancel_asked: Mapped[bool] = mapped_column(default=False, server_default=false())
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    @property
    def at_work(self) -> bool:
        """Whether a worker works on it, or is waited for."""
        return self.state in AT_WORK

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.state in OVER


class ImportPart(Base):
    """A part of a run's file. In the database, since every web server and every worker reads it,
    and they may be on different machines."""

    __tablename__ = "import_part"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("import_run.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportRefusal(Base):
    """A row that a run did not take, or took (``taken``) with a remark: ``row`` as a spreadsheet
    counts, the header being row 1. Kept of the newest check or import, up to a bound."""

    __tablename__ = "import_refusal"
    __table_args__ = (Index("ix_import_refusal_run_id_row", "run_id", "row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id", ondelete="CASCADE"))
    row: Mapped[int]
    column: Mapped[str]
    value: Mapped[str]
    reason: Mapped[str] = mapped_column(String(64))
    message: Mapped[str]
    taken: Mapped[bool] = mapped_column(default=False, server_default=false())


def find(key: str) -> ImportRun | None:
    """The run with a key."""
    return db.session.scalar(select(ImportRun).where(ImportRun.key == key))


def move(run: ImportRun, since: tuple[State, ...], to: State, **values: Any) -> None:
    """Bring a run from one of some states to another, in the transaction at hand.

    One statement, so that of two who press a button at once one is told that it was too late.
    Raises ``NotNow``.
    """
    moved = db.session.execute(
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.state.in_(since))
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )
    db.session.expire(run)
    if not getattr(moved, "rowcount", 0):
        raise NotNow("This import has gone on in the meantime: this is how it stands now.")
