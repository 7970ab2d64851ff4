"""The authorization endpoint: an ordered list of checks, then a code (RFC 6749, 4.1.1).

Until the client and its redirect URI are known to be good, a refusal is a page for the member;
afterwards it is a redirect that tells the client (RFC 6749, 4.1.2.1). The association's own sites
are trusted; for all others the member is asked (``consent``).
"""

from typing import Any
from urllib.parse import urlencode

import structlog
from authlib.oauth2 import OAuth2Error
from flask import Response, request, url_for

from idp import prepared
from idp.oauth import (
    arrivals,
    consent,
    known_clients,
    parameters,
    permission,
    pushed,
    reauthentication,
    server,
)
from idp.oauth.checks import CHECKS, Authorization, check_client, check_redirect_uri
from idp.oauth.errors import InvalidRequest, ProtocolError
from idp.oauth.parameters import Parameters, ProtocolRequest
from idp.oauth.responses import goto, refusal_page, to_client
from idp.oauth.sign_in_checks import SIGN_IN_CHECKS, ConsentNeeded, NotPermitted, SignInNeeded
from idp.prepared import Prepared
from idp.signin import sessions

log = structlog.get_logger()

# What survives the way over the sign-in page.
_KEPT = (*parameters.OF_AUTHORIZATION, "request_uri", reauthentication.MARKER)
# A request line has 8 KB at best, and the way over the sign-in page encodes all of it once more;
# so many characters of it then leave room for the rest of that address.
_LONGEST_QUERY = 7500


_WHO_ASKS = Prepared(sessions.SIGNED_IN.add_columns(known_clients.ASKING_VERSION))


def authorize() -> Response:
    """GET and POST /oauth/authorize."""
    try:
        given = parameters.of_request()
        check_length(given)
        look_up(given)
        client = check_client(given)
        request_uri = given.get("request_uri", "")
        pushed_here = request_uri.startswith(pushed.PREFIX)
        wanted = pushed.load(request_uri, client) if pushed_here else given
        redirect_uri = check_redirect_uri(wanted, client)
    except ProtocolError as error:
        log.info("authorization refused", reason=error.description, detail=error.detail)
        return refusal_page(
            "This sign-in link does not work",
            "The site that sent you here asked in a way that we cannot answer. Go back to it and "
            "try again; if it happens again, tell the people who run that site: "
            f"{error.description}",
        )
    asked = Authorization(wanted, client, redirect_uri, pushed=pushed_here)
    if pushed_here:
        # What goes over the sign-in page stays the reference and our own mark.
        asked.reference = {
            name: given[name]
            for name in ("client_id", "request_uri", reauthentication.MARKER)
            if name in given
        }
        if reauthentication.MARKER in given:
            wanted[reauthentication.MARKER] = given[reauthentication.MARKER]
    try:
        for check in CHECKS:
            check(asked)
        if request.method == "POST":
            # The cookie does not come with a form that another site posts (SameSite=Lax); it
            # does with the GET that we send the browser on to (OpenID Connect Core, 3.1.2.1).
            return goto(_own_path(asked))
        for check in SIGN_IN_CHECKS:
            check(asked)
    except SignInNeeded as needed:
        return goto(_sign_in_address(asked, "1" if needed.again else None))
    except NotPermitted:
        return permission.refuse(asked, _sign_in_address(asked, "other"))
    except ConsentNeeded:
        return consent.page(asked, _query(asked.carried))
    except OAuth2Error as error:
        return _refuse(asked, error)
    return _issue_code(asked)


def look_up(given: Parameters) -> None:
    """Who is signed in and, in the same statement, which copy of the client is the present one."""
    asking = given.get("client_id", "")
    row = sessions.look_up(_WHO_ASKS, asking=asking)
    if row is not None:
        known_clients.note(asking, row.asking_version)


def check_length(given: Parameters) -> None:
    """A request that the way over the sign-in page would cut short is refused at once."""
    # No character becomes more than three, here and on the way: what is short is not encoded.
    raw = sum(len(name) + len(value.encode()) + 2 for name, value in given.items())
    if raw < _LONGEST_QUERY // 9:
        return
    # Nor does our own mark count: what was short enough to go there is so when it comes back.
    query = _query(
        {name: value for name, value in given.items() if name != reauthentication.MARKER}
    )
    hint = given.get("login_hint", "")
    if len(urlencode({"next": query, "login_hint": hint})) > _LONGEST_QUERY:
        raise InvalidRequest("The request is too long.")


def _query(given: Parameters) -> str:
    return urlencode({name: given[name] for name in _KEPT if name in given})


def _own_path(asked: Authorization) -> str:
    return f"{url_for('oauth.authorize')}?{_query(asked.carried)}"


def _sign_in_address(asked: Authorization, again: str | None) -> str:
    asked.carried[reauthentication.MARKER] = reauthentication.marker(asked.parameters)
    arguments: dict[str, Any] = {"next": _own_path(asked)}
    if again is not None:
        arguments["again"] = again
    if "login_hint" in asked.parameters:
        arguments["login_hint"] = asked.parameters["login_hint"]
    return url_for("signin.sign_in", **arguments)


def _refuse(asked: Authorization, error: OAuth2Error) -> Response:
    log.info(
        "authorization refused",
        error=error.error,
        reason=error.description,
        detail=getattr(error, "detail", ""),
        client=asked.client.client_id,
    )
    answer = {"error": str(error.error), "error_description": str(error.description)}
    if "state" in asked.parameters:
        answer["state"] = asked.parameters["state"]
    return to_client(asked.redirect_uri, answer)


def _issue_code(asked: Authorization) -> Response:
    if asked.sign_in is not None:
        arrivals.tell(asked.client, asked.sign_in)
    # What was read may have ended since, which does no harm: a grant stands only while its
    # sign-in does.
    protocol_request = ProtocolRequest(asked.parameters)
    protocol_request.sign_in = asked.sign_in
    protocol_request.requested_claims = asked.requested.granted(asked.client)
    authorization_server = server.get()
    grant = authorization_server.get_authorization_grant(protocol_request)
    if asked.reference is None:
        return _answer(protocol_request, grant)
    try:
        with prepared.writing():
            pushed.use(asked.reference["request_uri"])
            return _answer(protocol_request, grant)
    except ProtocolError as error:
        return _refuse(asked, error)


def _answer(protocol_request: ProtocolRequest, grant: Any) -> Response:
    response: Response = server.get().create_authorization_response(
        protocol_request, grant_user=protocol_request.sign_in, grant=grant
    )
    return response
