"""The community's sign-in as Higher Logic runs it: a plain OAuth 2.0 client.

Source: what is known of Higher Logic's sign-in: no `openid`, no PKCE, no nonce; HTTP Basic at the
token endpoint; the identifier attribute must be the text of a known contact's `LegacyContactKey`.
The paths are Higher Logic's own, ASP.NET and all.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import requests
from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import contacts, sessions
from sandbox.contacts import Contact
from sandbox.services import services
from sandbox.tenant import SignIn
from sandbox.web import PageError, framed_by_issuer

blueprint = Blueprint("signin", __name__, url_prefix="/HigherLogic/Security")

TIMEOUT = (5, 15)
"""Seconds to connect to the identity provider, and to wait for its answer."""
MAX_ANSWER = 1_000_000


def member() -> Contact | None:
    """Who is signed in at the community, as the store has them now."""
    if "member" not in g:
        held = sessions.current(services().database, "community")
        g.member = None if held is None else contacts.contact(services().database, held["key"])
    found: Contact | None = g.member
    return found


@blueprint.get("/LoginBounce.aspx")
def login_bounce() -> AnyResponse:
    """Step 1: to the authorization endpoint, with a state bound to this browser."""
    sign_in = services().tenant.sign_in()
    if not sign_in.community_client_id:
        raise PageError(
            503,
            "Sign-in is not set up yet",
            "The technical worksheet names no client id. Fill it in at Admin › Sign-in settings.",
        )
    state = sessions.remember_login(
        services().database, {"return_url": local_path(request.args.get("ReturnUrl", ""))}
    )
    query = {
        "client_id": sign_in.community_client_id,
        "response_type": "code",
        "scope": sign_in.scope,
        "redirect_uri": _redirect_uri(),
        "state": state,
    }
    return redirect(with_query(sign_in.authorize_url, query))


@blueprint.get("/OAuth/Authentication.aspx")
def authentication() -> AnyResponse:
    """Steps 2 to 4: the code comes back, and becomes a member of the community."""
    login = sessions.claim_login(services().database, request.args.get("state", ""))
    if login is None:
        raise PageError(
            400,
            "This sign-in is over",
            "It did not begin in this browser, or it was used already, or it took too long. "
            "Please sign in again.",
        )
    if error := request.args.get("error"):
        raise PageError(
            403 if error == "access_denied" else 502,
            "Your association did not sign you in",
            request.args.get("error_description", "")[:500] or "It gave no reason.",
            detail=error[:100],
        )
    code = request.args.get("code", "")
    if not code:
        raise PageError(502, "No code came back", "The answer of your association lacks a code.")
    sign_in = services().tenant.sign_in()
    person = _known_contact(sign_in, _userinfo(sign_in, _access_token(sign_in, code)))
    response = make_response(redirect(login["return_url"]))
    sessions.begin(services().database, "community", {"key": person.key}, response)
    return response


@blueprint.route("/Logout.aspx", methods=["GET", "POST"])
def logout() -> AnyResponse | str:
    """Step 5. A POST is the page's own button; a GET with `iss` is a front-channel logout."""
    sign_in = services().tenant.sign_in()
    if request.method == "GET":
        if "iss" in request.args:
            return front_channel_logout()
        return render_template("logout.html")
    back = services().settings.base_url + "/HigherLogic/Security/LoggedOut.aspx"
    response = make_response(redirect(with_query(sign_in.logout_url, {"returnUrl": back})))
    sessions.end(services().database, "community", response)
    return response


@blueprint.get("/LoggedOut.aspx")
def logged_out() -> str:
    """Where the association sends the browser back to."""
    return render_template("logged_out.html")


@blueprint.get("/FrontChannelLogout.aspx")
def front_channel_logout() -> Response:
    """Ends the session when the identity provider loads this in a frame.

    OpenID Connect Front-Channel Logout 1.0, section 3: an `iss` that is given must be the
    issuer's.
    """
    framed_by_issuer()
    issuer = request.args.get("iss")
    if issuer is not None and issuer != services().tenant.sign_in().issuer:
        raise PageError(400, "Not our association", "This sign-out names another issuer.")
    response = make_response(render_template("frontchannel.html", site="The community"))
    sessions.end(services().database, "community", response)
    return response


def local_path(url: str) -> str:
    """The path to return to; the home page unless it is a path of this site."""
    usable = (
        url.startswith("/")
        and not url.startswith("//")
        and len(url) <= 1000
        and url.isascii()
        and url.isprintable()
        and "\\" not in url
    )
    return url if usable else "/"


def with_query(url: str, query: dict[str, str]) -> str:
    """The URL with the parameters added to those it has, spaces as %20."""
    parts = urlsplit(url)
    added = urlencode(query, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _redirect_uri() -> str:
    return services().settings.base_url + "/HigherLogic/Security/OAuth/Authentication.aspx"


def _access_token(sign_in: SignIn, code: str) -> str:
    """Step 3: the code for an access token, by HTTP Basic (RFC 6749 4.1.3 and 2.3.1)."""
    client = (
        quote(sign_in.community_client_id, safe=""),
        quote(sign_in.community_client_secret, safe=""),
    )
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _redirect_uri()}
    answer = _ask("POST", sign_in.token_url, data=form, auth=client)
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise PageError(502, "No access token came back", "Your association answered without one.")
    if str(answer.get("token_type", "")).lower() != "bearer":
        raise PageError(502, "Wrong kind of token", "Your association sent no Bearer token.")
    return token


def _userinfo(sign_in: SignIn, token: str) -> dict[str, Any]:
    """Step 4: who this is (RFC 6750 2.1)."""
    return _ask("GET", sign_in.userinfo_url, headers={"Authorization": f"Bearer {token}"})


def _ask(method: str, url: str, **arguments: Any) -> dict[str, Any]:
    """The identity provider's JSON answer.

    Raises PageError when it cannot be reached, refuses, or answers anything but an object.
    """
    try:
        with requests.Session() as http:
            # Neither a proxy nor a .netrc of this machine has a say in a member's sign-in.
            http.trust_env = False
            answer = http.request(
                method,
                url,
                timeout=TIMEOUT,
                allow_redirects=False,
                **{
                    **arguments,
                    "headers": {"Accept": "application/json"} | arguments.get("headers", {}),
                },
            )
            content = answer.content
    except requests.RequestException as error:
        raise PageError(
            502,
            "Your association cannot be reached",
            f"{urlsplit(url).netloc} does not answer. Please try again in a moment.",
            detail=type(error).__name__,
        ) from error
    try:
        document = answer.json() if len(content) <= MAX_ANSWER else None
    except (ValueError, RecursionError):
        document = None
    if answer.status_code != 200 or not isinstance(document, dict):
        reason = document.get("error") if isinstance(document, dict) else None
        raise PageError(
            502,
            "Your association refused to say who you are",
            f"{method} {urlsplit(url).path} was answered with status {answer.status_code}.",
            detail=reason[:100] if isinstance(reason, str) else "",
        )
    return document


def _known_contact(sign_in: SignIn, claims: dict[str, Any]) -> Contact:
    identifier = claims.get(sign_in.identifier_attribute)
    if not isinstance(identifier, str) or not identifier:
        raise PageError(
            502,
            "Your association did not say who you are",
            f"Its answer has no text under “{sign_in.identifier_attribute}”, the identifier "
            "attribute of the worksheet.",
        )
    person = contacts.contact(services().database, identifier)
    if person is None or person.is_company:
        raise PageError(
            403,
            "This community does not know you yet",
            "You are signed in at your association but this community does not know you yet. "
            "New members usually arrive within a minute: please try again.",
            detail=identifier[:200],
        )
    return person
