"""Access tokens as their client is registered for: opaque, or a signed JWT (RFC 9068).

Either kind is kept as a hash (``tokens``) and alive while its row is, so that userinfo and
introspection see the end of both at once. A resource that does no more than check a JWT's
signature sees its end when it expires.
"""

from typing import Any

from joserfc import jwt

from idp.database import now
from idp.oauth import authentication_context, keys, tokens
from idp.oauth.clients import JWT, Client
from idp.oauth.grants import Standing
from idp.oauth.issuer import issuer

# RFC 9068, 2.1: so that no other kind of JWT passes for an access token, nor this for another.
TYPE = "at+jwt"


def new(client: Client, standing: Standing | None, scope: str) -> str:
    """A fresh access token; without a ``standing`` it speaks for the client itself.

    A JWT is signed as the client's ID tokens are; nothing may be written yet (``keys.current``).
    """
    if client.access_token_format != JWT:
        return tokens.new()
    algorithm = client.signing_algorithm
    key = keys.current(algorithm)
    claims = _claims(client, standing, scope)
    header = {"typ": TYPE, "alg": algorithm, "kid": key.kid}
    return jwt.encode(header, claims, key, [algorithm])


def _claims(client: Client, standing: Standing | None, scope: str) -> dict[str, Any]:
    # RFC 9068, 2.2.
    moment = int(now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer(),
        # A client cannot name a resource (RFC 8707 is not spoken), so there is one audience for
        # all: those who trust this server (RFC 9068, 3). What they may do, the scope says.
        "aud": issuer(),
        "sub": client.client_id if standing is None else standing.subject,
        "client_id": client.client_id,
        "scope": scope,
        "iat": moment,
        "exp": moment + int(tokens.access_lifetime(client).total_seconds()),
        "jti": tokens.new(),
    }
    if standing is not None:
        claims["auth_time"] = int(standing.auth_time.timestamp())
        claims |= authentication_context.claims()
    return claims
