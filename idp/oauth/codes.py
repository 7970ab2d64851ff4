"""Authorization codes: random, kept as hashes, good for a minute and for one use."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import audit
from idp.database import Base, UTCDateTime, db, now
from idp.oauth import grants
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidGrant
from idp.oauth.grants import Grant, Standing
from idp.signin.sessions import hashed

# RFC 6749, 4.1.2 allows ten minutes; the client's server needs a second.
LIFETIME = dt.timedelta(seconds=60)


class AuthorizationCode(Base):
    """A code that was issued; the row stays after its use, so that a second use is seen."""

    __tablename__ = "authorization_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    grant_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_grant.id", ondelete="CASCADE"), index=True
    )
    redirect_uri: Mapped[str]
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    nonce: Mapped[str | None]
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)
    claimed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class RedeemedCode(Standing):
    """A code that its client redeemed, with what the tokens need; Authlib asks it by methods."""

    redirect_uri: str
    code_challenge: str | None
    nonce: str | None

    # RFC 7636, 4.2: S256 is the only method taken.
    code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        """Where the code was sent (RFC 6749, 4.1.3)."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What was granted."""
        return self.scope


def new() -> str:
    """A fresh code: 256 random bits (RFC 6749, 10.10)."""
    return secrets.token_urlsafe(32)


def save(
    code: str, grant: Grant, *, redirect_uri: str, code_challenge: str | None, nonce: str | None
) -> None:
    """Keep what a code stands for; the code itself is not kept."""
    db.session.add(
        AuthorizationCode(
            code_hash=hashed(code),
            grant_id=grant.id,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            nonce=nonce,
            expires_at=now() + LIFETIME,
        )
    )


def redeem(code: str, client: Client) -> RedeemedCode:
    """Claim a code for its client, for good: this commits.

    Whatever is found wrong with the request afterwards (redirect URI, PKCE), the code is gone.
    A second use ends the family and is recorded (RFC 6749, 4.1.2; S11). Raises ``InvalidGrant``.
    """
    row = db.session.execute(
        grants.joined(
            select(
                AuthorizationCode.id.label("id"),
                AuthorizationCode.redirect_uri,
                AuthorizationCode.code_challenge,
                AuthorizationCode.nonce,
                AuthorizationCode.expires_at,
                AuthorizationCode.claimed_at,
                *grants.STANDING,
            ).select_from(AuthorizationCode),
            AuthorizationCode.grant_id,
        ).where(AuthorizationCode.code_hash == hashed(code))
    ).one_or_none()
    if row is None:
        raise InvalidGrant("The code is unknown.")
    if row.client_id != client.id:
        # The same words: a client learns nothing about another's codes.
        raise InvalidGrant("The code is unknown.", detail="the code is another client's")
    if row.claimed_at is None and row.expires_at <= now():
        raise InvalidGrant("The code has expired.")
    if row.claimed_at is not None or not _claim(row.id):
        _reused(row.grant_id, client)
        raise InvalidGrant("The code was used before; what it gave has been revoked.")
    if not row.alive:
        raise InvalidGrant("The member or the client has ended this authorization.")
    return RedeemedCode(
        grant_id=row.grant_id,
        client_id=row.client_id,
        scope=row.scope,
        subject=row.subject,
        auth_time=row.auth_time,
        session_hash=row.session_hash,
        alive=row.alive,
        redirect_uri=row.redirect_uri,
        code_challenge=row.code_challenge,
        nonce=row.nonce,
    )


def _claim(code_id: int) -> bool:
    # One statement decides between parallel exchanges, on every database: who changes the row
    # has the code. Authlib would save the token first and delete the code afterwards.
    result = cast(
        "CursorResult[Any]",
        db.session.execute(
            update(AuthorizationCode)
            .where(AuthorizationCode.id == code_id, AuthorizationCode.claimed_at.is_(None))
            .values(claimed_at=now())
            .execution_options(synchronize_session=False)
        ),
    )
    db.session.commit()
    return result.rowcount == 1


def _reused(grant_id: int, client: Client) -> None:
    grants.revoke(grant_id)
    audit.record(audit.Event.CODE_REUSED, client.client_id, actor=f"client {client.client_id}")
    db.session.commit()
