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
    ForeignKey,
    Index,
    Select,
    SmallInteger,
    String,
    Table,
    case,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, db, now
from sync import scope

COMPANY, PERSON = 0, 1
WORDS_LENGTH = 500
NOTED = "tessera: ledger noted"


class Ledger(Base):
    """One contact's row.

    ``rank`` puts companies before people (Y24). ``claimed`` is the version that the holder of the
    lease builds its record from or a later one. ``refused`` is the version that Higher Logic
    refused last: a contact is *failed* while that is what is wanted, and pending again as soon as
    it changes. ``digest`` is of the record accepted last; ``accepted_at`` is empty until Higher
    Logic has accepted one. ``attempts`` counts pushes since the last acceptance or change.
    """

    __tablename__ = "ledger"

    contact_id: Mapped[int] = mapped_column(
        ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    rank: Mapped[int] = mapped_column(SmallInteger)
    wanted: Mapped[int] = mapped_column(BigInteger, default=1)
    accepted: Mapped[int] = mapped_column(BigInteger, default=0)
    claimed: Mapped[int] = mapped_column(BigInteger, default=0)
    refused: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    digest: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    last_error: Mapped[str] = mapped_column(String(WORDS_LENGTH), default="")
    last_pushed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    accepted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


Index(
    "ix_ledger_due",
    Ledger.rank,
    Ledger.next_try_at,
    Ledger.contact_id,
    postgresql_where=Ledger.wanted > Ledger.accepted,
    sqlite_where=Ledger.wanted > Ledger.accepted,
)

# The worker's statements are about columns, never about loaded objects.
table = cast(Table, Ledger.__table__)

_NEW: dict[str, Any] = {
    "accepted": 0,
    "claimed": 0,
    "refused": 0,
    "attempts": 0,
    "last_error": "",
}


def note(contacts: Select[int]) -> None:
    """Count *wanted* up for those of the announced contacts that the feed is about.

    That is who has a row already (so who has just left a group is noted too) and who is in scope
    now; and the companies of announced people come into scope with them. Two statements,
    whatever the number of contacts; inside the transaction of the change.
    """
    contact = scope.contacts("noted")
    had = table.alias()
    _want(
        select(contact.c.id, _rank(contact)).where(
            contact.c.id.in_(contacts),
            or_(
                exists().where(had.c.contact_id == contact.c.id).correlate(contact),
                scope.in_scope(contact),
            ),
        ),
        again=True,
    )
    person = scope.contacts("noted_person")
    employers = select(person.c.company_id).where(
        person.c.id.in_(contacts), scope.eligible(person), scope.in_synced_group(person)
    )
    company = scope.contacts("employer")
    _want(
        select(company.c.id, _rank(company)).where(company.c.id.in_(employers), company.c.active),
        again=False,
    )


def note_everything() -> None:
    """Note every contact that has a row or is in scope: what is right costs no push (Y06)."""
    contact = scope.contacts("everything")
    note(select(contact.c.id))


def forget_digests(contacts: Select[int]) -> int:
    """Have what is pending of some contacts pushed even where nothing changed; says of how many."""
    result = db.session.execute(
        update(table).where(table.c.contact_id.in_(contacts)).values(digest=None)
    )
    return _rows(result)


def forget_accepted() -> None:
    """Everything is wanted and nothing accepted: the connection leads to another tenant now.

    Leases end, so that a push still on its way to the old tenant is not taken for the new one's.
    """
    db.session.execute(
        update(table).values(
            _NEW
            | {
                "wanted": table.c.wanted + 1,
                "digest": None,
                "lease_owner": None,
                "lease_until": None,
                "next_try_at": now(),
                "last_pushed_at": None,
                "accepted_at": None,
            }
        )
    )
    wake_after_commit()


def wake_after_commit() -> None:
    """Have the sync woken once the transaction at hand is kept (``jobs.wake_if_noted``)."""
    db.session().info[NOTED] = True


def _rank(contact: Any) -> Any:
    return case((contact.c.kind == "company", COMPANY), else_=PERSON)


def _want(contacts: Select[Any], *, again: bool) -> None:
    """Insert rows; ``again`` counts those up that are there."""
    values = _NEW | {"wanted": 1, "next_try_at": literal(now(), type_=UTCDateTime())}
    # In one order always: two transactions that lock the same rows then wait for each other
    # instead of deadlocking.
    source = contacts.add_columns(
        *(
            value if name == "next_try_at" else literal(value).label(name)
            for name, value in values.items()
        )
    ).order_by(contacts.selected_columns[0])
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table).from_select(["contact_id", "rank", *values], source)
    if again:
        insert = insert.on_conflict_do_update(
            index_elements=[table.c.contact_id],
            set_={
                "wanted": table.c.wanted + 1,
                "attempts": 0,
                "next_try_at": insert.excluded.next_try_at,
            },
        )
    else:
        insert = insert.on_conflict_do_nothing(index_elements=[table.c.contact_id])
    if _rows(db.session.execute(insert.execution_options(preserve_rowcount=True))):
        wake_after_commit()


def _rows(result: Any) -> int:
    return int(result.rowcount)
