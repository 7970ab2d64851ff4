"""The userinfo endpoint (OpenID Connect Core, 5.3), with bearer tokens by RFC 6750."""

from flask import Response, request

from idp.oauth import claims, consents, parameters, server, tokens
from idp.oauth.clients import Client
from idp.oauth.errors import (
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    NoToken,
    ProtocolError,
)
from idp.oauth.grants import Grant
from idp.oauth.templates import HIGHER_LOGIC

_WHO = tokens.bearer_statement(
    Client.template,
    Client.identifier_attribute,
    Client.claim_map,
    Client.consent_required,
    consents.GIVEN,
    Grant.requested_claims,
    *claims.COLUMNS,
)


def userinfo() -> Response:
    """GET and POST /oauth/userinfo: who the access token speaks for."""
    authorization_server = server.get()
    try:
        answer = _answer(bearer_token())
    except ProtocolError as error:
        return authorization_server.handle_error_response(None, error)
    return authorization_server.handle_response(200, answer, [("Cache-Control", "no-store")])


def bearer_token() -> str:
    """The access token of the request: in the header, or in the body of a form.

    Never in the query, where logs and browsers keep it (RFC 9700, 4.3.2; S13). Raises
    ``NoToken``, and ``InvalidRequest`` when there are two (RFC 6750, 2).
    """
    scheme, _, from_header = request.headers.get("Authorization", "").partition(" ")
    from_body = None
    if request.method == "POST" and request.mimetype == parameters.FORM:
        from_body = parameters.of_form().get("access_token")
    if scheme.lower() == "bearer" and from_header.strip():
        if from_body is not None:
            raise InvalidRequest("The access token is given twice.")
        return from_header.strip()
    if from_body is not None:
        return from_body
    raise NoToken("An access token is needed.")


def _answer(access_token: str) -> dict[str, object]:
    row = tokens.of_bearer(access_token, _WHO)
    if row is None:
        raise InvalidToken("The access token is unknown, has expired or was revoked.")
    asked = row.scope.split()
    # Higher Logic asks for `profile` alone; for all others this is OpenID Connect (T23).
    enough = "openid" in asked or (row.template == HIGHER_LOGIC and "profile" in asked)
    if not enough:
        raise InsufficientScope("The access token was not granted the scope openid.")
    return claims.userinfo(
        row,
        row.scope,
        row.template,
        row.identifier_attribute,
        consents.allowed_mapping(
            row.claim_map, asked=row.consent_required, given=row.consent_given
        ),
        (row.requested_claims or {}).get("userinfo", ()),
    )
