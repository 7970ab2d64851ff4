"""After the end of a session: the other sites are told, then the browser goes on.

OpenID Connect Front-Channel Logout 1.0: a page with one hidden frame for each client that got a
grant in the session and has an address for it.
"""

from collections.abc import Sequence

from authlib.common.urls import add_params_to_uri
from flask import Response, render_template
from sqlalchemy import select

from idp import web
from idp.database import db
from idp.oauth.clients import Client
from idp.oauth.grants import Grant, session_id
from idp.oauth.issuer import issuer
from idp.oauth.responses import goto, origin
from idp.signin.sessions import SignInSession


def frontchannel_uris(session: SignInSession) -> list[str]:
    """Where to tell the clients of a session that it has ended, with ``iss`` and ``sid``
    (Front-Channel Logout, 2)."""
    addresses: Sequence[str | None] = db.session.scalars(
        select(Client.frontchannel_logout_uri)
        .where(
            Client.id.in_(select(Grant.client_id).where(Grant.session_id == session.id)),
            Client.disabled_at.is_(None),
            Client.frontchannel_logout_uri.is_not(None),
        )
        .order_by(Client.id)
    ).all()
    about = {"iss": issuer(), "sid": session_id(session.token_hash)}
    return [str(add_params_to_uri(address, about)) for address in addresses if address]


def signed_out_page(
    session: SignInSession | None,
    next_uri: str | None = None,
    state: str | None = None,
    *,
    at_once: bool = True,
) -> Response:
    """Tell the clients of an ended session, then go on to ``next_uri``, or stay.

    ``next_uri`` was checked by the caller; ``state`` goes with it (RP-Initiated Logout, 3). With
    nobody to tell this is a redirect at once, unless ``at_once`` is false: then a link.
    """
    frames = frontchannel_uris(session) if session is not None else []
    onward = next_uri
    if onward is not None and state is not None:
        onward = str(add_params_to_uri(onward, {"state": state}))
    if onward is not None and at_once and not frames:
        return goto(onward)
    web.frame_sources(*dict.fromkeys(origin(frame) for frame in frames))
    return Response(
        render_template("oauth/signed_out.html", frames=frames, onward=onward, at_once=at_once),
        mimetype="text/html",
    )
