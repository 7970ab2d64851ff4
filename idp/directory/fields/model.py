"""The tables: a field, its choices, and the values that contacts have."""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    event,
    false,
    func,
    inspect,
    select,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship, validates

from idp.database import Base
from idp.directory.contacts import TEXT_LENGTH, Contact, InvalidValue, checked_text
from idp.directory.fields.decimals import Millionths
from idp.directory.fields.keys import free_key, slug
from idp.directory.fields.kinds import COLUMNS, KINDS

APPLIES_TO = ("person", "company", "both")
LONG_TEXT_LENGTH = 20_000
MOST_CHOICES = 500
SYNC_RULE = "A field syncs to Higher Logic only when it is shown in the Members section."
EDIT_RULE = "Members can edit what is shown in the Members section only."
_NOUNS = {"person": ("person", "people"), "company": ("company", "companies")}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _only_column_of_kind() -> str:
    """SQL: the column of the value's kind is filled, and no other is."""
    parts = []
    for column in sorted(set(COLUMNS.values())):
        kinds = tuple(kind for kind in KINDS if COLUMNS[kind] == column)
        parts.append(f'(kind IN ({_listed(kinds)})) = ("{column}" IS NOT NULL)')
    return " AND ".join(parts)


class CustomField(Base):
    """A field of the association's own. ``key`` and ``kind`` are permanent; ``label`` may change.

    ``applies_to`` is ``person``, ``company`` or ``both``. ``sync`` and ``member_may_edit`` need
    ``in_members_section``: whatever is written, the flush raises ``InvalidValue`` otherwise, and
    so it does when ``applies_to`` would leave out contacts that have a value.
    """

    __tablename__ = "custom_field"
    __table_args__ = (
        CheckConstraint("NOT sync OR in_members_section", name="sync_needs_members_section"),
        CheckConstraint(
            "NOT member_may_edit OR in_members_section", name="edit_needs_members_section"
        ),
        CheckConstraint(f"kind IN ({_listed(KINDS)})", name="kind"),
        CheckConstraint(f"applies_to IN ({_listed(APPLIES_TO)})", name="applies_to"),
        UniqueConstraint("id", "kind"),  # for the values to point to
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    label: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    kind: Mapped[str] = mapped_column(String(20))
    applies_to: Mapped[str] = mapped_column(String(10), default="person", server_default="person")
    in_members_section: Mapped[bool] = mapped_column(default=False, server_default=false())
    sync: Mapped[bool] = mapped_column(default=False, server_default=false())
    member_may_edit: Mapped[bool] = mapped_column(default=False, server_default=false())
    in_lists: Mapped[bool] = mapped_column(default=False, server_default=false())
    position: Mapped[int] = mapped_column(default=0, server_default="0")

    choices: Mapped[list["Choice"]] = relationship(
        order_by="[Choice.position, Choice.id]",
        cascade="all, delete-orphan",
        back_populates="field",
    )

    @validates("key")
    def _key_is_permanent(self, _name: str, value: str) -> str:
        if self.key is not None and value != self.key:
            raise InvalidValue("key", "key_is_permanent", "A field's key never changes.")
        return value

    @validates("kind")
    def _kind_is_permanent(self, _name: str, value: str) -> str:
        if value not in KINDS or self.kind not in (None, value):
            raise InvalidValue("kind", "kind_is_permanent", "A field's kind never changes.")
        return value

    @validates("label")
    def _label(self, _name: str, value: str) -> str:
        label = checked_text("label", value or "")
        if not label:
            raise InvalidValue("label", "missing_label", "A field needs a name.")
        return label

    def is_kept_of(self, contact_kind: str) -> bool:
        """Whether people (``person``) or companies (``company``) have this field."""
        return self.applies_to in (contact_kind, "both")

    def choice(self, given: str) -> "Choice | None":
        """The choice with this key, else the first with this label; letter case aside."""
        folded = given.strip().casefold()
        for choice in self.choices:
            if folded == choice.key.casefold():
                return choice
        for choice in self.choices:
            if folded == choice.label.casefold():
                return choice
        return None

    def add_choice(self, label: str) -> "Choice":
        """A further choice at the end of the list, with a key made from its label.

        Raises ``InvalidValue``.
        """
        if len(self.choices) >= MOST_CHOICES:
            raise InvalidValue("choices", "too_many", f"A field has at most {MOST_CHOICES}.")
        taken = {choice.key for choice in self.choices}
        choice = Choice(key=free_key(slug(label), taken), label=label, position=len(self.choices))
        self.choices.append(choice)
        return choice


class Choice(Base):
    """One of the answers of a *one of* or *several of* field. The key stays when it is renamed.

    A retired one is no longer offered and stays with who has it.
    """

    __tablename__ = "custom_field_choice"
    __table_args__ = (
        UniqueConstraint("field_id", "key"),
        UniqueConstraint("field_id", "id"),  # for the values to point to
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    field_id: Mapped[int] = mapped_column(ForeignKey("custom_field.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    retired: Mapped[bool] = mapped_column(default=False, server_default=false())

    field: Mapped[CustomField] = relationship(back_populates="choices")

    @validates("key")
    def _key_is_permanent(self, _name: str, value: str) -> str:
        if self.key is not None and value != self.key:
            raise InvalidValue("choices", "key_is_permanent", "A choice's key never changes.")
        return value

    @validates("label")
    def _label(self, _name: str, value: str) -> str:
        label = checked_text("choices", value or "")
        if not label:
            raise InvalidValue("choices", "missing_label", "A choice needs a name.")
        if "|" in label and label != self.label:
            raise InvalidValue("choices", "has_bar", "A choice's name has no |: it parts several.")
        return label


def _slot(context: Any) -> int:
    row = context.get_current_parameters()
    return int(row["choice_id"]) if row["kind"] == "several_of" else 0


class FieldValue(Base):
    """A contact's value of a custom field, typed; *several of* has one row for each choice.

    ``kind`` is the field's: with it the database itself holds that the one column is filled which
    fits the kind. ``slot`` is 0, for *several of* the choice: no second row has the same contact,
    field and slot.
    """

    __tablename__ = "custom_field_value"
    __table_args__ = (
        ForeignKeyConstraint(
            ["field_id", "kind"], ["custom_field.id", "custom_field.kind"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["field_id", "choice_id"],
            ["custom_field_choice.field_id", "custom_field_choice.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(_only_column_of_kind(), name="fits_kind"),
        CheckConstraint(
            "slot = CASE WHEN kind = 'several_of' THEN choice_id ELSE 0 END", name="slot"
        ),
        CheckConstraint(
            f'"text" IS NULL OR length("text") BETWEEN 1 AND {LONG_TEXT_LENGTH}', name="text"
        ),
        UniqueConstraint("contact_id", "field_id", "slot"),
        Index("ix_custom_field_value_choice", "field_id", "choice_id", "contact_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    field_id: Mapped[int] = mapped_column()
    kind: Mapped[str] = mapped_column(String(20))
    slot: Mapped[int] = mapped_column(default=_slot)
    choice_id: Mapped[int | None] = mapped_column()
    text: Mapped[str | None]
    number: Mapped[int | None] = mapped_column(BigInteger)
    decimal: Mapped[Decimal | None] = mapped_column(Millionths)
    date: Mapped[dt.date | None]
    truth: Mapped[bool | None]

    contact: Mapped[Contact] = relationship()
    field: Mapped[CustomField] = relationship(
        foreign_keys=[field_id, kind], lazy="joined", innerjoin=True
    )
    choice: Mapped[Choice | None] = relationship(
        primaryjoin=choice_id == Choice.id, foreign_keys=[choice_id], lazy="joined", viewonly=True
    )


@event.listens_for(CustomField, "before_insert")
@event.listens_for(CustomField, "before_update")
def _hold_the_rules(
    _mapper: Mapper[CustomField], connection: Connection, field: CustomField
) -> None:
    # Here and not in validators, which would ask for an order of assignments.
    if field.sync and not field.in_members_section:
        raise InvalidValue(
            "sync",
            "sync_needs_members_section",
            f"{SYNC_RULE} Show it there, or switch the sync off too.",
        )
    if field.member_may_edit and not field.in_members_section:
        raise InvalidValue("member_may_edit", "edit_needs_members_section", EDIT_RULE)
    if field.id is not None and inspect(field).attrs.applies_to.history.has_changes():
        _leave_nobody_out(connection, field)


def _leave_nobody_out(connection: Connection, field: CustomField) -> None:
    for kind, (one, many) in _NOUNS.items():
        if field.is_kept_of(kind):
            continue
        value, contact = FieldValue.__table__.c, Contact.__table__.c
        number = connection.scalar(
            select(func.count(value.contact_id.distinct()))
            .join(Contact.__table__, contact.id == value.contact_id)
            .where(value.field_id == field.id, contact.kind == kind)
        )
        if number:
            raise InvalidValue(
                "applies_to",
                "has_values",
                f"{number:,} {one if number == 1 else many} {'has' if number == 1 else 'have'} a "
                f"value of it. Empty it there first: what is kept is never hidden or lost unseen.",
            )
