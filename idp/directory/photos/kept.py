"""A contact's photo as it is kept: one row that tells of it, and a row with the bytes of each size.

Whoever asks for a page or a list of contacts reads the first kind only. The bytes are in the
database because the web processes keep nothing of their own: any of them may be asked.
"""

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import (
    ForeignKey,
    LargeBinary,
    SmallInteger,
    String,
    delete,
    event,
    inspect,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp.database import Base, UTCDateTime, db, now
from idp.directory import changes
from idp.directory.contacts import Contact
from idp.directory.photos.pictures import Picture


class Photo(Base):
    """The photo of a contact. ``token`` is its public name, 128 random bits: whoever knows it may
    see the photo, and each upload has another."""

    __tablename__ = "photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(
        ForeignKey("contact.id", ondelete="CASCADE"), unique=True
    )
    token: Mapped[str] = mapped_column(String(22), unique=True)
    width: Mapped[int]
    height: Mapped[int]
    uploaded_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)


class PhotoFile(Base):
    """The JPEG of a photo that is at most ``size`` pixels on its long side."""

    __tablename__ = "photo_file"

    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    size: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


def of(contact: Contact) -> Photo | None:
    """A contact's photo, without its bytes."""
    if contact.id is None:
        return None
    return db.session.scalar(select(Photo).where(Photo.contact_id == contact.id))


def token_of(contact: Contact) -> str | None:
    """The public name of a contact's photo, for a page that shows it."""
    photo = of(contact)
    return photo.token if photo is not None else None


def file_of(token: str, size: int) -> bytes | None:
    """The JPEG of a size, by the photo's public name; none of a record that was merged."""
    return db.session.scalar(
        select(PhotoFile.content)
        .join(Photo, Photo.id == PhotoFile.photo_id)
        .join(Contact, Contact.id == Photo.contact_id)
        .where(Photo.token == token, PhotoFile.size == size, Contact.merged_into_id.is_(None))
    )


def keep(contact: Contact, picture: Picture) -> Photo:
    """Keep a picture as the contact's photo, in place of the one before, whose address is over."""
    photo = _alone_with(contact)
    facts = {"width": picture.width, "height": picture.height, "token": _new_token()}
    if photo is None:
        photo = Photo(contact_id=contact.id, **facts)
        db.session.add(photo)
    else:
        for name, value in facts.items():
            setattr(photo, name, value)
        photo.uploaded_at = now()
    db.session.flush()
    db.session.execute(delete(PhotoFile).where(PhotoFile.photo_id == photo.id))
    db.session.add_all(
        PhotoFile(photo_id=photo.id, size=size, content=content)
        for size, content in picture.files.items()
    )
    contact.updated_at = now()  # sites are told when a person's claims changed last
    return photo


def remove(contact: Contact) -> bool:
    """Remove a contact's photo; from then on there is nothing at its address. Says whether there
    was one."""
    photo = _alone_with(contact)
    if photo is None:
        return False
    db.session.delete(photo)
    contact.updated_at = now()
    return True


def _new_token() -> str:
    return secrets.token_urlsafe(16)


def _alone_with(contact: Contact) -> Photo | None:
    # Two uploads for one contact take their turn at its row; each then sees what the other left.
    db.session.flush()
    changes.hold(contact.id)
    return db.session.scalar(
        select(Photo)
        .where(Photo.contact_id == contact.id)
        .execution_options(populate_existing=True)
    )


@event.listens_for(Session, "before_flush")
def _follow_a_merge(session: Session, _context: Any, _instances: Any) -> None:
    # Whatever merges two records: the address of the one that goes is over at once, and its
    # photo is the other's, if that has none.
    for contact in list(session.dirty):
        if not isinstance(contact, Contact):
            continue
        attributes = inspect(contact).attrs
        names = ("merged_into", "merged_into_id")
        if not any(attributes[name].history.has_changes() for name in names):
            continue
        with session.no_autoflush:
            kept = contact.merged_into or session.get(Contact, contact.merged_into_id)
            photo = of(contact)
            if kept is None or photo is None:
                continue
            if of(kept) is None:
                photo.contact_id, photo.token = kept.id, _new_token()
                kept.updated_at = now()
            else:
                session.delete(photo)


def _written(row: Photo, _deleted: bool) -> None:
    changes.announce([row.contact_id])


changes.watch(Photo, _written)
