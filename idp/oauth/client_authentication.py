"""How a client proves who it is: by a secret, in a Basic header or in the body, or by a signed
assertion; a public client only says it.

Never two ways at once (RFC 6749, 2.3).
"""

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from flask import request

from idp.oauth import assertions, known_clients
from idp.oauth.client_secrets import ClientSecret
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidClient, InvalidRequest, ProtocolError
from idp.oauth.foreign_jwts import NotVerified
from idp.oauth.parameters import Parameters
from idp.signin.sessions import hashed

BASIC, POST, PRIVATE_KEY_JWT, NONE = METHODS = (
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
)
PROVING = METHODS[:-1]
"""The methods that prove something."""
_REFUSAL = "The client could not be authenticated."
_NOBODYS_HASH = hashed("")


def authenticate(parameters: Parameters) -> tuple[Client, str, ClientSecret | None]:
    """The client of the request at hand, the method it used, and the secret if it was by one.

    An assertion is used up by it, in a transaction of its own; nothing may be changed before.
    Raises ``InvalidClient``, with the same words whatever was wrong, and ``InvalidRequest``.
    """
    method, client_id, proof = _credentials(parameters)
    client = known_clients.find(client_id)
    if client is None:
        hmac.compare_digest(_NOBODYS_HASH, hashed(proof))
        raise InvalidClient(_REFUSAL, detail="unknown client")
    if not client.check_endpoint_auth_method(method, ""):
        raise InvalidClient(_REFUSAL, detail=f"the client does not authenticate by {method}")
    secret = client.secret_matching(proof) if method in (BASIC, POST) else None
    if method in (BASIC, POST) and secret is None:
        raise InvalidClient(_REFUSAL, detail="wrong secret")
    if not client.active:
        raise InvalidClient(_REFUSAL, detail="the client is out of use")
    if method == PRIVATE_KEY_JWT:
        try:
            assertions.use(assertions.verified(proof, client))
        except NotVerified as error:
            raise InvalidClient(_REFUSAL, detail=f"{client_id}: {error}") from None
    return client, method, secret


def named(parameters: Parameters) -> str:
    """The client that the request at hand names, proven or not; empty when none can be read."""
    try:
        return _credentials(parameters)[1]
    except ProtocolError:
        return ""


def _credentials(parameters: Parameters) -> tuple[str, str, str]:
    header = request.headers.get("Authorization", "")
    asserted = "client_assertion" in parameters or "client_assertion_type" in parameters
    # RFC 6749, 2.3: not more than one authentication method in a request.
    if bool(header) + ("client_secret" in parameters) + asserted > 1:
        raise InvalidRequest("Authenticate by Basic, in the body or by an assertion: in one way.")
    if header:
        method = BASIC
        client_id, proof = _basic(header)
    elif asserted:
        method = PRIVATE_KEY_JWT
        client_id, proof = _assertion(parameters)
    else:
        client_id, proof = parameters.get("client_id", ""), parameters.get("client_secret", "")
        method = POST if proof else NONE
        if not client_id:
            raise InvalidClient(_REFUSAL, detail="no credentials")
    # A client_id beside it is harmless, unless it contradicts (RFC 6749, 3.2.1; RFC 7521, 4.2).
    if parameters.get("client_id", client_id) != client_id:
        raise InvalidRequest("The client_id in the body is not the one that authenticates.")
    return method, client_id, proof


def _assertion(parameters: Parameters) -> tuple[str, str]:
    # RFC 7521, 4.2: the client is the assertion's subject.
    if parameters.get("client_assertion_type") != assertions.TYPE:
        raise InvalidClient(_REFUSAL, detail="unknown client_assertion_type")
    assertion = parameters.get("client_assertion", "")
    try:
        return assertions.subject(assertion), assertion
    except NotVerified as error:
        raise InvalidClient(_REFUSAL, detail=str(error)) from None


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient(_REFUSAL, detail="not the Basic scheme")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = pair.partition(":")
        # RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
        client_id = unquote_plus(client_id, errors="strict")
        secret = unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidClient(_REFUSAL, detail="unreadable Basic header") from None
    if not colon or not client_id or "\x00" in client_id or "\x00" in secret:
        raise InvalidClient(_REFUSAL, detail="unreadable Basic header")
    return client_id, secret
