"""The token endpoint (RFC 6749, 3.2)."""

from flask import Response

from idp import database
from idp.oauth import codes, parameters, server, templates
from idp.oauth.errors import InvalidRequest, ProtocolError, UnsupportedGrantType
from idp.oauth.parameters import Parameters, ProtocolRequest

GRANT_TYPES = (templates.CODE, templates.REFRESH, templates.CLIENT_CREDENTIALS)


def token() -> Response:
    """POST /oauth/token."""
    authorization_server = server.get()
    try:
        given = parameters.of_form()
        check_grant_type(given)
    except ProtocolError as error:
        return authorization_server.handle_error_response(None, error)
    protocol_request = ProtocolRequest(given)
    with database.reading():
        response: Response = authorization_server.create_token_response(protocol_request)
        if response.status_code == 200:
            try:
                authorization_server.keep(protocol_request)
            except ProtocolError as error:
                response = authorization_server.handle_error_response(protocol_request, error)
        elif protocol_request.brought_code is not None:
            codes.burn(protocol_request.brought_code)
    response.headers["Cache-Control"] = "no-store"  # RFC 6749, 5.1
    return response


def check_grant_type(given: Parameters) -> None:
    """RFC 6749, 5.2; the password grant and the others are not spoken (RFC 9700, 2.4)."""
    grant_type = given.get("grant_type")
    if grant_type is None:
        raise InvalidRequest("The request names no grant_type.")
    if grant_type not in GRANT_TYPES:
        raise UnsupportedGrantType(f"The grant_type must be one of {', '.join(GRANT_TYPES)}.")
