"""How the authorization endpoint knows that a member signed in *because it asked*.

``prompt=login`` and ``max_age`` send the browser to the sign-in page and then see the same
request again. A signed mark in that request says when we asked; a sign-in that is younger
answers it. The mark is ours alone: a client can neither write one nor use another client's.
"""

import datetime as dt

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from idp.database import now
from idp.oauth.clients import Client
from idp.oauth.parameters import Parameters

MARKER = "tessera_asked"
# An hour at the sign-in page is long; a mark from a bookmark is older.
LIFETIME = dt.timedelta(hours=1)


def marker(client: Client) -> str:
    """A mark that says: at this moment the member was asked to sign in for this client."""
    return _serializer().dumps([client.client_id, now().timestamp()])


def asked_at(parameters: Parameters, client: Client) -> dt.datetime | None:
    """When we asked, if the request carries a mark of ours for this client that is not too old."""
    try:
        client_id, moment = _serializer().loads(parameters.get(MARKER, ""))
    except BadSignature:
        return None
    asked = dt.datetime.fromtimestamp(moment, dt.UTC)
    return asked if client_id == client.client_id and asked + LIFETIME > now() else None


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="oauth.reauthentication")
