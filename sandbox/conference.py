"""The second client: the "Annual Conference", an ordinary OpenID Connect site on Authlib.

Authorization code flow with PKCE (S256), state and nonce; the provider's addresses and keys come
from its discovery document, read anew for each sign-in, so that the sandbox may start first.
"""

from __future__ import annotations

from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from joserfc.errors import JoseError
from werkzeug.wrappers import Response as AnyResponse

from sandbox import sessions
from sandbox.services import services
from sandbox.web import PageError, framed_by_issuer

blueprint = Blueprint("conference", __name__, url_prefix="/conference")

TIMEOUT = 15
"""Seconds to wait for the identity provider."""
SIGN_INS_PER_BROWSER = 5


@blueprint.get("/")
def home() -> str:
    """The conference, and who is signed in to it."""
    held = sessions.current(services().database, "conference")
    return render_template("conference.html", attendee=held)


@blueprint.get("/sign-in")
def sign_in() -> AnyResponse:
    """To the authorization endpoint."""
    _forget_old_sign_ins()
    client = provider()
    try:
        _check_metadata(client)
        redirection: AnyResponse = client.authorize_redirect(_url("conference.callback"))
    except (requests.RequestException, ValueError, RuntimeError) as error:
        raise _unreachable(error) from error
    return redirection


@blueprint.get("/callback")
def callback() -> AnyResponse:
    """Back from the identity provider: checks state, nonce and ID token, and signs in."""
    client = provider()
    try:
        _check_metadata(client)
        token = client.authorize_access_token(claims_options=_id_token_rules())
        claims = dict(token.get("userinfo") or {})
        if not isinstance(claims.get("sub"), str):
            raise PageError(502, "No ID token came back", "The association sent no ID token.")
        more = client.userinfo(token=token)
    except (AuthlibBaseError, JoseError) as error:
        # The description is the provider's or the library's own; neither holds a secret.
        raise PageError(
            400,
            "The association did not sign you in",
            _said(error),
            detail=(error.error or "")[:100],
        ) from error
    except (requests.RequestException, ValueError, RuntimeError, KeyError) as error:
        raise _unreachable(error) from error
    # OpenID Connect Core 5.3.2: another subject's claims must not be used.
    if more.get("sub") != claims["sub"]:
        raise PageError(502, "Two answers disagree", "User info is about somebody else.")
    claims |= more
    attendee = {
        "sub": claims["sub"],
        "sid": _text(claims.get("sid")),
        "name": _text(claims.get("name")) or claims["sub"],
        "email": _text(claims.get("email")),
        "id_token": token["id_token"],
    }
    response = make_response(redirect(url_for("conference.home")))
    sessions.begin(services().database, "conference", attendee, response)
    return response


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """Ends the session here, then asks the provider to end its own (RP-Initiated Logout 1.0)."""
    held = sessions.current(services().database, "conference")
    onward: AnyResponse = redirect(url_for("conference.signed_out"))
    if held is not None:
        client = provider()
        try:
            _check_metadata(client)
            onward = client.logout_redirect(
                post_logout_redirect_uri=_url("conference.signed_out"),
                id_token_hint=held["id_token"],
            )
        except (requests.RequestException, ValueError, RuntimeError) as error:
            # The session here ends all the same; the page says what did not.
            current_app.logger.warning("no sign-out at the provider: %s", type(error).__name__)
            onward = redirect(url_for("conference.signed_out", only="here"))
    response = make_response(onward)
    sessions.end(services().database, "conference", response)
    return response


@blueprint.get("/signed-out")
def signed_out() -> str:
    """Where the provider sends the browser after the sign-out."""
    if request.args.get("state"):
        try:
            provider().validate_logout_response()
        except AuthlibBaseError as error:
            raise PageError(
                400, "This sign-out is not ours", "It did not begin in this browser."
            ) from error
    return render_template("conference_signed_out.html", only_here="only" in request.args)


@blueprint.get("/frontchannel-logout")
def frontchannel_logout() -> Response:
    """Ends the session when the identity provider loads this in a frame.

    OpenID Connect Front-Channel Logout 1.0, section 3: `iss` and `sid`, if given, must be the
    session's.
    """
    framed_by_issuer()
    issuer, sid = request.args.get("iss"), request.args.get("sid")
    if issuer is not None and issuer != services().tenant.sign_in().issuer:
        raise PageError(400, "Not our association", "This sign-out names another issuer.")
    held = sessions.current(services().database, "conference")
    response = make_response(render_template("frontchannel.html", site="The conference"))
    if held is not None and (sid is None or not held["sid"] or sid == held["sid"]):
        sessions.end(services().database, "conference", response)
    return response


def provider() -> Any:
    """Authlib's client, with what the worksheet page says at this moment."""
    settings = services().tenant.sign_in()
    if not settings.conference_client_id:
        raise PageError(
            503,
            "Sign-in is not set up yet",
            "The conference has no client id. Fill it in at the sandbox's sign-in settings.",
        )
    oauth = OAuth(current_app, cache=sessions.LoginStates(services().database))
    return oauth.register(
        "conference",
        client_id=settings.conference_client_id,
        client_secret=settings.conference_client_secret,
        server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic",
            "default_timeout": TIMEOUT,
            # The token is used at once, however short its life is.
            "leeway": 0,
        },
    )


def _id_token_rules() -> dict[str, Any]:
    """OpenID Connect Core 3.1.3.7: by whom, and for whom. Authlib alone asks only the first."""
    settings = services().tenant.sign_in()
    return {
        "iss": {"essential": True, "values": [settings.issuer]},
        "aud": {"essential": True, "values": [settings.conference_client_id]},
    }


def _check_metadata(client: Any) -> None:
    """OpenID Connect Discovery 4.3: the document must be the issuer's own."""
    metadata = client.load_server_metadata()
    if metadata.get("issuer") != services().tenant.sign_in().issuer:
        raise PageError(502, "Wrong discovery document", "It names another issuer than ours.")


def _forget_old_sign_ins() -> None:
    """Keeps the cookie small when somebody begins again and again."""
    begun = sorted(
        (key for key in session if key.startswith("_state_conference_")),
        key=lambda key: session[key]["exp"],
    )
    for key in begun[: -SIGN_INS_PER_BROWSER + 1]:
        del session[key]


def _said(error: AuthlibBaseError | JoseError) -> str:
    if error.error == "mismatching_state":
        return (
            "It did not begin in this browser, or it was used already, or it took too long. "
            "Please sign in again."
        )
    return (error.description or "The answer could not be accepted.")[:500]


def _unreachable(error: Exception) -> PageError:
    return PageError(
        502,
        "The association cannot be reached",
        "Its sign-in does not answer as it should. Please try again in a moment.",
        detail=type(error).__name__,
    )


def _url(endpoint: str) -> str:
    return services().settings.base_url + url_for(endpoint)


def _text(value: object) -> str:
    return value[:300] if isinstance(value, str) else ""
