"""The token endpoint (RFC 6749, 3.2)."""

from typing import Any

from flask import Response

from idp import database
from idp.oauth import client_authentication, codes, parameters, server, templates, tokens
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
    protocol_request.looked_up = look_up(given)
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


def look_up(given: Parameters) -> Any:
    """What is known of the code or refresh token that was brought, before anybody has proved
    anything: the same statement says which copy of the client is the present one."""
    code, refresh_token = given.get("code"), given.get("refresh_token")
    if given["grant_type"] == templates.CODE and code is not None:
        return codes.look_up(code, client_authentication.named(given))
    if given["grant_type"] == templates.REFRESH and refresh_token is not None:
        return tokens.look_up_refresh(refresh_token, client_authentication.named(given))
    return None


def check_grant_type(given: Parameters) -> None:
    """RFC 6749, 5.2; the password grant and the others are not spoken (RFC 9700, 2.4)."""
    grant_type = given.get("grant_type")
    if grant_type is None:
        raise InvalidRequest("The request names no grant_type.")
    if grant_type not in GRANT_TYPES:
        raise UnsupportedGrantType(f"The grant_type must be one of {', '.join(GRANT_TYPES)}.")
