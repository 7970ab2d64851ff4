"""Contacts: the people and the companies, one table, one kind of permanent key.

Both are contacts of the feed and Higher Logic's record of both has one shape
(`MemberDetails`), so they share a table; ``Person`` and ``Company`` say what each has of its own.
"""

import datetime as dt
import re
import unicodedata
import uuid
from typing import Any, Literal
from urllib.parse import urlsplit

import email_validator
import nh3
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, event, select, true
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from idp.database import Base, UTCDateTime, db, now

Kind = Literal["person", "company"]

KEY_LENGTH = 100
TEXT_LENGTH = 255
URL_LENGTH = 500
BIO_LENGTH = 20_000
_KEY = re.compile(r"[^\s\x00-\x1f\x7f]{1,100}")
# How the authorization server names clients: whom a token speaks for must never be in doubt, so
# no contact has such a key (RFC 9700, 4.15).
_CLIENT_ID = re.compile(r"client-[0-9a-f]{24}")

WEB_ADDRESSES = ("website", "linkedin", "twitter", "facebook", "youtube")
TEXTS = (
    "prefix first_name middle_name last_name suffix informal_name designation job_title name "
    "member_id member_type member_status phone mobile address_1 address_2 city state "
    "postal_code country"
).split()


class InvalidValue(ValueError):
    """A value that a contact cannot have. ``reason`` is a stable code, the text a sentence."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(message)


class Contact(Base):
    """A person or a company. ``key`` is permanent: ``sub`` and ``LegacyContactKey`` (decision 1).

    ``active`` says whether the association's record is in use; what switching it off does at
    Higher Logic is the association's choice (default: nothing, as the brief says).
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

    member_id: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    member_type: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    member_status: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    joined_on: Mapped[dt.date | None]
    expires_on: Mapped[dt.date | None]
    email: Mapped[str] = mapped_column(String(254), default="")
    email_key: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    mobile: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    address_1: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    address_2: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    city: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    state: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    postal_code: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    country: Mapped[str] = mapped_column(String(TEXT_LENGTH), default="")
    website: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    linkedin: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    twitter: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    facebook: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    youtube: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    bio: Mapped[str] = mapped_column(default="")

    @property
    def title(self) -> str:
        """The name that people read."""
        raise NotImplementedError

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


Index("ix_contact_name", Contact.kind, Person.last_name, Person.first_name)


def checked_key(value: str) -> str:
    """A key as given, byte for byte: 1 to 100 characters without white space or controls.

    Raises ``InvalidValue``.
    """
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise InvalidValue(
            "key", "invalid_key", "A key has 1 to 100 characters and no white space."
        )
    if _CLIENT_ID.fullmatch(value):
        raise InvalidValue("key", "reserved_key", "A key of this form names a client.")
    return value


def checked_text(field: str, value: str) -> str:
    """A line of text without control characters (a line break becomes one).

    Raises ``InvalidValue`` when it is longer than 255 characters.
    """
    text = "".join(
        character
        for character in value.replace("\r\n", "\n").strip()
        if character == "\n" or unicodedata.category(character) != "Cc"
    )
    if len(text) > TEXT_LENGTH:
        raise InvalidValue(field, "too_long", f"Longer than {TEXT_LENGTH} characters.")
    return text


def checked_email(value: str) -> str:
    """An e-mail address as its owner writes it, or an empty text. Raises ``InvalidValue``.

    Only the form is checked: whether mail arrives is known by sending one.
    """
    value = value.strip()
    if not value:
        return ""
    try:
        email_validator.validate_email(value, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise InvalidValue("email", "invalid_email", str(error)) from None
    return value


def email_key(address: str) -> str:
    """What two spellings of one e-mail address have in common: they sign in the same account."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()


def checked_web_address(field: str, value: str) -> str:
    """An http(s) address or an empty text. Raises ``InvalidValue``: nothing else is a web address
    (a ``javascript:`` one would run in the reader's browser)."""
    value = value.strip()
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        parts, host = None, None
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not host
        or len(value) > URL_LENGTH
        or any(character.isspace() or ord(character) < 32 for character in value)
    ):
        raise InvalidValue(field, "invalid_url", "Not a web address: it starts with https://")
    return value


def cleaned_bio(value: str) -> str:
    """Rich text with everything dangerous taken out. Raises ``InvalidValue`` when too long."""
    if len(value) > BIO_LENGTH:
        raise InvalidValue("bio", "too_long", f"Longer than {BIO_LENGTH} characters.")
    value = value.replace("\r\n", "\n").replace("\x00", "").strip()
    if "<" not in value and "&" not in value:
        return value
    html = harmless_html(value)
    if len(html) > BIO_LENGTH:  # each & became &amp;
        raise InvalidValue("bio", "too_long", f"Longer than {BIO_LENGTH} characters.")
    return html


def harmless_html(value: str) -> str:
    """Rich text or plain text as HTML with everything dangerous taken out."""
    return nh3.clean(
        value,
        tags={"a", "b", "br", "em", "i", "li", "ol", "p", "strong", "u", "ul"},
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
    )


def find(key: str) -> Contact | None:
    """The contact with this key."""
    return db.session.scalar(select(Contact).where(Contact.key == key))


def find_person_by_email(address: str) -> Person | None:
    """The first person with this address, letter case aside."""
    return db.session.scalar(
        select(Person).where(Person.email_key == email_key(address)).order_by(Person.id).limit(1)
    )


@event.listens_for(Contact, "init", propagate=True)
def _empty_texts(target: Contact, _args: Any, kwargs: dict[str, Any]) -> None:
    # A new contact reads the same before and after its first flush.
    for name in (*TEXTS, *WEB_ADDRESSES, "bio", "email"):
        if hasattr(type(target), name):
            kwargs.setdefault(name, "")
