"""The ledger: per contact what Higher Logic should have (*wanted*) and what it has (*accepted*).

Both are version numbers of this row. The transaction that changes a contact counts *wanted* up;
who has pushed writes the version that they had claimed to *accepted*. So a thousand edits are one
push, and whatever is lost between the two (a job, a worker, Redis) is found here again
(docs/architecture.md, decision 2). ``leases`` has the worker's side.
"""

import datetime as dt
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    SmallInteger,
    String,
    Table,
    and_,
    case,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, JSONDocument, UTCDateTime, now
from sync import lanes

# An alias goes first: it gives up the address that the record it was merged into may take over.
ALIAS, COMPANY, PERSON = -1, 0, 1
WORDS_LENGTH = 500


class Ledger(Base):
    """One contact's row.

    ``lane`` says who is claimed first (``lanes``); within it ``rank`` puts companies before people
    (Y24), and records that were merged before both.
    ``claimed`` is the version that the holder of the lease builds its record from or a later one.
    ``refused`` is the version that Higher Logic refused last: a contact is *failed* while that is
    what is wanted, and pending again as soon as it changes. ``digest`` is of the record accepted
    last, ``told`` its groups (``records.told``); ``accepted_at`` is empty until Higher Logic has
    accepted one. ``attempts`` counts pushes since the last acceptance or change.
    ``wanted_since`` says since when what is pending is: what was wanted then is not there yet.
    """

    __tablename__ = "ledger"

    contact_id: Mapped[int] = mapped_column(
        ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    lane: Mapped[int] = mapped_column(
        SmallInteger, default=lanes.LIVE, server_default=str(lanes.LIVE)
    )
    rank: Mapped[int] = mapped_column(SmallInteger)
    wanted: Mapped[int] = mapped_column(BigInteger, default=1)
    accepted: Mapped[int] = mapped_column(BigInteger, default=0)
    claimed: Mapped[int] = mapped_column(BigInteger, default=0)
    refused: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    digest: Mapped[str | None] = mapped_column(String(64))
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    last_error: Mapped[str] = mapped_column(String(WORDS_LENGTH), default="")
    last_pushed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    accepted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    wanted_since: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


Index(
    "ix_ledger_due",
    Ledger.lane,
    Ledger.rank,
    Ledger.next_try_at,
    Ledger.contact_id,
    postgresql_where=Ledger.wanted > Ledger.accepted,
    sqlite_where=Ledger.wanted > Ledger.accepted,
)

# What Higher Logic refused, by its words (``failures``).
Index(
    "ix_ledger_failed",
    Ledger.last_error,
    Ledger.contact_id,
    postgresql_where=and_(Ledger.wanted > Ledger.accepted, Ledger.refused == Ledger.wanted),
    sqlite_where=and_(Ledger.wanted > Ledger.accepted, Ledger.refused == Ledger.wanted),
)

# The worker's statements are about columns, never about loaded objects.
table = cast(Table, Ledger.__table__)


def failed() -> ColumnElement[bool]:
    """Higher Logic refused what is wanted now."""
    return and_(table.c.wanted > table.c.accepted, table.c.refused == table.c.wanted)


def pending() -> ColumnElement[bool]:
    """What is wanted was neither accepted nor refused yet."""
    return and_(table.c.wanted > table.c.accepted, table.c.refused != table.c.wanted)


def accepted_since(moment: dt.datetime) -> Select[int]:
    """A SELECT of one contact of whom something was accepted since; of none, where nothing was."""
    return select(table.c.contact_id).where(table.c.accepted_at > moment).limit(1)


def wanted_since(moment: ColumnElement[dt.datetime]) -> ColumnElement[dt.datetime]:
    """What a row whose *wanted* is counted up gets: this moment, unless it was pending already."""
    row = table.c
    settled = or_(row.wanted == row.accepted, row.wanted == row.refused)
    return case((or_(settled, row.wanted_since.is_(None)), moment), else_=row.wanted_since)
