"""How the authorization endpoint knows that a member signed in *because it asked*.

``prompt=login`` and ``max_age`` send the browser to the sign-in page and then see the same
request again. A signed mark in that request says when we asked; a sign-in that is younger
answers it. The mark is ours alone, and of that very request: a client can neither write one nor
use another client's, and whoever finds one in a browser that was left open, or had one made
beforehand, gets no other request past the password by it.
"""

import datetime as dt
import json

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from idp.database import now
from idp.oauth.parameters import OF_AUTHORIZATION, Parameters
from idp.signin.sessions import hashed

MARKER = "tessera_asked"
# What a request is known by: a site's state, nonce and challenge are new each time. Not the
# prompt, of which ``consent`` takes out what was answered.
_OF_REQUEST = frozenset(OF_AUTHORIZATION) - {"prompt"}
# An hour at the sign-in page is long; a mark from a bookmark is older.
LIFETIME = dt.timedelta(hours=1)


def marker(parameters: Parameters) -> str:
    """A mark that says: at this moment the member was asked to sign in for this request."""
    return _serializer().dumps([_request(parameters), now().timestamp()])


def asked_at(parameters: Parameters) -> dt.datetime | None:
    """When we asked, if the request carries the mark that it was given and that is not too old."""
    try:
        request, moment = _serializer().loads(parameters.get(MARKER, ""))
    except BadSignature:
        return None
    asked = dt.datetime.fromtimestamp(moment, dt.UTC)
    return asked if request == _request(parameters) and asked + LIFETIME > now() else None


def _request(parameters: Parameters) -> str:
    kept = sorted(pair for pair in parameters.items() if pair[0] in _OF_REQUEST)
    return hashed(json.dumps(kept))[:32]


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="oauth.reauthentication")
