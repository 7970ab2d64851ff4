"""Client assertions: ``private_key_jwt`` (RFC 7523, 2.2 and 3; OpenID Connect Core, 9).

A client signs a short statement of who it is with a key that never leaves it; the public part is
registered here.
"""

import datetime as dt
import json
from dataclasses import dataclass

from flask import request
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from sqlalchemy import String, bindparam, delete
from sqlalchemy.orm import Mapped, mapped_column

from idp import prepared
from idp.database import Base, UTCDateTime, db, now
from idp.oauth import client_keys, foreign_jwts
from idp.oauth.clients import Client
from idp.oauth.foreign_jwts import NotVerified
from idp.oauth.issuer import address, issuer
from idp.prepared import Prepared
from idp.signin.sessions import hashed

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# An hour is what clients make by default (Authlib's does); since none is taken twice, a long life
# costs no more than remembering it.
LONGEST_LIFETIME = dt.timedelta(hours=1)
LEEWAY = dt.timedelta(seconds=30)
# RFC 8725, 3.11: what a client signs for another purpose is no assertion. None is the usual one.
_TYPES = frozenset({"jwt", "client-authentication+jwt"})


class UsedAssertion(Base):
    """The ``jti`` of an assertion that was taken, as a hash: none is taken twice (RFC 7523, 3)."""

    __tablename__ = "used_assertion"

    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)


@dataclass(frozen=True)
class Assertion:
    """A good assertion that is not yet used up."""

    jti_hash: str
    expires_at: dt.datetime


def subject(text: str) -> str:
    """Whom an assertion claims to speak for, unverified: to find the client's keys by.

    Raises ``NotVerified``.
    """
    claimed = foreign_jwts.unverified(text).get("sub")
    # RFC 6749, A.1. JSON can hold characters that no database takes: NUL, halves of a pair.
    if not isinstance(claimed, str) or not (claimed.isascii() and claimed.isprintable()):
        raise NotVerified("the assertion names no subject")
    return claimed


def verified(text: str, client: Client) -> Assertion:
    """Judge a client's assertion; ``use`` uses it up.

    It is signed with one of the client's keys, about the client (``iss`` and ``sub``), for this
    server alone (``aud``), fresh (``exp``, ``nbf``, ``iat``) and has a ``jti``. Raises
    ``NotVerified``.
    """
    if not client.jwks:
        raise NotVerified("the client has no keys")
    token = foreign_jwts.verified(
        text, client_keys.to_verify_with(client.jwks), client_keys.ALGORITHMS
    )
    if str(token.header.get("typ", "JWT")).lower() not in _TYPES:
        raise NotVerified("the typ is another kind of JWT's")
    rules = JWTClaimsRegistry(
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": client.client_id},
        sub={"essential": True, "value": client.client_id},
        aud={"essential": True},
        exp={"essential": True},
        jti={"essential": True},
    )
    claims = token.claims
    try:
        rules.validate(claims)
    except JoseError as error:
        raise NotVerified(str(error)) from None
    audiences = {claims["aud"]} if isinstance(claims["aud"], str) else set(claims["aud"])
    if not audiences <= _ourselves():
        raise NotVerified("the aud names somebody else")
    latest = now() + LONGEST_LIFETIME + LEEWAY
    if claims["exp"] > latest.timestamp():
        raise NotVerified("the exp is too far ahead")
    return Assertion(
        # Two clients may choose the same jti.
        jti_hash=hashed(json.dumps([client.client_id, claims["jti"]])),
        # Remembered for longer than it can be taken, by whichever machine's clock.
        expires_at=dt.datetime.fromtimestamp(claims["exp"], dt.UTC) + 2 * LEEWAY,
    )


_FORGET = Prepared(delete(UsedAssertion).where(UsedAssertion.expires_at < bindparam("moment")))
_REMEMBER = prepared.insertion(UsedAssertion, "jti_hash", "expires_at")


def use(assertion: Assertion) -> None:
    """Use an assertion up, committed, whatever becomes of the request that it came with.

    The table's key decides between parallel requests. What has expired is forgotten on the way.
    Raises ``NotVerified`` when it was used before.
    """
    try:
        with prepared.writing():
            _FORGET.write(moment=now())
            _REMEMBER.write(jti_hash=assertion.jti_hash, expires_at=assertion.expires_at)
    except db.engine.dialect.loaded_dbapi.IntegrityError:
        raise NotVerified("the assertion was used before") from None


def _ourselves() -> set[str]:
    # The issuer is the one to name, since the audience injection of 2025
    # (draft-ietf-oauth-rfc7523bis); the token endpoint and the endpoint at hand are what clients
    # name that were written before.
    return {issuer(), address("oauth.token"), issuer() + request.path}
