"""Which pages of other sites may ask an endpoint by script (CORS; the Fetch standard, 3.3).

What everybody may know is for every page: discovery and keys. What an app asks while it runs in
the browser (tokens, userinfo, revocation, pushed requests) is for the pages of apps in use, known
by their redirect URIs, and never with cookies. Everything else, the authorization endpoint above
all, has no CORS (RFC 9700, 2.6).
"""

import re
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, request
from sqlalchemy import select

from idp import database
from idp.database import db
from idp.oauth.addresses import LOOPBACK_ADDRESSES
from idp.oauth.clients import Client

FOR_EVERYBODY = frozenset(
    {"oauth.jwks", "oauth.well-known-openid-configuration"}
    | {"oauth.well-known-oauth-authorization-server"}
)
FOR_APPS = frozenset({"oauth.token", "oauth.userinfo", "oauth.revoke", "oauth.push"})
# Seconds that a browser may remember the answer to a preflight; an app put out of use gets
# nothing from the endpoint itself in any case.
_REMEMBERED = 600
_DEFAULT_PORTS = {"http": 80, "https": 443}

_APPS_ADDRESSES = select(Client.redirect_uris).where(
    Client.authentication == "none", Client.disabled_at.is_(None)
)


def init_blueprint(blueprint: Blueprint) -> None:
    """Give the authorization server's endpoints their CORS."""
    blueprint.before_request(_judge)
    blueprint.after_request(_tell)


def is_an_apps(origin: str) -> bool:
    """Whether a page of this origin belongs to an app in use: one of its redirect URIs is there.

    An app on loopback is known by the IP address, whatever its port, as its redirect URI is
    (RFC 8252, 7.3). Costs one statement.
    """
    with database.reading():
        registered = db.session.scalars(_APPS_ADDRESSES).all()
        db.session.rollback()
    return any(_matches(origin, uri) for uris in registered for uri in uris)


def _matches(origin: str, redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    if parts.scheme not in _DEFAULT_PORTS or parts.hostname is None:
        return False  # a phone app's own scheme is no web page's origin
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "http" and parts.hostname in LOOPBACK_ADDRESSES:
        any_port = re.compile(rf"http://{re.escape(host)}(:\d{{1,5}})?", re.ASCII)
        return any_port.fullmatch(origin) is not None
    # A browser names neither a default port nor capital letters (RFC 6454, 6.2).
    default = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return origin == f"{parts.scheme}://{host}" + ("" if default else f":{parts.port}")


def _judge() -> Response | None:
    """Decide before the endpoint runs, so that its refusals can be read by the page as well."""
    origin = request.headers.get("Origin")
    if request.endpoint in FOR_EVERYBODY:
        g.cors_origin = "*"
    elif request.endpoint in FOR_APPS and origin is not None and is_an_apps(origin):
        g.cors_origin = origin
    asks_first = "Access-Control-Request-Method" in request.headers
    if request.method != "OPTIONS" or not asks_first or "cors_origin" not in g:
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = str(_REMEMBERED)
    return response


def _tell(response: Response) -> Response:
    if request.endpoint in FOR_APPS:
        response.headers.add("Vary", "Origin")
        # Why a token was refused (RFC 6750, 3).
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
    if "cors_origin" in g:
        response.headers["Access-Control-Allow-Origin"] = g.cors_origin
    return response
