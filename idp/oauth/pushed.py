"""Pushed authorization requests (RFC 9126): parameters that a client left here beforehand.

The client pushes them over its own authenticated connection and gets a ``request_uri``; the
member's browser then carries that alone, and nobody on the way can read or change the request.
"""

import datetime as dt
import secrets
from typing import Any

from flask import Response
from flask_limiter import RateLimitExceeded
from sqlalchemy import ForeignKey, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import limits
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.oauth import checks, parameters, server
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidRequest, InvalidRequestUri, ProtocolError, TooManyRequests
from idp.oauth.parameters import Parameters, ProtocolRequest
from idp.prepared import Prepared
from idp.signin.sessions import hashed

PREFIX = "urn:ietf:params:oauth:request_uri:"
# RFC 9126, 2.2: short; the member's browser follows at once, but may sign in on the way.
LIFETIME = dt.timedelta(minutes=10)


class PushedRequest(Base):
    """The parameters behind a ``request_uri``, which is kept as a hash and good for one code."""

    __tablename__ = "pushed_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    uri_hash: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_client.id", ondelete="CASCADE"), index=True
    )
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


def push() -> Response:
    """POST /oauth/par: judge a request as the authorization endpoint would, and keep it."""
    authorization_server = server.get()
    request = None
    try:
        given = parameters.of_form()
        request = ProtocolRequest(given)
        client = authorization_server.authenticate_client(request, None)
        # RFC 9126, 2.1: a request_uri has no place in here.
        if "request_uri" in given:
            raise InvalidRequest("A pushed request cannot hold a request_uri.")
        if client.is_public:
            # Its client_id is all that anybody needs, and what is pushed is kept for a while.
            count_unproven()
        wanted = {**given, "client_id": client.client_id}
        asked = checks.Authorization(wanted, client, checks.check_redirect_uri(wanted, client))
        for check in checks.CHECKS:
            check(asked)
    except ProtocolError as error:
        return authorization_server.handle_error_response(request, error)
    request_uri = PREFIX + secrets.token_urlsafe(32)
    db.session.add(
        PushedRequest(
            uri_hash=hashed(request_uri),
            client_id=client.id,
            parameters={
                name: wanted[name] for name in parameters.OF_AUTHORIZATION if name in wanted
            },
            expires_at=now() + LIFETIME,
        )
    )
    db.session.commit()
    answer = {"request_uri": request_uri, "expires_in": int(LIFETIME.total_seconds())}
    return authorization_server.handle_response(201, answer, [("Cache-Control", "no-store")])


def count_unproven() -> None:
    """Count a request of a client that proves nothing. Raises ``TooManyRequests``."""
    try:
        limits.count_unproven()
    except RateLimitExceeded:
        raise TooManyRequests("Too many requests came from your network.") from None


def load(request_uri: str, client: Client) -> Parameters:
    """The parameters that a client pushed; what stood beside the ``request_uri`` counts for
    nothing (RFC 9126, 4).

    Raises ``InvalidRequestUri`` when it is unknown, another client's, expired or was used.
    """
    kept = db.session.execute(
        select(PushedRequest.parameters, PushedRequest.expires_at).where(
            PushedRequest.uri_hash == hashed(request_uri),
            PushedRequest.client_id == client.id,
            PushedRequest.used_at.is_(None),
        )
    ).one_or_none()
    if kept is None or kept.expires_at <= now():
        raise InvalidRequestUri("The request_uri is unknown, has expired or was used before.")
    return dict(kept.parameters)


def change(request_uri: str, wanted: Parameters) -> None:
    """Keep other parameters behind a ``request_uri``: a prompt that was answered is not asked
    again."""
    db.session.execute(
        update(PushedRequest)
        .where(PushedRequest.uri_hash == hashed(request_uri))
        .values(parameters=wanted)
        .execution_options(synchronize_session=False)
    )


_USE = Prepared(
    update(PushedRequest)
    .where(PushedRequest.uri_hash == bindparam("uri_hash"), PushedRequest.used_at.is_(None))
    .values(used_at=bindparam("moment"))
)


def use(request_uri: str) -> None:
    """Use a ``request_uri`` up, in the transaction that keeps its code (RFC 9126, 7.3).

    One statement decides between two browsers. Raises ``InvalidRequestUri`` for the second.
    """
    if _USE.write(uri_hash=hashed(request_uri), moment=now()) != 1:
        raise InvalidRequestUri("The request_uri was used before.")
