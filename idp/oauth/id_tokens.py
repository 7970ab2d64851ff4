"""ID tokens: made for a client, and taken back as a hint of who is meant."""

from dataclasses import dataclass
from typing import Any

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt

from idp.database import now
from idp.oauth import authentication_context, claims, consents, foreign_jwts, keys
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidRequest
from idp.oauth.foreign_jwts import NotVerified
from idp.oauth.grants import Standing
from idp.oauth.issuer import issuer


@dataclass(frozen=True)
class Hint:
    """Whom an ID token of ours names, and which client (its ``client_id``) it was made for."""

    subject: str
    audience: str


def encode(client: Client, standing: Standing, access_token: str, nonce: str | None) -> str:
    """An ID token: who signed in, when and how (OpenID Connect Core, 2).

    Nothing else of them but what the client asked to have in here, each claim by its name (5.5).
    Signed as the client is registered for; nothing may be written yet (``keys.current``).
    """
    algorithm = client.signing_algorithm
    key = keys.current(algorithm)
    moment = int(now().timestamp())
    facts: dict[str, Any] = {
        **_requested(client, standing),
        "iss": issuer(),
        "sub": standing.subject,
        "aud": client.client_id,
        "iat": moment,
        "exp": moment + int(keys.ID_TOKEN_LIFETIME.total_seconds()),
        "auth_time": int(standing.auth_time.timestamp()),
        **authentication_context.claims(),
        "at_hash": create_half_hash(access_token, algorithm).decode("ascii"),
    }
    if nonce is not None:
        facts["nonce"] = nonce
    if standing.sid is not None:
        facts["sid"] = standing.sid
    return jwt.encode({"alg": algorithm, "kid": key.kid}, facts, key, [algorithm])


def _requested(client: Client, standing: Standing) -> dict[str, Any]:
    names = (standing.requested_claims or {}).get("id_token")
    if not names:
        return {}
    claim_map = consents.mapping_for(client, standing.grant_id)
    return claims.single(standing.subject, names, claim_map)


def decode_hint(text: str) -> Hint:
    """Read an ``id_token_hint``: one of ours, expired or not (RP-Initiated Logout, 4).

    The algorithms are ours, and each key has one: ``none``, or HS256 with the public key as its
    secret, is refused (RFC 8725, 3.1). Raises ``InvalidRequest``.
    """
    refusal = "The id_token_hint is no ID token of this server."
    try:
        token = foreign_jwts.verified(text, keys.verifying(), keys.ALGORITHMS)
    except NotVerified as error:
        raise InvalidRequest(refusal, detail=str(error)) from None
    told = token.claims
    subject, audience = told.get("sub"), told.get("aud")
    if (
        # No other kind of JWT that we may sign some day passes for an ID token (RFC 8725, 3.11).
        token.header.get("typ") != "JWT"
        or told.get("iss") != issuer()
        or not isinstance(subject, str)
        or not isinstance(audience, str)
    ):
        raise InvalidRequest(refusal, detail="signed by us, but no ID token")
    return Hint(subject, audience)
