"""The tables of membership: what staff declare, what is so today, and what was."""

import datetime as dt

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.database import Base, UTCDateTime, now
from idp.directory.contacts import Contact
from idp.directory.groups import Group

ROLE_LENGTH = 100
ORIGINS = ("rule", "hand", "import")


class Membership(Base):
    """A contact in a group today, materialised; a contact is in the group when it has any row.

    ``origin`` says what put it there: ``rule`` (the group's condition), ``hand`` or ``import`` (an
    ``Addition``, whose role and dates it has). ``since`` is when it became so.
    """

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("group_id", "contact_id", "origin", "role"),
        Index("ix_membership_contact_id", "contact_id", "group_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(String(10), default="rule", server_default="rule")
    role: Mapped[str] = mapped_column(String(ROLE_LENGTH), default="", server_default="")
    begin_on: Mapped[dt.date | None]
    end_on: Mapped[dt.date | None]
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)


class PastMembership(Base):
    """A membership that ended at ``left_at``. It goes with its group or its contact."""

    __tablename__ = "past_membership"
    __table_args__ = (
        Index("ix_past_membership_group_id", "group_id", "left_at", "contact_id"),
        Index("ix_past_membership_contact_id", "contact_id", "left_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(String(10))
    role: Mapped[str] = mapped_column(String(ROLE_LENGTH))
    begin_on: Mapped[dt.date | None]
    end_on: Mapped[dt.date | None]
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    left_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class Addition(Base):
    """A contact that staff put into a group, whatever its condition says of them.

    It is a membership on the days from ``begin_on`` to ``end_on``, both included; an empty one is
    open. Several roles are several additions; without a role it is ``""``.
    """

    __tablename__ = "addition"
    __table_args__ = (
        UniqueConstraint("group_id", "contact_id", "origin", "role"),
        CheckConstraint("origin IN ('hand', 'import')", name="origin"),
        CheckConstraint("begin_on <= end_on", name="begins_before_it_ends"),
        Index("ix_addition_contact_id", "contact_id", "group_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(String(10), default="hand")
    role: Mapped[str] = mapped_column(String(ROLE_LENGTH), default="")
    begin_on: Mapped[dt.date | None]
    end_on: Mapped[dt.date | None]
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)

    group: Mapped[Group] = relationship()
    contact: Mapped[Contact] = relationship()

    def standing(self, today: dt.date) -> str:
        """``to_come``, ``current`` or ``over``."""
        if self.begin_on is not None and self.begin_on > today:
            return "to_come"
        return "over" if self.end_on is not None and self.end_on < today else "current"


class Exclusion(Base):
    """A contact that staff shut out of a group, whatever condition and additions say."""

    __tablename__ = "exclusion"
    __table_args__ = (
        UniqueConstraint("group_id", "contact_id"),
        Index("ix_exclusion_contact_id", "contact_id", "group_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)

    group: Mapped[Group] = relationship()
    contact: Mapped[Contact] = relationship()


def contact_ids_of(group_id: int) -> Select[int]:
    """A SELECT of the ids of the contacts in a group, each once."""
    return select(Membership.contact_id).where(Membership.group_id == group_id).distinct()
