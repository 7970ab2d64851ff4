"""Named mappings: where the columns of one system's export go, kept for the next one."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from idp import audit
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory.contacts import InvalidValue, checked_text
from idp.directory.importing.columns import Kind
from idp.directory.importing.mapping import ColumnMapping

NAME_LENGTH = 100


class NamedMapping(Base):
    """A mapping under a name of its own among those of its kind (``people``, ``companies``)."""

    __tablename__ = "import_mapping"
    __table_args__ = (
        UniqueConstraint("kind", "name"),
        CheckConstraint("kind IN ('people', 'companies')", name="kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    document: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    changed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    @property
    def mapping(self) -> ColumnMapping:
        """The mapping; whether its fields are still there is ``ColumnMapping.check``'s to say."""
        return ColumnMapping.from_json(self.document)

    @validates("name")
    def _name(self, _name: str, value: str) -> str:
        text = checked_text("name", value or "")
        if not text or len(text) > NAME_LENGTH or "\n" in text:
            raise InvalidValue(
                "name", "invalid_name", f"A mapping's name has 1 to {NAME_LENGTH} characters."
            )
        return text


def all_of(kind: Kind) -> list[NamedMapping]:
    """The mappings of a kind, by name."""
    query = select(NamedMapping).where(NamedMapping.kind == kind)
    return sorted(db.session.scalars(query), key=lambda one: (one.name.casefold(), one.name))


def find(kind: Kind, name: str) -> NamedMapping | None:
    """The mapping of this name."""
    return db.session.scalar(
        select(NamedMapping).where(NamedMapping.kind == kind, NamedMapping.name == name.strip())
    )


def last_used(kind: Kind) -> NamedMapping | None:
    """The mapping of a kind that was used last, if one was."""
    return db.session.scalar(
        select(NamedMapping)
        .where(NamedMapping.kind == kind, NamedMapping.last_used_at.is_not(None))
        .order_by(NamedMapping.last_used_at.desc(), NamedMapping.id.desc())
        .limit(1)
    )


def save(name: str, mapping: ColumnMapping) -> NamedMapping:
    """Keep a mapping under a name, in place of the one that has it. Raises ``InvalidValue``."""
    mapping.check()
    there = find(mapping.kind, name)
    document = mapping.as_json()
    if there is None:
        before: dict[str, Any] = {}
        there = NamedMapping(kind=mapping.kind, name=name, document=document)
        db.session.add(there)
    elif there.document != document:
        before = there.document
        there.document, there.changed_at = document, now()
    else:
        return there
    db.session.flush()
    audit.record(
        audit.Event.MAPPING_CHANGED,
        there.name,
        kind=there.kind,
        columns=len(mapping.columns),
        changed=audit.changes(before, document),
    )
    return there


def rename(named: NamedMapping, name: str) -> None:
    """Give a mapping another name. Raises ``InvalidValue`` when another has it."""
    before = named.name
    with db.session.no_autoflush:
        holder = find(named.kind, name)  # type: ignore[arg-type]
    if holder is not None and holder is not named:
        raise InvalidValue("name", "duplicate_name", "Another mapping has this name.")
    named.name = name
    if named.name != before:
        audit.record(
            audit.Event.MAPPING_CHANGED,
            named.name,
            kind=named.kind,
            changed={"name": [before, name]},
        )


def delete(named: NamedMapping) -> None:
    """Delete a mapping; what was imported with it stays."""
    audit.record(audit.Event.MAPPING_DELETED, named.name, kind=named.kind)
    db.session.delete(named)


def used(named: NamedMapping) -> None:
    """Note that a mapping was used now."""
    named.last_used_at = now()
