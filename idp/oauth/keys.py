"""The keys that tokens are signed with: in the database, the private part encrypted.

One key of each algorithm is the current one; the others are published until nothing that they
signed is alive.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from flask import current_app
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey
from sqlalchemy import CheckConstraint, String, UniqueConstraint, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from idp import audit, database, encryption
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.signin import sessions

ALGORITHM = "RS256"
# RS256 for everybody, ES256 for the clients that ask for it (OpenID Connect Core, 15.1).
ALGORITHMS = ("RS256", "ES256")
BITS = 2048
ID_TOKEN_LIFETIME = dt.timedelta(hours=1)
# An ID token signs its member out (as a hint) for as long as the session lasts, expired or not.
PUBLISHED_AFTER_ROTATION = sessions.LIFETIME + ID_TOKEN_LIFETIME
# Another process' rotation is noticed after so many seconds; until then the old key, which stays
# published, signs on. What is published is read afresh each time.
FRESH_SECONDS = 3.0
_EXTENSION = "tessera-signing-keys"

SigningPair = RSAKey | ECKey


class RotationBusy(RuntimeError):
    """Two rotations ran at the same moment; the other one won."""


class SigningKey(Base):
    """A signing key. ``is_current`` is true on one row of an algorithm and null on all others,
    and unique: two processes that make the first key at once agree on one."""

    __tablename__ = "signing_key"
    __table_args__ = (
        CheckConstraint("is_current", name="current"),
        UniqueConstraint("alg", "is_current"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(String(64), unique=True)
    alg: Mapped[str] = mapped_column(String(10), default=ALGORITHM)
    private_key: Mapped[str]
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    is_current: Mapped[bool | None]
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    retires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class _Cached:
    key: SigningPair
    read_at: float


def current(algorithm: str = ALGORITHM) -> SigningPair:
    """The key to sign with; makes the first one of its algorithm.

    To be called before the transaction at hand has written: making the first key commits.
    Raises ``encryption.Unreadable`` when the deployment's key is not the one it was written with.
    """
    known: dict[str, _Cached] = current_app.extensions.setdefault(_EXTENSION, {})
    cached = known.get(algorithm)
    if cached is not None and time.monotonic() - cached.read_at < FRESH_SECONDS:
        return cached.key
    row = _read_current(algorithm) or _first(algorithm)
    # Importing an RSA key costs as much as 30 sign-ons: the object is kept.
    key = cached.key if cached is not None and cached.key.kid == row.kid else _import(row)
    known[algorithm] = _Cached(key, time.monotonic())
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
    return KeySet([_KINDS[jwk["kty"]].import_key(jwk) for jwk in published()])


def rotate() -> str:
    """Sign with new keys from now on; the old ones stay published for a while.

    Every algorithm in use gets one; gives the kid of the first algorithm's. Raises
    ``RotationBusy``, after which the transaction must be rolled back.
    """
    used = db.session.scalars(select(SigningKey.alg).where(SigningKey.is_current.is_(True))).all()
    db.session.execute(
        update(SigningKey)
        .where(SigningKey.is_current.is_(True))
        .values(is_current=None, retires_at=now() + PUBLISHED_AFTER_ROTATION)
        .execution_options(synchronize_session=False)
    )
    made = [_generate(alg) for alg in ALGORITHMS if alg in used or alg == ALGORITHM]
    db.session.add_all(made)
    try:
        db.session.flush()
    except IntegrityError:
        raise RotationBusy("Another rotation ran at the same moment.") from None
    for row in made:
        audit.record(audit.Event.KEYS_ROTATED, row.kid, algorithm=row.alg)
    current_app.extensions.pop(_EXTENSION, None)
    return made[0].kid


def current_since() -> dt.datetime | None:
    """When the key that signs now was made, if there is one: what a rotation on schedule asks."""
    return db.session.scalar(
        select(SigningKey.created_at).where(
            SigningKey.is_current.is_(True), SigningKey.alg == ALGORITHM
        )
    )


def _read_current(algorithm: str) -> SigningKey | None:
    return db.session.scalar(
        select(SigningKey).where(SigningKey.is_current.is_(True), SigningKey.alg == algorithm)
    )


def _first(algorithm: str) -> SigningKey:
    database.start_writing()
    row = _read_current(algorithm)  # somebody may have made it since
    if row is not None:
        return row
    row = _generate(algorithm)
    db.session.add(row)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        row = _read_current(algorithm)
        if row is None:
            raise
    return row


def _generate(algorithm: str) -> SigningKey:
    # The key's id is its thumbprint (RFC 7638).
    about: KeyParameters = {"use": "sig", "alg": algorithm}
    key: SigningPair
    if algorithm == "ES256":
        key = ECKey.generate_key("P-256", about, auto_kid=True)
    else:
        key = RSAKey.generate_key(BITS, about, auto_kid=True)
    return SigningKey(
        kid=key.kid,
        alg=algorithm,
        private_key=encryption.encrypt(key.as_pem(private=True).decode("ascii")),
        public_jwk=key.as_dict(private=False),
        is_current=True,
    )


_KINDS: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}


def _import(row: SigningKey) -> SigningPair:
    kind = _KINDS["EC" if row.alg == "ES256" else "RSA"]
    about: KeyParameters = {"use": "sig", "alg": row.alg, "kid": row.kid}
    return kind.import_key(encryption.decrypt(row.private_key), about)
