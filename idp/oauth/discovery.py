"""What this server can do, said to machines: OpenID Connect Discovery 1.0 and RFC 8414, and JWKS.

Both documents hold the same facts, and no more than is true: the tests ask every address and
every flag.
"""

import itertools
import json
from typing import Any

from flask import Response

from idp.oauth import authentication_context, claims, client_authentication, client_keys, keys
from idp.oauth.issuer import address, issuer
from idp.oauth.templates import OIDC, TEMPLATES
from idp.oauth.token import GRANT_TYPES

OWN_CLAIMS = ("iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "at_hash", "sid")


def metadata() -> dict[str, Any]:
    """The facts (OpenID Connect Discovery, 3; RFC 8414, 2)."""
    return {
        "issuer": issuer(),
        "authorization_endpoint": address("oauth.authorize"),
        "token_endpoint": address("oauth.token"),
        "userinfo_endpoint": address("oauth.userinfo"),
        "revocation_endpoint": address("oauth.revoke"),
        "pushed_authorization_request_endpoint": address("oauth.push"),
        "require_pushed_authorization_requests": False,
        "introspection_endpoint": address("oauth.introspect"),
        "end_session_endpoint": address("oauth.logout"),
        "jwks_uri": address("oauth.jwks"),
        "scopes_supported": TEMPLATES[OIDC].scopes.split(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(keys.ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(client_authentication.METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(client_authentication.METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        # Whoever asks about tokens must be known (RFC 7662, 2.1).
        "introspection_endpoint_auth_methods_supported": list(client_authentication.PROVING),
        "introspection_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": list(authentication_context.ACR_VALUES),
        # The pages are in English and of one kind; other wishes are accepted and not met.
        "ui_locales_supported": ["en"],
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": [*itertools.chain.from_iterable(claims.CLAIMS.values()), *OWN_CLAIMS],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def configuration() -> Response:
    """GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server."""
    return _json(metadata(), "public, max-age=300")


def jwks() -> Response:
    """GET /oauth/jwks: the public keys (RFC 7517, 5). Makes the first one."""
    keys.current()
    # Not kept by anybody on the way: after a rotation the new key is needed at once.
    return _json({"keys": keys.published()}, "no-cache")


def _json(facts: dict[str, Any], caching: str) -> Response:
    response = Response(json.dumps(facts), mimetype="application/json")
    response.headers["Cache-Control"] = caching
    return response
