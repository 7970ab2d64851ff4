"""Authorization codes: random, kept as hashes, good for a minute and for one use.

A code is a part of its grant: there is one for each, so they share a row.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from idp import audit, database
from idp.database import db, now
from idp.oauth import grants, known_clients
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidGrant
from idp.oauth.grants import Grant, Standing
from idp.prepared import Prepared
from idp.signin.sessions import SignedIn, hashed

# RFC 6749, 4.1.2 allows ten minutes; the client's server needs a second.
LIFETIME = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class RedeemedCode(Standing):
    """A code that its client brought, with what the tokens need; Authlib asks it by methods.

    It may be used once ``CLAIM`` has made it this exchange's.
    """

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
    code: str,
    client: Client,
    sign_in: SignedIn,
    scope: str,
    *,
    redirect_uri: str,
    code_challenge: str | None,
    nonce: str | None,
    requested_claims: dict[str, list[str]] | None = None,
) -> None:
    """Record what a member granted and the code that fetches it; the code itself is not kept."""
    grants.create(
        client,
        sign_in,
        scope,
        code_hash=hashed(code),
        code_expires_at=now() + LIFETIME,
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        nonce=nonce,
        requested_claims=requested_claims,
    )


_BY_HASH = Prepared(
    grants.joined(
        select(
            Grant.redirect_uri,
            Grant.code_challenge,
            Grant.nonce,
            Grant.code_expires_at,
            Grant.code_claimed_at,
            known_clients.ASKING_VERSION,
            *grants.STANDING,
        ).select_from(Grant)
    ).where(Grant.code_hash == bindparam("code_hash"))
)


def look_up(code: str, asking: str) -> Any:
    """What is known of a code, ``None`` when nothing is; and the version of the client, by its
    ``client_id``, that asks."""
    row = _BY_HASH.row(code_hash=hashed(code), asking=asking)
    if row is not None:
        known_clients.note(asking, row.asking_version)
    return row


def judge(row: Any, client: Client) -> RedeemedCode:
    """A code that was looked up, good for the client that brought it, and not yet claimed.

    A second use ends the family, is recorded, and commits (RFC 6749, 4.1.2; S11). Raises
    ``InvalidGrant``.
    """
    if row is None:
        raise InvalidGrant("The code is unknown.")
    if row.client_id != client.id:
        # The same words: a client learns nothing about another's codes.
        raise InvalidGrant("The code is unknown.", detail="the code is another client's")
    if row.code_claimed_at is not None:
        raise reused(row.grant_id, client)
    if row.code_expires_at <= now():
        raise InvalidGrant("The code has expired.")
    if not row.alive:
        raise InvalidGrant("The member or the client has ended this authorization.")
    return RedeemedCode(
        grant_id=row.grant_id,
        client_id=row.client_id,
        scope=row.scope,
        subject=row.subject,
        auth_time=row.auth_time,
        session_hash=row.session_hash,
        requested_claims=row.requested_claims,
        alive=row.alive,
        redirect_uri=row.redirect_uri,
        code_challenge=row.code_challenge,
        nonce=row.nonce,
    )


CLAIM = (
    update(Grant)
    .where(Grant.id == bindparam("grant_id"), Grant.code_claimed_at.is_(None))
    .values(code_claimed_at=bindparam("moment"))
)
"""Makes a code one exchange's own, for good. One statement decides between parallel exchanges, on
every database: who changes the row has the code. Authlib would save the token first and delete
the code afterwards."""
_BURN = Prepared(CLAIM)


def burn(code: RedeemedCode) -> None:
    """Void a code whose exchange was refused: it was seen by somebody who should not have it."""
    _BURN.write(grant_id=code.grant_id, moment=now())


def reused(grant_id: int, client: Client) -> InvalidGrant:
    """End the family of a code that was used twice, record it, and commit (S11).

    Once: whoever goes on to bring the code fills no audit with it.
    """
    database.start_writing()
    if grants.revoke(grant_id):
        audit.record(audit.Event.CODE_REUSED, client.client_id, actor=client.who)
    db.session.commit()
    return InvalidGrant("The code was used before; what it gave has been revoked.")
