"""The keys that tokens are signed with: in the database, the private part encrypted.

One key of each algorithm is the current one and one the next, published beforehand: a site that
keeps the published keys for a while (openid-client asks no more often than once in a minute) knows
it when it begins to sign. The others are published until nothing that they signed is alive.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from flask import current_app
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    String,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    update,
)
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
    """A signing key: current, next (``retires_at`` is null), or retired.

    ``is_current`` is true on one row of an algorithm and null on all others, and unique: two
    processes that make the first key at once agree on one.
    """

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


def check() -> None:
    """What a start asks: can the keys that sign, now or next, be read? None yet is fine.

    Raises ``encryption.Unreadable`` (K3).
    """
    in_use = select(SigningKey.private_key).where(SigningKey.retires_at.is_(None))
    for sealed in db.session.scalars(in_use).all():
        encryption.decrypt(sealed)


def published() -> list[dict[str, Any]]:
    """The public JWKs, those that sign first, read from the database (RFC 7517, 5)."""
    rows = db.session.execute(
        select(SigningKey.public_jwk)
        .where(_is_published())
        .order_by(SigningKey.is_current.is_(None), SigningKey.id.desc())
    ).scalars()
    return list(rows)


def verifying() -> KeySet:
    """The published keys, to check our own signatures with."""
    return KeySet([_KINDS[jwk["kty"]].import_key(jwk) for jwk in published()])


def rotate(*, leaked: bool = False) -> str:
    """Sign with the next keys from now on, and publish those that come after them.

    The old ones stay published for a while. When keys have ``leaked`` none of them does, and new
    ones sign, since the next lay beside them: a site that keeps the published keys refuses what
    is signed with the new ones until it asks again.

    Every algorithm in use gets one; gives the kid of the first algorithm's. Raises
    ``RotationBusy``, after which the transaction must be rolled back.
    """
    used = db.session.scalars(select(SigningKey.alg).distinct()).all()
    ending = _is_published() if leaked else _IS_CURRENT
    until = now() if leaked else now() + PUBLISHED_AFTER_ROTATION
    db.session.execute(
        update(SigningKey)
        .where(ending)
        .values(is_current=None, retires_at=until)
        .execution_options(synchronize_session=False)
    )
    try:
        begun = [_begin(alg) for alg in ALGORITHMS if alg in used or alg == ALGORITHM]
    except IntegrityError:
        raise RotationBusy("Another rotation ran at the same moment.") from None
    for row in begun:
        audit.record(audit.Event.KEYS_ROTATED, row.kid, algorithm=row.alg, leaked=leaked)
    current_app.extensions.pop(_EXTENSION, None)
    return begun[0].kid


def current_since() -> dt.datetime | None:
    """When the key that signs now began to, if there is one: what a rotation on schedule asks.

    That is when the key after it was made.
    """
    return db.session.scalar(
        select(func.max(SigningKey.created_at)).where(
            SigningKey.retires_at.is_(None), SigningKey.alg == ALGORITHM
        )
    )


_IS_CURRENT = SigningKey.is_current.is_(True)
_IS_NEXT = and_(SigningKey.is_current.is_(None), SigningKey.retires_at.is_(None))


def _is_published() -> ColumnElement[bool]:
    return or_(SigningKey.retires_at.is_(None), SigningKey.retires_at > now())


def _begin(algorithm: str) -> SigningKey:
    # The next key signs from now on; where none waits (the first time), a new one.
    row = db.session.scalar(
        select(SigningKey).where(SigningKey.alg == algorithm, _IS_NEXT).limit(1)
    ) or _generate(algorithm)
    row.is_current = True
    db.session.add_all([row, _generate(algorithm)])
    db.session.flush()
    return row


def _read_current(algorithm: str) -> SigningKey | None:
    return db.session.scalar(select(SigningKey).where(_IS_CURRENT, SigningKey.alg == algorithm))


def _first(algorithm: str) -> SigningKey:
    database.start_writing()
    row = _read_current(algorithm)  # somebody may have made it since
    if row is not None:
        return row
    try:
        row = _begin(algorithm)
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
    )


_KINDS: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}


def _import(row: SigningKey) -> SigningPair:
    kind = _KINDS["EC" if row.alg == "ES256" else "RSA"]
    about: KeyParameters = {"use": "sig", "alg": row.alg, "kid": row.kid}
    return kind.import_key(encryption.decrypt(row.private_key), about)
