"""What the removal guard keeps of removals: what is held, waits, was refused, allowed, has passed.

``guard`` decides about a removal before a record without the group is sent, ``verdicts`` has what
staff say of what is held. Groups go by key: what became of a group that is deleted must still be
known.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any, Literal, cast

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    Table,
    delete,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, db
from idp.directory.contacts import KEY_LENGTH, Contact
from idp.directory.groups import Group
from idp.directory.searching import matches, title

Standing = Literal["passed", "waiting", "held", "refused", "allowed"]
# Of these, Higher Logic goes on being told what it was told last.
KEPT: tuple[Standing, ...] = ("waiting", "held", "refused")
# What left within this time counts with what would leave now.
WINDOW = dt.timedelta(hours=1)
REASON_LENGTH = 200
# Any number that no other advisory lock of this database has.
_LOCK = 7_355_373
_SEARCHED = "first_name last_name name email member_id".split()


class Hold(Base):
    """A group that the guard keeps removals back of.

    ``since`` is when it began to hold, and ``reason`` why, in the staff's words. Both are empty
    while nothing is held and removals only wait for the end of an import, or were refused.
    """

    __tablename__ = "hold"

    group_key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    since: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH), default="", server_default="")


class HeldRemoval(Base):
    """One contact's removal from one group.

    ``passed``: let go by the guard at the moment ``at``, and counted for ``WINDOW``. ``waiting``:
    until an import is over. ``held``: until staff decide. ``refused``: kept at Higher Logic by
    staff. ``allowed``: let go by staff, and not counted. A row goes when its contact is in the
    group again.
    """

    __tablename__ = "held_removal"
    __table_args__ = (
        CheckConstraint(
            "standing IN ('passed', 'waiting', 'held', 'refused', 'allowed')", name="standing"
        ),
        Index("ix_held_removal_contact_id", "contact_id"),
        Index("ix_held_removal_group_key", "group_key", "standing", "at"),
    )

    group_key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    contact_id: Mapped[int] = mapped_column(
        ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True
    )
    standing: Mapped[str] = mapped_column(String(8))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


# The worker's statements are about columns, never about loaded objects.
removals = cast(Table, HeldRemoval.__table__)
holds = cast(Table, Hold.__table__)
row = removals.c


def take_turn(group_keys: Iterable[str]) -> None:
    """Decide about these groups alone until the transaction at hand ends: two workers would each
    count what the other is about to let go. SQLite has one writer anyway."""
    if db.session.get_bind().dialect.name != "postgresql":
        return
    for key in sorted(group_keys):
        db.session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(key))))


def number(group_key: str | None = None, *standings: Standing) -> int:
    """How many removals are held (or of other ``standings``), of one group or of all."""
    query = select(func.count()).where(row.standing.in_(standings or ("held",)))
    if group_key is not None:
        query = query.where(row.group_key == group_key)
    return db.session.scalar(query) or 0


def of_groups() -> list[Any]:
    """The groups that removals are held of: ``key``, ``name``, ``since``, ``reason``, ``number``;
    the longest held first. One statement."""
    group = Group.__table__.c
    counted = (
        select(row.group_key, func.count().label("number"))
        .where(row.standing == "held")
        .group_by(row.group_key)
        .subquery()
    )
    return list(
        db.session.execute(
            select(group.key, group.name, holds.c.since, holds.c.reason, counted.c.number)
            .join(group_table := Group.__table__, group_table.c.key == holds.c.group_key)
            .join(counted, counted.c.group_key == holds.c.group_key)
            .where(holds.c.since.is_not(None))
            .order_by(holds.c.since, group.key)
        )
    )


def hold_of(group_key: str) -> Any:
    """A group's row, ``since`` and ``reason``, or ``None``. It is not kept by the session."""
    return db.session.execute(select(holds).where(holds.c.group_key == group_key)).one_or_none()


def contacts(group_key: str, standing: Standing, search: str = "") -> Select[Any]:
    """Whose removal stands so, by name: ``id``, ``key``, ``kind``, ``email``, ``title``, ``at``.

    Every word of ``search`` is in name, address or member ID, letter case aside.
    """
    contact = Contact.__table__.c
    return (
        select(
            contact.id, contact.key, contact.kind, contact.email, title(Contact.__table__), row.at
        )
        .join(removals, row.contact_id == contact.id)
        .where(
            row.group_key == group_key,
            row.standing == standing,
            matches(search, *(contact[name] for name in _SEARCHED)),
        )
        .order_by(contact.last_name, contact.first_name, contact.name, contact.id)
    )


def ids(group_key: str, *standings: Standing) -> Select[int]:
    """A SELECT of the ids of the contacts whose removals from a group stand so."""
    return select(row.contact_id).where(row.group_key == group_key, row.standing.in_(standings))


def counting(moment: dt.datetime) -> Any:
    """Whether a row counts with what would leave now."""
    since = literal(moment - WINDOW, type_=UTCDateTime())
    return or_(row.standing == "waiting", (row.standing == "passed") & (row.at > since))


def forget(group_key: str, contact_ids: Collection[int]) -> None:
    """Delete the rows of some contacts of one group."""
    db.session.execute(
        delete(removals).where(row.group_key == group_key, row.contact_id.in_(contact_ids))
    )


def forget_everything() -> None:
    """Higher Logic knows nothing of any group: the connection leads to another tenant now."""
    db.session.execute(delete(removals))
    db.session.execute(delete(holds))
