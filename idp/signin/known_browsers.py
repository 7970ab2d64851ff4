"""Browsers that somebody signed in on before: strangers' failures do not lock them out.

A signed cookie names the address (as a hash) that signed in there; it opens nothing. OWASP calls
it a device cookie: the limit on all tries at one address spares whoever brings it, so an attacker
who fails on purpose keeps the owner of the address from no sign-in.
"""

import hashlib
from typing import Any

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from idp.directory.contacts import email_key
from idp.signin.sessions import hashed

DAYS = 180


def remember(response: Response, address: str) -> Response:
    """Let the browser bring the proof from now on that this address signed in on it."""
    settings = current_app.config["TESSERA"]
    response.set_cookie(
        _name(),
        str(_serializer().dumps(hashed(email_key(address)))),
        max_age=DAYS * 86_400,
        secure=settings.secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def is_known(address: str) -> bool:
    """Whether this address signed in on the browser of the request at hand before."""
    try:
        known = _serializer().loads(request.cookies.get(_name(), ""), max_age=DAYS * 86_400)
    except BadData:
        return False
    return bool(known == hashed(email_key(address)))


def _name() -> str:
    return "__Host-tessera-known" if current_app.config["TESSERA"].secure else "tessera-known"


def _serializer() -> Any:
    return URLSafeTimedSerializer(
        current_app.config["TESSERA"].signing_key,
        salt="tessera-known-browser",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
