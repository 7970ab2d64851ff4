"""How the conference learns from server to server that a member signed out.

OpenID Connect Back-Channel Logout 1.0, as a careful site does it.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from flask import Blueprint, Response, current_app, jsonify, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox import sessions
from sandbox.conference import provider
from sandbox.services import services

blueprint = Blueprint("conference_logout", __name__, url_prefix="/conference")

EVENT = "http://schemas.openid.net/event/backchannel-logout"
ALGORITHMS = ["RS256", "ES256"]
LONGEST_TOKEN = 8000
LEEWAY = 60
"""Seconds that the two machines' clocks may differ by."""


class Refused(Exception):
    """A logout token that does not hold; the text goes to the provider."""


@blueprint.post("/backchannel-logout")
def backchannel_logout() -> tuple[Response, int]:
    """Ends the sessions that a logout token names (Back-Channel Logout 1.0, 2.5 to 2.8)."""
    try:
        claims = read(request.form.get("logout_token", ""))
    except Refused as error:
        return jsonify(error="invalid_request", error_description=str(error)), 400
    except (requests.RequestException, ValueError, RuntimeError) as error:
        # The provider's keys cannot be had: it is to come again.
        current_app.logger.warning("no keys of the provider: %s", type(error).__name__)
        return jsonify(error="temporarily_unavailable"), 503
    ended = sessions.end_named(
        services().database, "conference", sid=claims.get("sid"), sub=claims.get("sub")
    )
    return jsonify(ended=ended), 200


def read(token: str) -> dict[str, Any]:
    """The claims of a logout token, checked as section 2.6 says. Raises Refused."""
    if not token or len(token) > LONGEST_TOKEN:
        raise Refused("There is no logout_token.")
    client = provider()
    keys = KeySet.import_key_set(client.fetch_jwk_set())
    try:
        signed = jwt.decode(token, keys, ALGORITHMS)
    except (JoseError, ValueError) as error:
        raise Refused("The signature does not hold.") from error
    claims = dict(signed.claims)
    now = time.time()
    if signed.header.get("typ") != "logout+jwt":
        raise Refused("The token is of another type.")
    if claims.get("iss") != services().tenant.sign_in().issuer:
        raise Refused("The iss is another.")
    audience = claims.get("aud")
    if client.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise Refused("The aud is another.")
    if not (_number(claims.get("iat")) - LEEWAY <= now < _number(claims.get("exp")) + LEEWAY):
        raise Refused("The token is not of this time.")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise Refused("The events do not say logout.")
    if "nonce" in claims:
        raise Refused("A logout token has no nonce.")
    if not any(isinstance(claims.get(name), str) for name in ("sid", "sub")):
        raise Refused("The token names nobody.")
    return claims


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
