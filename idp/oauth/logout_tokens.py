"""Logout tokens: what tells a client, server to server, that a session has ended."""

import datetime as dt
import secrets
from typing import Any

from joserfc import jwt

from idp.database import now
from idp.oauth import keys
from idp.oauth.issuer import issuer

# Back-Channel Logout, 2.4: no other kind of JWT passes for it, nor it for another.
TYPE = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
# Back-Channel Logout, 4: no more than two minutes; each try gets a token of its own.
LIFETIME = dt.timedelta(minutes=2)


def encode(audience: str, algorithm: str, subject: str, sid: str) -> str:
    """A logout token for one client (its ``client_id`` and its signing algorithm).

    It names session and member and never has a nonce (Back-Channel Logout, 2.4). Nothing may be
    written yet (``keys.current``).
    """
    key = keys.current(algorithm)
    moment = int(now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer(),
        "aud": audience,
        "iat": moment,
        "exp": moment + int(LIFETIME.total_seconds()),
        "jti": secrets.token_urlsafe(16),
        "events": {EVENT: {}},
        "sub": subject,
        "sid": sid,
    }
    header = {"typ": TYPE, "alg": algorithm, "kid": key.kid}
    return jwt.encode(header, claims, key, [algorithm])
