"""Access and refresh tokens, kept as hashes; what they look like is ``access_tokens``' matter.

A token is alive while it has not expired, was not revoked, and its grant stands
(``grants.alive``), so that deactivation, a new password and sign-out end it at once.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import audit, database
from idp.database import Base, UTCDateTime, db, now
from idp.oauth import codes, grants, known_clients
from idp.oauth.clients import Client
from idp.oauth.codes import RedeemedCode
from idp.oauth.errors import InvalidGrant, InvalidScope
from idp.oauth.grants import Grant, Standing
from idp.prepared import Prepared, Use, insertion
from idp.signin.sessions import hashed

ACCESS_LIFETIME = dt.timedelta(hours=1)
# Higher Logic asks who this is once, at once.
HIGHER_LOGIC_ACCESS_LIFETIME = dt.timedelta(minutes=10)
# T16: a family ends when it was idle for long, and in any case some day.
REFRESH_IDLE = dt.timedelta(days=14)
REFRESH_ABSOLUTE = dt.timedelta(days=90)
# A client whose answer was lost may ask again with the same token for so long (T14).
REUSE_GRACE = dt.timedelta(seconds=10)


class Token(Base):
    """One answer of the token endpoint: an access token and, maybe, a refresh token.

    ``revoked_at`` is the access token's end; a refresh token's is its grant's.
    """

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    grant_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_grant.id", ondelete="CASCADE"), index=True
    )
    access_hash: Mapped[str] = mapped_column(String(64), unique=True)
    refresh_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(255))
    issued_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    access_expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)
    refresh_expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    replaced_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class RedeemedRefresh(Standing):
    """A refresh token that its client redeemed; Authlib asks it by methods.

    ``granted_at`` is the grant's beginning, ``asked_scope`` what the new access token is to have.
    """

    token_id: int
    granted_at: dt.datetime
    asked_scope: str

    def check_client(self, client: Client) -> bool:
        """Whether the token is the client's (RFC 6749, 6)."""
        return self.client_id == client.id

    def get_scope(self) -> str:
        """What may be asked for: always the grant's, whatever was left out before (RFC 6749, 6)."""
        return self.scope


def new() -> str:
    """A fresh token: 256 random bits (RFC 6749, 10.10)."""
    return secrets.token_urlsafe(32)


def access_lifetime(client: Client) -> dt.timedelta:
    """How long an access token of this client lives."""
    return HIGHER_LOGIC_ACCESS_LIFETIME if client.is_higher_logic else ACCESS_LIFETIME


_KEPT = (
    *"grant_id access_hash refresh_hash scope".split(),
    *"issued_at access_expires_at refresh_expires_at".split(),
)
# Rotation (RFC 9700, 4.14.2). Whoever comes second is inside the grace, since it saw no
# replacement or a fresh one, and is answered too; the first use is what the grace counts from.
_REPLACE = (
    update(Token)
    .where(Token.id == bindparam("token_id"), Token.replaced_at.is_(None))
    .values(replaced_at=bindparam("moment"))
)
_FOR_CODE = Use(codes.CLAIM, Token, *_KEPT, once=True)
_FOR_REFRESH = Use(_REPLACE, Token, *_KEPT, once=False)
_FOR_MACHINE = insertion(Token, *_KEPT)


def keep(
    standing: Standing,
    *,
    access_token: str,
    refresh_token: str | None,
    scope: str,
    lifetime: dt.timedelta,
) -> bool:
    """Use up the code or refresh token that was brought, and keep what was issued for it.

    Both or neither; the tokens themselves are not kept. False when somebody else has used the
    code since it was read.
    """
    moment = now()
    refresh_expires_at = None
    if refresh_token is not None:
        begun = standing.granted_at if isinstance(standing, RedeemedRefresh) else moment
        refresh_expires_at = min(moment + REFRESH_IDLE, begun + REFRESH_ABSOLUTE)
    issued = {
        "grant_id": standing.grant_id,
        "access_hash": hashed(access_token),
        "refresh_hash": hashed(refresh_token) if refresh_token is not None else None,
        "scope": scope,
        "issued_at": moment,
        "access_expires_at": moment + lifetime,
        "refresh_expires_at": refresh_expires_at,
    }
    if isinstance(standing, RedeemedCode):
        return _FOR_CODE.write(moment=moment, **issued)
    if isinstance(standing, RedeemedRefresh):
        return _FOR_REFRESH.write(token_id=standing.token_id, moment=moment, **issued)
    return _FOR_MACHINE.write(**issued) == 1


def bearer_statement(*columns: Any) -> Prepared:
    """A SELECT for ``of_bearer``: the token's scope (first) and the wanted columns.

    They may be of the token, the grant, its client, account, person and session.
    """
    return Prepared(
        grants.joined(
            select(Token.scope.label("scope"), *columns)
            .select_from(Token)
            .join(Grant, Grant.id == Token.grant_id)
        ).where(
            Token.access_hash == bindparam("access_hash"),
            Token.access_expires_at > bindparam("moment"),
            Token.revoked_at.is_(None),
            grants.alive(),
        )
    )


def of_bearer(access_token: str, statement: Prepared) -> Any:
    """Whom an access token speaks for, by a ``bearer_statement``; ``None`` unless it is alive."""
    return statement.row(access_hash=hashed(access_token), moment=now())


_BY_REFRESH_HASH = Prepared(
    grants.joined(
        select(
            Token.id.label("token_id"),
            Token.refresh_expires_at,
            Token.replaced_at,
            Grant.created_at.label("granted_at"),
            known_clients.ASKING_VERSION,
            *grants.STANDING,
        )
        .select_from(Token)
        .join(Grant, Grant.id == Token.grant_id)
    ).where(Token.refresh_hash == bindparam("refresh_hash"))
)


def look_up_refresh(refresh_token: str, asking: str) -> Any:
    """What is known of a refresh token, as ``codes.look_up`` does of a code."""
    row = _BY_REFRESH_HASH.row(refresh_hash=hashed(refresh_token), asking=asking)
    if row is not None:
        known_clients.note(asking, row.asking_version)
    return row


def judge_refresh(row: Any, client: Client, asked_scope: str | None = None) -> RedeemedRefresh:
    """A refresh token that was looked up, good for the client that brought it; ``keep`` uses it up.

    Used again after a short grace it ends the family, is recorded, and commits.
    Raises ``InvalidGrant``, and ``InvalidScope`` when more is asked for than was granted
    (RFC 6749, 6).
    """
    if row is None:
        raise InvalidGrant("The refresh token is unknown.")
    if row.client_id != client.id:
        raise InvalidGrant(
            "The refresh token is unknown.", detail="the refresh token is another client's"
        )
    if row.replaced_at is not None and row.replaced_at + REUSE_GRACE <= now():
        _reused(row.grant_id, client)
        raise InvalidGrant("The refresh token was used before; its family has been revoked.")
    if row.refresh_expires_at <= now() or not row.alive:
        raise InvalidGrant("The refresh token has expired or was revoked.")
    granted = row.scope.split()
    asked = asked_scope.split() if asked_scope else granted
    if not set(asked) <= set(granted):
        # Before the claim: a client's slip must not cost it the family.
        raise InvalidScope("More is asked for than was granted.")
    return RedeemedRefresh(
        grant_id=row.grant_id,
        client_id=row.client_id,
        scope=row.scope,
        subject=row.subject,
        auth_time=row.auth_time,
        session_hash=row.session_hash,
        requested_claims=row.requested_claims,
        alive=row.alive,
        token_id=row.token_id,
        granted_at=row.granted_at,
        asked_scope=" ".join(part for part in granted if part in asked),
    )


def revoke(token: str, client: Client) -> bool:
    """End a client's access token, or the whole family of its refresh token (RFC 7009, 2.1).

    The refresh token that came with an access token lives on: who ends only the one goes on
    with the other. Says whether anything was ended by it, which is recorded: a token that is
    brought again and again fills no audit. Another client's token stays as it is.
    """
    digest = hashed(token)
    row = db.session.execute(
        select(Token.id, Token.grant_id, Token.refresh_hash)
        .join(Grant, Grant.id == Token.grant_id)
        .where(
            Grant.client_id == client.id,
            (Token.access_hash == digest) | (Token.refresh_hash == digest),
        )
    ).one_or_none()
    if row is None:
        return False
    if row.refresh_hash == digest:
        ended = grants.revoke(row.grant_id)
    else:
        written = db.session.execute(
            update(Token)
            .where(Token.id == row.id, Token.revoked_at.is_(None))
            .values(revoked_at=now())
            .execution_options(synchronize_session=False)
        )
        ended = bool(getattr(written, "rowcount", 0))
    if ended:
        audit.record(audit.Event.TOKEN_REVOKED, client.client_id, actor=client.who)
    return ended


def _reused(grant_id: int, client: Client) -> None:
    # Once: an app that does not give up would write an event with each of its tries.
    database.start_writing()
    if grants.revoke(grant_id):
        audit.record(audit.Event.REFRESH_REUSED, client.client_id, actor=client.who)
    db.session.commit()
