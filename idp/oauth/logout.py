"""Signing out on a client's word: OpenID Connect RP-Initiated Logout 1.0.

A valid ``id_token_hint`` of the member who is signed in here ends the session at once. Without
one anybody could have made the link, so the member is asked first (RP-Initiated Logout, 6).
Whatever happens, the browser is sent only to addresses on a client's list.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

import structlog
from flask import Response, render_template, request, url_for
from sqlalchemy import select

from idp import database, web
from idp.database import db
from idp.directory.contacts import is_key_of
from idp.oauth import id_tokens, known_clients, parameters
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidRequest, ProtocolError
from idp.oauth.parameters import Parameters
from idp.oauth.responses import goto, refusal_page
from idp.oauth.signed_out import signed_out_page
from idp.signin import sessions

log = structlog.get_logger()

# The first is the protocol's. Which one Higher Logic appends is not known: these are taken.
RETURN_NAMES = ("post_logout_redirect_uri", "returnUrl", "ReturnUrl", "redirect_uri")


@dataclass(frozen=True)
class LogoutRequest:
    """What a client asks: ``subject`` is whom a valid hint names, ``return_to`` an address that
    is on a client's list."""

    subject: str | None
    return_to: str | None
    state: str | None


def logout() -> Response:
    """GET and POST /oauth/logout, the ``end_session_endpoint``."""
    try:
        posted = request.mimetype == parameters.FORM
        given = parameters.of_form() if posted else parameters.of_query()
        asked = read(given)
    except ProtocolError as error:
        log.info("logout refused", reason=error.description, detail=error.detail)
        return refusal_page(
            "This sign-out link does not work",
            "The site that sent you here asked in a way that we cannot answer, so nothing was "
            f"changed. {error.description}",
            sign_out=url_for("oauth.logout"),
        )
    here = sessions.current()
    if here is None and request.method == "POST":
        # The cookie does not come with another site's form (SameSite=Lax), but with this GET.
        return goto(f"{url_for('oauth.logout')}?{urlencode(given)}")
    if here is None:
        return _nobody_here(asked)
    if asked.subject is not None and is_key_of(asked.subject, here.account.person.key):
        database.start_writing()
        return _sign_out(asked)
    return _ask(asked)


def confirm() -> Response:
    """POST /oauth/logout/confirm: the member pressed the button (a form of ours, with its CSRF
    token)."""
    try:
        # What the form carries came from outside: it is judged again.
        asked = read(parameters.checked(request.form.items(multi=True)))
    except ProtocolError as error:
        log.info("logout refused", reason=error.description, detail=error.detail)
        asked = LogoutRequest(None, None, None)
    return _sign_out(asked)


def read(given: Parameters) -> LogoutRequest:
    """Judge a request. Raises ``InvalidRequest`` for a hint or client that does not hold."""
    hint = id_tokens.decode_hint(given["id_token_hint"]) if "id_token_hint" in given else None
    client_id = given.get("client_id")
    # RP-Initiated Logout, 2: client_id, if there, is the one that the ID token was made for.
    if hint is not None and client_id is not None and client_id != hint.audience:
        raise InvalidRequest("The id_token_hint was made for another client.")
    client_id = client_id or (hint.audience if hint is not None else None)
    return LogoutRequest(
        subject=hint.subject if hint is not None else None,
        return_to=_return_to(given, client_id),
        state=given.get("state"),
    )


def _return_to(given: Parameters, client_id: str | None) -> str | None:
    wanted = next((given[name] for name in RETURN_NAMES if name in given), None)
    if wanted is None:
        return None
    # RP-Initiated Logout, 3: only what exactly matches the client's list; without a client, what
    # is on the list of any that is in use.
    if client_id is not None:
        client = known_clients.find_active(client_id)
        lists = [client.post_logout_redirect_uris] if client is not None else []
    else:
        lists = list(
            db.session.scalars(
                select(Client.post_logout_redirect_uris).where(Client.disabled_at.is_(None))
            )
        )
    if any(wanted in known for known in lists):
        return wanted
    log.info("return address after logout is on no list", client=client_id or "", wanted=wanted)
    return None


def _nobody_here(asked: LogoutRequest) -> Response:
    # With a hint the client is known and is gone back to; without, the member chooses to.
    return signed_out_page(None, asked.return_to, asked.state, at_once=asked.subject is not None)


def _sign_out(asked: LogoutRequest) -> Response:
    ended = sessions.end()
    db.session.commit()
    return signed_out_page(ended, asked.return_to, asked.state)


def _ask(asked: LogoutRequest) -> Response:
    fields = {"post_logout_redirect_uri": asked.return_to, "state": asked.state}
    web.form_may_leave()
    return Response(
        render_template(
            "oauth/sign_out.html",
            fields={name: value for name, value in fields.items() if value is not None},
        ),
        mimetype="text/html",
    )
