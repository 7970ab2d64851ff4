"""The revocation endpoint (RFC 7009)."""

from flask import Response

from idp.database import db
from idp.oauth import parameters, server, tokens
from idp.oauth.errors import InvalidRequest, ProtocolError
from idp.oauth.parameters import ProtocolRequest


def revoke() -> Response:
    """POST /oauth/revoke: ends a token of the client that asks.

    A token that is unknown, or another client's, is answered as one that was ended: the client
    cannot use it, and that is all it wants to know (RFC 7009, 2.2). The hint is not needed.
    """
    authorization_server = server.get()
    request = None
    try:
        request = ProtocolRequest(parameters.of_form())
        client = authorization_server.authenticate_client(request, None)
        token = request.payload.data.get("token")
        if token is None:
            raise InvalidRequest("The request names no token.")
        tokens.revoke(token, client)
    except ProtocolError as error:
        return authorization_server.handle_error_response(request, error)
    db.session.commit()
    return authorization_server.handle_response(200, {}, [("Cache-Control", "no-store")])
