"""How a client proves who it is: by Basic, or in the body; a public client only says it.

Never two ways at once (RFC 6749, 2.3).
"""

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from flask import request

from idp.oauth import known_clients
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidClient, InvalidRequest
from idp.oauth.parameters import Parameters
from idp.signin.sessions import hashed

BASIC, POST, NONE = METHODS = ("client_secret_basic", "client_secret_post", "none")
_REFUSAL = "The client could not be authenticated."
_NOBODYS_HASH = hashed("")


def authenticate(parameters: Parameters) -> tuple[Client, str]:
    """The client of the request at hand and the method it used.

    Raises ``InvalidClient``, with the same words whatever was wrong, and ``InvalidRequest``.
    """
    method, client_id, secret = _credentials(parameters)
    client = known_clients.find(client_id)
    if client is None:
        hmac.compare_digest(_NOBODYS_HASH, hashed(secret))
        raise InvalidClient(_REFUSAL, detail="unknown client")
    if not client.check_endpoint_auth_method(method, ""):
        raise InvalidClient(_REFUSAL, detail=f"the client does not authenticate by {method}")
    if method != NONE and not client.check_client_secret(secret):
        raise InvalidClient(_REFUSAL, detail="wrong secret")
    if not client.active:
        raise InvalidClient(_REFUSAL, detail="the client is out of use")
    return client, method


def _credentials(parameters: Parameters) -> tuple[str, str, str]:
    header = request.headers.get("Authorization", "")
    if not header:
        client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
        if client_id is None:
            raise InvalidClient(_REFUSAL, detail="no credentials")
        return (NONE, client_id, "") if secret is None else (POST, client_id, secret)
    # RFC 6749, 2.3: not more than one authentication method in a request.
    if "client_secret" in parameters:
        raise InvalidRequest("Authenticate by Basic or in the body, not by both.")
    client_id, secret = _basic(header)
    # A client_id beside it is harmless, unless it contradicts (RFC 6749, 3.2.1).
    if parameters.get("client_id", client_id) != client_id:
        raise InvalidRequest("The client_id in the body is not the one of the Basic header.")
    return BASIC, client_id, secret


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
