"""Contacts: the people and the companies, one table, one kind of permanent key.

Both are contacts of the feed and Higher Logic's record of both has one shape
(`MemberDetails`), so they share a table; ``Person`` and ``Company`` say what each has of its own.
"""

import datetime as dt
import uuid
from typing import Any, Literal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, event, select, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from idp.database import Base, UTCDateTime, db, now
from idp.directory.values import (
    BIO_LENGTH,
    EMAIL_LENGTH,
    KEY_LENGTH,
    PHONE_TYPE_LENGTH,
    TEXT_LENGTH,
    URL_LENGTH,
    InvalidValue,
    checked_email,
    checked_key,
    checked_text,
    checked_web_address,
    cleaned_bio,
    email_key,
    harmless_html,
)

__all__ = [
    "ADDRESS",
    "BIO_LENGTH",
    "EMAIL_LENGTH",
    "KEY_LENGTH",
    "KNOWN_PHONE_TYPES",
    "NAMES",
    "PHONES",
    "PHONE_TYPES",
    "PHONE_TYPE_LENGTH",
    "TEXTS",
    "TEXT_LENGTH",
    "URL_LENGTH",
    "WEB_ADDRESSES",
    "Company",
    "Contact",
    "InvalidValue",
    "Kind",
    "Person",
    "aliases",
    "checked_email",
    "checked_key",
    "checked_text",
    "checked_web_address",
    "cleaned_bio",
    "email_key",
    "find",
    "find_person_by_email",
    "harmless_html",
    "is_key_of",
    "only_person_by_email",
]

Kind = Literal["person", "company"]

PHONES = ("phone_1", "phone_2", "phone_3", "phone_4")
PHONE_TYPES = tuple(f"{phone}_type" for phone in PHONES)
# What is known of Higher Logic: suggested, never enforced.
KNOWN_PHONE_TYPES = ("OFFICE", "MOBILE")
ADDRESS = tuple("address_1 address_2 address_3 city state postal_code country".split())
WEB_ADDRESSES = {
    "website": "Website",
    "linkedin": "LinkedIn",
    "twitter": "X (Twitter)",
    "facebook": "Facebook",
    "youtube": "YouTube",
    "google_plus": "Google Plus",
    "blogger": "Blogger",
    "wordpress": "WordPress",
    "other_blog": "Another blog",
}
"""The web addresses of a contact, with what people call them."""
NAMES = tuple(
    "prefix first_name middle_name last_name suffix informal_name designation job_title".split()
)
TEXTS = (*NAMES, "name", "member_id", "member_type", "member_status", *PHONES, *ADDRESS)


class Contact(Base):
    """A person or a company. ``key`` is permanent: ``sub`` and ``LegacyContactKey`` (decision 1).

    ``active`` says whether the association's record is in use; what switching it off does at
    Higher Logic is the association's choice (default: nothing, as the brief says).

    A record that was merged into another is an alias, kept for its key alone: it is out of use,
    ``merged_into_id`` is the one that was kept, and no list, search, condition or count has it.
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'company')", name="kind"),
        CheckConstraint(
            "kind = 'company' OR first_name <> '' OR last_name <> ''", name="person_has_name"
        ),
        CheckConstraint("kind = 'person' OR name <> ''", name="company_has_name"),
        Index("ix_contact_email_key", "email_key"),
        Index("ix_contact_member_status", "member_status"),
        Index("ix_contact_member_id", "member_id"),
        CheckConstraint("merged_into_id IS NULL OR NOT active", name="merged_is_inactive"),
        Index(
            "ix_contact_merged_into_id",
            "merged_into_id",
            postgresql_where=text("merged_into_id IS NOT NULL"),
            sqlite_where=text("merged_into_id IS NOT NULL"),
        ),
    )
    __mapper_args__ = {"polymorphic_on": "kind"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(
        String(KEY_LENGTH), unique=True, default=lambda: str(uuid.uuid4())
    )
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now, onupdate=now)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))

    member_id: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    member_type: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    member_status: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    joined_on: Mapped[dt.date | None]
    expires_on: Mapped[dt.date | None]
    email: Mapped[str] = mapped_column(String(254), default="")
    email_key: Mapped[str | None] = mapped_column(String(254))
    phone_1: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    phone_1_type: Mapped[str] = mapped_column(
        String(PHONE_TYPE_LENGTH), default="OFFICE", server_default="OFFICE"
    )
    phone_2: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    phone_2_type: Mapped[str] = mapped_column(
        String(PHONE_TYPE_LENGTH), default="MOBILE", server_default="MOBILE"
    )
    phone_3: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    phone_3_type: Mapped[str] = mapped_column(
        String(PHONE_TYPE_LENGTH), default="", server_default=""
    )
    phone_4: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    phone_4_type: Mapped[str] = mapped_column(
        String(PHONE_TYPE_LENGTH), default="", server_default=""
    )
    address_1: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    address_2: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    address_3: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    city: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    state: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    postal_code: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    country: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    website: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    linkedin: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    twitter: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    facebook: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    youtube: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    google_plus: Mapped[str] = mapped_column(String(URL_LENGTH), default="", server_default="")
    blogger: Mapped[str] = mapped_column(String(URL_LENGTH), default="", server_default="")
    wordpress: Mapped[str] = mapped_column(String(URL_LENGTH), default="", server_default="")
    other_blog: Mapped[str] = mapped_column(String(URL_LENGTH), default="", server_default="")
    bio: Mapped[str] = mapped_column(default="")

    merged_into: Mapped["Contact | None"] = relationship(
        foreign_keys=[merged_into_id], remote_side="Contact.id"
    )

    @property
    def title(self) -> str:
        """The name that people read."""
        raise NotImplementedError

    @property
    def phones(self) -> list[tuple[str, str]]:
        """The phone numbers that there are, each after its type as people read it."""
        found = [(getattr(self, f"{name}_type"), getattr(self, name)) for name in PHONES]
        return [
            ((kind.capitalize() if kind.isupper() else kind) or "Phone", number)
            for kind, number in found
            if number
        ]

    @property
    def address(self) -> list[str]:
        """The lines and parts of the postal address that there are."""
        return [getattr(self, name) for name in ADDRESS if getattr(self, name)]

    @property
    def web(self) -> list[tuple[str, str]]:
        """The web addresses that there are, each after its label."""
        found = [(label, getattr(self, name)) for name, label in WEB_ADDRESSES.items()]
        return [(label, address) for label, address in found if address]

    @validates("key")
    def _key_is_permanent(self, _name: str, value: str) -> str:
        if self.key is not None and value != self.key:
            raise InvalidValue("key", "key_is_permanent", "A key never changes.")
        return checked_key(value)

    @validates("email")
    def _email(self, _name: str, value: str | None) -> str:
        address = checked_email(value or "")
        self.email_key = email_key(address) if address else None
        return address

    @validates(*WEB_ADDRESSES)
    def _web_address(self, name: str, value: str | None) -> str:
        return checked_web_address(name, value or "")

    @validates(*TEXTS)
    def _text(self, name: str, value: str | None) -> str:
        return checked_text(name, value or "")

    @validates(*PHONE_TYPES)
    def _phone_type(self, name: str, value: str | None) -> str:
        return checked_text(name, value or "", PHONE_TYPE_LENGTH)

    @validates("bio")
    def _bio(self, _name: str, value: str | None) -> str:
        return cleaned_bio(value or "")


class Company(Contact):
    """An organisation: its people point to it, it may have a parent company and a main contact."""

    __mapper_args__ = {"polymorphic_identity": "company"}

    name: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    main_contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)

    parent: Mapped["Company | None"] = relationship(
        foreign_keys=[parent_id], remote_side="Contact.id"
    )
    main_contact: Mapped["Person | None"] = relationship(
        foreign_keys=[main_contact_id], remote_side="Contact.id", post_update=True
    )

    @property
    def title(self) -> str:
        """The company's name."""
        return self.name


class Person(Contact):
    """A human being the association knows; may have an account, may work for a company."""

    __mapper_args__ = {"polymorphic_identity": "person"}

    prefix: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    first_name: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    middle_name: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    last_name: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    suffix: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    informal_name: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    designation: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    job_title: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="", server_default="")
    in_directory: Mapped[bool] = mapped_column(default=True, server_default=true())
    company_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)

    company: Mapped[Company | None] = relationship(
        foreign_keys=[company_id], remote_side="Contact.id"
    )

    @property
    def title(self) -> str:
        """First and last name as people say them."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)


def find(key: str) -> Contact | None:
    """The contact with this key; of one that was merged, the one that was kept."""
    found = db.session.scalar(select(Contact).where(Contact.key == key))
    return found.merged_into or found if found is not None else None


def is_key_of(given: str, key: str) -> bool:
    """Whether a key is this contact's, or an alias of it. No statement where it is the very key."""
    if given == key:
        return True
    found = find(given)
    return found is not None and found.key == key


def aliases(contact: Contact) -> list[Contact]:
    """The records that were merged into a contact, oldest first: their keys still find it."""
    return list(
        db.session.scalars(
            select(Contact).where(Contact.merged_into_id == contact.id).order_by(Contact.id)
        )
    )


def find_person_by_email(address: str) -> Person | None:
    """The first person with this address, letter case aside."""
    return db.session.scalar(
        select(Person)
        .where(Person.email_key == email_key(address), Person.merged_into_id.is_(None))
        .order_by(Person.id)
        .limit(1)
    )


def only_person_by_email(address: str) -> Person | None:
    """The person with this address, letter case aside; nobody where several have it."""
    found = db.session.scalars(
        select(Person)
        .where(Person.email_key == email_key(address), Person.merged_into_id.is_(None))
        .limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


@event.listens_for(Contact, "init", propagate=True)
def _empty_texts(target: Contact, _args: Any, kwargs: dict[str, Any]) -> None:
    # A new contact reads the same before and after its first flush.
    for name in (*TEXTS, *WEB_ADDRESSES, "bio", "email", "phone_3_type", "phone_4_type"):
        if hasattr(type(target), name):
            kwargs.setdefault(name, "")
    for phone_type, kind in zip(PHONE_TYPES, KNOWN_PHONE_TYPES, strict=False):
        kwargs.setdefault(phone_type, kind)
