"""The keys that ID tokens are signed with: in the database, the private part encrypted.

One key is the current one; the others are published until nothing that they signed is alive.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from flask import current_app
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import CheckConstraint, String, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from idp import audit, database, encryption
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.signin import sessions

ALGORITHM = "RS256"
BITS = 2048
ID_TOKEN_LIFETIME = dt.timedelta(hours=1)
# An ID token signs its member out (as a hint) for as long as the session lasts, expired or not.
PUBLISHED_AFTER_ROTATION = sessions.LIFETIME + ID_TOKEN_LIFETIME
# Another process' rotation is noticed after so many seconds; until then the old key, which stays
# published, signs on. What is published is read afresh each time.
FRESH_SECONDS = 3.0
_EXTENSION = "tessera-signing-key"


class RotationBusy(RuntimeError):
    """Two rotations ran at the same moment; the other one won."""


class SigningKey(Base):
    """A signing key. ``is_current`` is true on one row and null on all others, and unique: two
    processes that make the first key at once agree on one."""

    __tablename__ = "signing_key"
    __table_args__ = (CheckConstraint("is_current", name="current"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(String(64), unique=True)
    alg: Mapped[str] = mapped_column(String(10), default=ALGORITHM)
    private_key: Mapped[str]
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    is_current: Mapped[bool | None] = mapped_column(unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    retires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class _Cached:
    key: RSAKey
    read_at: float


def current() -> RSAKey:
    """The key to sign with; makes the first one.

    To be called before the transaction at hand has written: making the first key commits.
    Raises ``encryption.Unreadable`` when the deployment's key is not the one it was written with.
    """
    cached: _Cached | None = current_app.extensions.get(_EXTENSION)
    if cached is not None and time.monotonic() - cached.read_at < FRESH_SECONDS:
        return cached.key
    row = _read_current() or _first()
    # Importing an RSA key costs as much as 30 sign-ons: the object is kept.
    key = cached.key if cached is not None and cached.key.kid == row.kid else _import(row)
    current_app.extensions[_EXTENSION] = _Cached(key, time.monotonic())
    return key


def published() -> list[dict[str, Any]]:
    """The public JWKs, the current one first, read from the database (RFC 7517, 5)."""
    rows = db.session.execute(
        select(SigningKey.public_jwk)
        .where(or_(SigningKey.is_current.is_(True), SigningKey.retires_at > now()))
        .order_by(SigningKey.id.desc())
    ).scalars()
    return list(rows)


def verifying() -> KeySet:
    """The published keys, to check our own signatures with."""
    return KeySet([RSAKey.import_key(jwk) for jwk in published()])


def rotate() -> str:
    """Sign with a new key from now on; the old one stays published for a while. Gives the new kid.

    Raises ``RotationBusy``, after which the transaction must be rolled back.
    """
    moment = now()
    db.session.execute(
        update(SigningKey)
        .where(SigningKey.is_current.is_(True))
        .values(is_current=None, retires_at=moment + PUBLISHED_AFTER_ROTATION)
        .execution_options(synchronize_session=False)
    )
    row = _generate()
    db.session.add(row)
    try:
        db.session.flush()
    except IntegrityError:
        raise RotationBusy("Another rotation ran at the same moment.") from None
    audit.record(audit.Event.KEYS_ROTATED, row.kid)
    current_app.extensions.pop(_EXTENSION, None)
    return row.kid


def _read_current() -> SigningKey | None:
    return db.session.scalar(select(SigningKey).where(SigningKey.is_current.is_(True)))


def _first() -> SigningKey:
    database.start_writing()
    row = _read_current()  # somebody may have made it since
    if row is not None:
        return row
    row = _generate()
    db.session.add(row)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        row = _read_current()
        if row is None:
            raise
    return row


def _generate() -> SigningKey:
    # The key's id is its thumbprint (RFC 7638).
    key = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return SigningKey(
        kid=key.kid,
        private_key=encryption.encrypt(key.as_pem(private=True).decode("ascii")),
        public_jwk=key.as_dict(private=False),
        is_current=True,
    )


def _import(row: SigningKey) -> RSAKey:
    return RSAKey.import_key(
        encryption.decrypt(row.private_key), {"use": "sig", "alg": row.alg, "kid": row.kid}
    )
