"""The authorization server: OAuth 2.0 and OpenID Connect for the sites that sign members in here.

``clients`` are the sites, ``grants`` what members gave them, ``codes`` and ``tokens`` what stands
on a grant. ``server`` is Authlib's, fitted to them. Each endpoint is a module of its own.
"""

from flask import Blueprint, Flask

from idp.oauth import (
    assertions,
    authorize,
    backchannel,
    consent,
    consents,
    cors,
    discovery,
    introspect,
    logout,
    logout_notices,
    pushed,
    revoke,
    server,
    signed_out,
    token,
    userinfo,
)
from idp.web import csrf

__all__ = ["assertions", "backchannel", "consents", "init_app", "logout_notices", "pushed"]


def init_app(app: Flask) -> None:
    """Give an app the authorization server's endpoints."""
    server.init_app(app)
    app.register_blueprint(_blueprint())
    # Sign-in knows nothing of clients; through this hook its sign-out tells them.
    app.extensions["tessera-signed-out-page"] = signed_out.signed_out_page


def _blueprint() -> Blueprint:
    blueprint = Blueprint("oauth", __name__)
    # Other sites post to these by design; each proves by itself who asks. The confirmation of a
    # logout is a form of ours and keeps its CSRF token.
    for view in (
        authorize.authorize,
        token.token,
        revoke.revoke,
        introspect.introspect,
        pushed.push,
        userinfo.userinfo,
        logout.logout,
    ):
        csrf.exempt(view)

    blueprint.add_url_rule(
        "/oauth/authorize", "authorize", authorize.authorize, methods=["GET", "POST"]
    )
    blueprint.add_url_rule("/oauth/token", "token", token.token, methods=["POST"])
    blueprint.add_url_rule(
        "/oauth/introspect", "introspect", introspect.introspect, methods=["POST"]
    )
    blueprint.add_url_rule("/oauth/par", "push", pushed.push, methods=["POST"])
    blueprint.add_url_rule("/oauth/consent", "consent", consent.answer, methods=["POST"])
    blueprint.add_url_rule("/profile/sites", "sites", consent.sites, methods=["GET", "POST"])
    blueprint.add_url_rule("/oauth/revoke", "revoke", revoke.revoke, methods=["POST"])
    blueprint.add_url_rule(
        "/oauth/userinfo", "userinfo", userinfo.userinfo, methods=["GET", "POST"]
    )
    blueprint.add_url_rule("/oauth/logout", "logout", logout.logout, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/oauth/logout/confirm", "confirm_logout", logout.confirm, methods=["POST"]
    )
    blueprint.add_url_rule("/oauth/jwks", "jwks", discovery.jwks)
    for name in ("openid-configuration", "oauth-authorization-server"):
        blueprint.add_url_rule(
            f"/.well-known/{name}", f"well-known-{name}", discovery.configuration
        )
    cors.init_blueprint(blueprint)
    return blueprint
