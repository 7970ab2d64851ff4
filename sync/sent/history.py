"""What was sent of each contact, when, how long it took, and what came back.

One row for each contact and push, written in the transaction that writes what became of the push.
What repeats itself is counted in one row: an answer other than an acceptance that is the last one's
again, to the same item, says nothing new; so neither an outage of a day nor a record that is
refused for months fills the table. A batch that was refused and is halved leaves nothing: whose
fault it was is in the rows of the halves. An unchanged record, of which nothing is sent, costs
nothing.

An item is as it was sent: neither key nor tenant code is in it, and no field whose sync is off.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    bindparam,
    false,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.compiled import InSession
from idp.database import Base, UTCDateTime, db
from idp.directory.contacts import Contact
from sync.ledger import WORDS_LENGTH, Ledger
from sync.protocol.wire import Item
from sync.sent.packing import pack, unpack

ACCEPTED = "accepted"
CODE_LENGTH = 20


class PushAttempt(Base):
    """One contact's part in a push, or in several that came to the same.

    ``first_at`` and ``last_at`` are when the first and the last of ``tries`` was answered;
    ``milliseconds``, ``words`` and ``batch_size`` (contacts in the push) are the last one's.
    ``code`` is what came back (``wire.Outcome.code``). ``packed`` is the item (``packing``).
    ``lasting`` is set of what Higher Logic still has when it grows old: it stays until it is
    replaced (``tidy``).
    """

    __tablename__ = "push_attempt"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    first_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    tries: Mapped[int] = mapped_column(default=1)
    milliseconds: Mapped[int]
    code: Mapped[str] = mapped_column(String(CODE_LENGTH))
    words: Mapped[str] = mapped_column(String(WORDS_LENGTH), default="")
    batch_size: Mapped[int]
    packed: Mapped[bytes] = mapped_column(LargeBinary)
    lasting: Mapped[bool] = mapped_column(default=False, server_default=false())


Index("ix_push_attempt_contact", PushAttempt.contact_id, PushAttempt.id)
Index(
    "ix_push_attempt_age",
    PushAttempt.last_at,
    postgresql_where=~PushAttempt.lasting,
    sqlite_where=~PushAttempt.lasting,
)

table = cast(Table, PushAttempt.__table__)


@dataclass(frozen=True)
class Answer:
    """What came back for one push, to whichever of its contacts is still the teller's to tell of.

    ``items`` are what was sent, by the contact's id; ``size`` is how many they were.
    """

    code: str
    words: str
    milliseconds: int
    size: int
    items: Mapping[int, Item]


def write(answer: Answer, contact_ids: Collection[int], moment: dt.datetime) -> None:
    """Keep an answer for some of its contacts. Part of the transaction at hand.

    One statement for an acceptance; two more for what may be the same again.
    """
    packed = {one: pack(answer.items[one]) for one in contact_ids}
    same = _same_again(answer, packed) if answer.code != ACCEPTED else {}
    told: dict[str, Any] = {
        "last_at": moment,
        "milliseconds": answer.milliseconds,
        "words": answer.words[:WORDS_LENGTH],
        "batch_size": answer.size,
    }
    if same:
        db.session.execute(
            update(table)
            .where(table.c.id.in_(same.values()))
            .values(told | {"tries": table.c.tries + 1})
        )
    rows = [
        {"contact_id": one, "packed": content} for one, content in packed.items() if one not in same
    ]
    if rows:
        _INSERT.run_many(rows, **told, first_at=moment, code=answer.code)


_GIVEN = (
    "contact_id",
    "packed",
    "last_at",
    "milliseconds",
    "words",
    "batch_size",
    "first_at",
    "code",
)
# Compiled once and handed to the driver: a first sync of 100,000 has a row for each.
_INSERT = InSession(
    lambda _dialect: insert(table).values(
        {name: bindparam(name, required=True, type_=table.c[name].type) for name in _GIVEN}
        | {"tries": 1, "lasting": False}
    )
)


def _same_again(answer: Answer, packed: Mapping[int, bytes]) -> dict[int, int]:
    """The last rows of those contacts of whom they tell the same, by contact."""
    row = table.c
    newest = select(func.max(row.id)).where(row.contact_id.in_(packed)).group_by(row.contact_id)
    found = db.session.execute(
        select(row.id, row.contact_id, row.packed).where(
            row.id.in_(newest), row.code == answer.code
        )
    )
    return {one.contact_id: one.id for one in found if one.packed == packed[one.contact_id]}


def item_of(attempt: Any) -> Item:
    """The item of a row."""
    return unpack(attempt.packed)


def of_contact(contact: Contact) -> Select[Any]:
    """A contact's rows, the newest first; of one that others were merged into, theirs as well.

    Columns: those of the table, and ``key``, the one that the row's contact has.
    """
    sent = Contact.__table__.alias("sent")
    return (
        select(*table.c, sent.c.key)
        .join(sent, sent.c.id == table.c.contact_id)
        .where((sent.c.id == contact.id) | (sent.c.merged_into_id == contact.id))
        .order_by(table.c.last_at.desc(), table.c.id.desc())
    )


def accepted_last(contact: Contact) -> Any | None:
    """The row of what Higher Logic has of a contact; ``None`` when it has nothing, or when that
    was sent before there was a history.

    A connection to another tenant has taken nothing yet, whatever the last one had.
    """
    row, ledger = table.c, Ledger.__table__
    return db.session.execute(
        select(table)
        .join(ledger, ledger.c.contact_id == row.contact_id)
        .where(
            row.contact_id == contact.id,
            row.code == ACCEPTED,
            row.last_at == ledger.c.accepted_at,
        )
        .order_by(row.id.desc())
        .limit(1)
    ).one_or_none()


def last(contact: Contact) -> Any | None:
    """The row of the last push of a contact, if there is one."""
    return db.session.execute(
        select(table).where(table.c.contact_id == contact.id).order_by(table.c.id.desc()).limit(1)
    ).one_or_none()
