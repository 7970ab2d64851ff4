"""The introspection endpoint (RFC 7662): is this token good, and for whom?"""

from typing import Any

from flask import Response
from sqlalchemy import bindparam, null, or_, select

from idp import database
from idp.database import db, now
from idp.oauth import authentication_context, grants, last_used, parameters, server
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidClient, InvalidRequest, ProtocolError
from idp.oauth.grants import Grant
from idp.oauth.issuer import issuer
from idp.oauth.parameters import ProtocolRequest
from idp.oauth.templates import MACHINE
from idp.oauth.tokens import Token
from idp.signin.sessions import hashed

_INACTIVE: dict[str, Any] = {"active": False}

_COLUMNS = (
    Client.client_id.label("audience"),
    Token.scope.label("token_scope"),
    Token.refresh_hash,
    Token.issued_at,
    Token.access_expires_at,
    Token.refresh_expires_at,
    Token.replaced_at,
    Token.revoked_at,
)
_IS_THE_TOKEN = or_(
    Token.access_hash == bindparam("token_hash"), Token.refresh_hash == bindparam("token_hash")
)
_OF_MEMBERS = grants.joined(
    select(*_COLUMNS, *grants.STANDING).select_from(Token).join(Grant, Grant.id == Token.grant_id)
).where(_IS_THE_TOKEN)
_OF_MACHINES = (
    select(
        *_COLUMNS,
        Grant.client_id.label("client_id"),
        Client.client_id.label("subject"),
        null().label("auth_time"),
        grants.alive_for_machine().label("alive"),
    )
    .select_from(Token)
    .join(Grant, Grant.id == Token.grant_id)
    .join(Client, Client.id == Grant.client_id)
    .where(_IS_THE_TOKEN, Grant.account_id.is_(None))
)


def introspect() -> Response:
    """POST /oauth/introspect: for a client its own tokens, for a machine everybody's.

    The hint of the token's type is not needed (RFC 7662, 2.1).
    """
    authorization_server = server.get()
    request = None
    try:
        request = ProtocolRequest(parameters.of_form())
        with database.reading():
            client = authorization_server.authenticate_client(request, None)
            if client.is_public:
                # RFC 7662, 2.1: whoever asks must be authorised, or tokens could be guessed at.
                raise InvalidClient("The client could not be authenticated.", detail="public")
            token = request.payload.data.get("token")
            if token is None:
                raise InvalidRequest("The request names no token.")
            answer = facts(token, client)
    except ProtocolError as error:
        return authorization_server.handle_error_response(request, error)
    # A resource server does nothing but ask: who looks at its row must see that it is in use.
    last_used.note(client, request.secret)
    return authorization_server.handle_response(200, answer, [("Cache-Control", "no-store")])


def facts(token: str, asking: Client) -> dict[str, Any]:
    """What a client may know of a token (RFC 7662, 2.2).

    Of one that is not good, or not its business, no more than that it is not active.
    """
    digest = hashed(token)
    row = (
        db.session.execute(_OF_MEMBERS, {"token_hash": digest}).one_or_none()
        or db.session.execute(_OF_MACHINES, {"token_hash": digest}).one_or_none()
    )
    if row is None or (row.client_id != asking.id and asking.template != MACHINE):
        return _INACTIVE
    refresh = row.refresh_hash == digest
    if not _good(row, refresh=refresh):
        return _INACTIVE
    expires_at = row.refresh_expires_at if refresh else row.access_expires_at
    answer = {
        "active": True,
        "iss": issuer(),
        "sub": row.subject,
        "aud": issuer(),
        "client_id": row.audience,
        # A refresh token can ask for all that was granted, whatever its access token has.
        "scope": row.scope if refresh else row.token_scope,
        "iat": int(row.issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    if not refresh:
        answer["token_type"] = "Bearer"  # noqa: S105 (RFC 6750)
        if row.auth_time is not None:
            # RFC 9470, 6.2: what a resource needs to know before it asks for more.
            answer["acr"] = authentication_context.claims()["acr"]
            answer["auth_time"] = int(row.auth_time.timestamp())
    return answer


def _good(row: Any, *, refresh: bool) -> bool:
    if not row.alive:
        return False
    if refresh:
        return row.replaced_at is None and bool(row.refresh_expires_at > now())
    return row.revoked_at is None and bool(row.access_expires_at > now())
