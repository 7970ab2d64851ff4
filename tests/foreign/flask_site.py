"""A site on Flask whose sign-in is Authlib's, written as Authlib's documentation has it.

Members sign in, see what the site knows of them, and sign out. Its API takes the access tokens
of all sites, by Authlib's own checks of a resource server.
"""

from typing import Any

import requests
from authlib.integrations.flask_client import OAuth, OAuthError
from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, jsonify, redirect, session, url_for
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response

Registered = dict[str, str | None]


def site(issuer: str, registered: dict[str, Registered], machine: Registered) -> Flask:
    """The site. ``registered`` has what each of its clients is registered as, by its name, with
    what the site says of itself; ``machine`` asks about tokens."""
    app = Flask(__name__)
    app.secret_key = "f" * 48
    app.config["SESSION_COOKIE_NAME"] = "flask_site"
    # What a site keeps in its database.
    tokens: dict[str, Any] = {}
    oauth = OAuth(
        app,
        fetch_token=lambda name: tokens.get(session.get(name, "")),
        update_token=lambda name, token, refresh_token=None, access_token=None: tokens.update(
            {session[name]: {**tokens[session[name]], **token}}
        ),
    )
    for name, given in registered.items():
        oauth.register(
            name,
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email offline_access",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": given["authentication"],
            },
        )

    @app.get("/<name>/login")
    def login(name: str) -> Response:
        return oauth.create_client(name).authorize_redirect(
            url_for("callback", name=name, _external=True)
        )

    @app.get("/<name>/callback")
    def callback(name: str) -> Response:
        token = oauth.create_client(name).authorize_access_token()
        session[name] = token["userinfo"]["sub"]
        tokens[session[name]] = token
        return redirect(url_for("home", name=name))

    @app.get("/<name>/")
    def home(name: str) -> Any:
        known = tokens.get(session.get(name, ""))
        return jsonify(known)

    @app.get("/<name>/me")
    def me(name: str) -> Any:
        return jsonify(oauth.create_client(name).userinfo())

    @app.get("/<name>/me-later")
    def me_later(name: str) -> Any:
        # As if an hour had gone by: the client refreshes by itself before it asks.
        tokens[session[name]]["expires_at"] = 1
        return jsonify(oauth.create_client(name).userinfo())

    @app.get("/<name>/logout")
    def logout(name: str) -> Response:
        token = tokens.pop(session.pop(name))
        return oauth.create_client(name).logout_redirect(
            post_logout_redirect_uri=url_for("signed_out", name=name, _external=True),
            id_token_hint=token["id_token"],
        )

    @app.get("/<name>/signed-out")
    def signed_out(name: str) -> Any:
        oauth.create_client(name).validate_logout_response()
        return jsonify("signed out")

    @app.errorhandler(OAuthError)
    def refused(error: OAuthError) -> Any:
        return jsonify(error=error.error, description=error.description), 502

    _add_api(app, issuer, machine)
    return app


class _BySignature(JWTBearerTokenValidator):
    """A JWT is checked here, with the keys that are published (RFC 9068, 4)."""

    def get_jwks(self) -> KeySet:
        facts = requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=10).json()
        return KeySet.import_key_set(requests.get(facts["jwks_uri"], timeout=10).json())


class _ByAsking(IntrospectTokenValidator):
    """Any token is asked about (RFC 7662)."""

    def __init__(self, issuer: str, machine: Registered) -> None:
        super().__init__()
        self.issuer, self.machine = issuer, machine

    def introspect_token(self, token_string: str) -> Any:
        return requests.post(
            f"{self.issuer}/oauth/introspect",
            data={"token": token_string, "token_type_hint": "access_token"},
            auth=(str(self.machine["client_id"]), str(self.machine["client_secret"])),
            timeout=10,
        ).json()


def _add_api(app: Flask, issuer: str, machine: Registered) -> None:
    for path, validator in (
        ("/api/signature", _BySignature(issuer, issuer)),
        ("/api/asking", _ByAsking(issuer, machine)),
    ):
        protected = ResourceProtector()
        protected.register_token_validator(validator)

        def answer() -> Any:
            return jsonify(sub=current_token["sub"], scope=current_token["scope"])

        guarded = protected("profile")(answer)
        app.add_url_rule(path, path, guarded)
