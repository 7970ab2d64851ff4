"""The tables: a field, its choices, and the values that contacts have."""

import datetime as dt
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from idp.database import Base
from idp.directory.contacts import TEXT_LENGTH, Contact, InvalidValue, checked_text
from idp.directory.fields.keys import free_key, slug


class CustomField(Base):
    """A field of the association's own. ``key`` is permanent; ``label`` may change.

    ``applies_to`` is ``person``, ``company`` or ``both``.
    """

    __tablename__ = "custom_field"
    __table_args__ = (
        CheckConstraint("NOT sync OR in_members_section", name="sync_needs_members_section"),
        CheckConstraint(
            "kind IN ('text', 'yes_no', 'whole_number', 'date', 'one_of', 'several_of')",
            name="kind",
        ),
        CheckConstraint("applies_to IN ('person', 'company', 'both')", name="applies_to"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    label: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    kind: Mapped[str] = mapped_column(String(20))
    applies_to: Mapped[str] = mapped_column(String(10), default="person", server_default="person")
    in_members_section: Mapped[bool] = mapped_column(default=False, server_default=false())
    sync: Mapped[bool] = mapped_column(default=False, server_default=false())
    member_may_edit: Mapped[bool] = mapped_column(default=False, server_default=false())
    position: Mapped[int] = mapped_column(default=0, server_default="0")

    choices: Mapped[list["Choice"]] = relationship(
        order_by="Choice.position", cascade="all, delete-orphan", back_populates="field"
    )

    @validates("label")
    def _label(self, _name: str, value: str) -> str:
        label = checked_text("label", value or "")
        if not label:
            raise InvalidValue("label", "missing_label", "A field needs a name.")
        return label

    def choice(self, given: str) -> "Choice | None":
        """The choice with this key or this label, letter case aside."""
        folded = given.strip().casefold()
        for choice in self.choices:
            if folded in (choice.key.casefold(), choice.label.casefold()):
                return choice
        return None

    def add_choice(self, label: str) -> "Choice":
        """A further choice at the end of the list, with a key made from its label."""
        taken = {choice.key for choice in self.choices}
        choice = Choice(
            key=free_key(slug(label), taken),
            label=checked_text("label", label),
            position=len(self.choices),
        )
        self.choices.append(choice)
        return choice


class Choice(Base):
    """One of the answers of a *one of* or *several of* field. The key stays when it is renamed."""

    __tablename__ = "custom_field_choice"
    __table_args__ = (UniqueConstraint("field_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    field_id: Mapped[int] = mapped_column(ForeignKey("custom_field.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    retired: Mapped[bool] = mapped_column(default=False, server_default=false())

    field: Mapped[CustomField] = relationship(back_populates="choices")


class FieldValue(Base):
    """A contact's value of a custom field, typed; *several of* has one row for each choice."""

    __tablename__ = "custom_field_value"
    __table_args__ = (
        Index("ix_custom_field_value_contact", "contact_id", "field_id"),
        Index("ix_custom_field_value_choice", "field_id", "choice_id", "contact_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    field_id: Mapped[int] = mapped_column(ForeignKey("custom_field.id", ondelete="CASCADE"))
    choice_id: Mapped[int | None] = mapped_column(
        ForeignKey("custom_field_choice.id", ondelete="CASCADE")
    )
    text: Mapped[str | None]
    number: Mapped[Decimal | None] = mapped_column(Numeric(20, 0))
    date: Mapped[dt.date | None]
    truth: Mapped[bool | None]

    contact: Mapped[Contact] = relationship()
    field: Mapped[CustomField] = relationship(lazy="joined", innerjoin=True)
    choice: Mapped[Choice | None] = relationship(lazy="joined")
