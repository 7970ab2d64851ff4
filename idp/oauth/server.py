"""The authorization server: Authlib's, with our storage, and stricter where it can be."""

import contextlib
import json
from typing import Any

import structlog
from authlib.integrations.flask_oauth2 import AuthorizationServer as FlaskAuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge
from authlib.oidc.core.grants.code import OpenIDToken
from flask import Flask, Response, current_app
from flask_limiter import RateLimitExceeded

from idp import limits, prepared
from idp.oauth import (
    access_tokens,
    client_authentication,
    codes,
    grants,
    id_tokens,
    known_clients,
    last_used,
    tokens,
)
from idp.oauth.clients import Client
from idp.oauth.codes import RedeemedCode
from idp.oauth.errors import InvalidScope, TooManyRequests
from idp.oauth.grants import Standing
from idp.oauth.parameters import ProtocolRequest
from idp.oauth.responses import to_client
from idp.oauth.tokens import RedeemedRefresh

log = structlog.get_logger()

_EXTENSION = "tessera-authorization-server"


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """The authorization code grant (RFC 6749, 4.1)."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(client_authentication.METHODS)

    def generate_authorization_code(self) -> str:
        """A fresh code."""
        return codes.new()

    def save_authorization_code(self, code: str, request: ProtocolRequest) -> None:
        """Record the grant, and what the code stands for."""
        asked = request.payload.data
        codes.save(
            code,
            request.client,
            request.sign_in,
            request.scope,
            redirect_uri=asked["redirect_uri"],
            code_challenge=asked.get("code_challenge"),
            nonce=asked.get("nonce"),
            requested_claims=request.requested_claims,
        )

    def query_authorization_code(self, _code: str, client: Client) -> RedeemedCode:
        """Read the code; it is claimed when its tokens are kept."""
        brought = self.request.brought_code = codes.judge(self.request.looked_up, client)
        return brought

    def delete_authorization_code(self, authorization_code: RedeemedCode) -> None:
        """Nothing yet: ``keep`` claims it, once everything is signed."""

    def authenticate_user(self, authorization_code: RedeemedCode) -> RedeemedCode:
        """Whom the code speaks for."""
        return authorization_code


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """The refresh grant (RFC 6749, 6), with rotation (RFC 9700, 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(client_authentication.METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, _refresh_token: str) -> RedeemedRefresh:
        """Read the refresh token; it is used up when its tokens are kept."""
        request = self.request
        return tokens.judge_refresh(request.looked_up, request.client, request.payload.scope)

    def issue_token(self, user: RedeemedRefresh, refresh_token: RedeemedRefresh) -> dict[str, Any]:
        """New tokens in the old family."""
        token: dict[str, Any] = self.generate_token(
            user=user, scope=refresh_token.asked_scope, include_refresh_token=True
        )
        return token

    def authenticate_user(self, refresh_token: RedeemedRefresh) -> RedeemedRefresh:
        """Whom the token speaks for."""
        return refresh_token

    def revoke_old_credential(self, refresh_token: RedeemedRefresh) -> None:
        """Nothing yet: ``keep`` uses it up, once everything is signed."""


class MachineGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """The client credentials grant (RFC 6749, 4.4), for machines alone."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(client_authentication.METHODS)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """An access token in the machine's own name, and no refresh token (RFC 6749, 4.4.3)."""
        client: Client = self.request.client
        scope = client.get_allowed_scope(self.request.payload.scope or client.scopes)
        if scope is None:
            raise InvalidScope("The request names no scope that this client may have.")
        token = self.generate_token(scope=scope, include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class S256CodeChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE (RFC 7636) with S256 alone: ``plain`` protects from nothing that reads the request."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]
    CODE_CHALLENGE_METHODS = {
        "S256": lambda verifier, challenge: create_s256_code_challenge(verifier) == challenge
    }


class IdToken(OpenIDToken):  # type: ignore[misc]
    """Adds an ID token to the answer when ``openid`` was granted (OpenID Connect Core, 3.1.3.3)."""

    def encode_id_token(self, token: dict[str, Any], request: ProtocolRequest) -> str:
        """The ID token that goes with an access token."""
        # A refreshed ID token has no nonce (OpenID Connect Core, 12.2).
        nonce = request.authorization_code.nonce if request.authorization_code else None
        standing = request.authorization_code or request.refresh_token
        return id_tokens.encode(request.client, standing, token["access_token"], nonce)


class AuthorizationServer(FlaskAuthorizationServer):  # type: ignore[misc]
    """Authlib's server over our clients and tokens."""

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """The request, which our endpoints have read already."""
        return request

    def query_client(self, client_id: str) -> Client | None:
        """The client in use with this id."""
        return known_clients.find_active(client_id)

    def authenticate_client(
        self, request: ProtocolRequest, _methods: Any, _endpoint: str = "token"
    ) -> Client:
        """The client that proved who it is. Raises ``InvalidClient``, ``InvalidRequest``."""
        client, method, secret = client_authentication.authenticate(request.payload.data)
        request.client, request.auth_method, request.secret = client, method, secret
        return client

    def generate_token(
        self,
        grant_type: str,
        client: Client,
        user: Standing | None = None,
        scope: str | None = None,
        expires_in: int | None = None,  # noqa: ARG002
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """The token endpoint's answer (RFC 6749, 5.1)."""
        scope = scope or ""
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "access_token": access_tokens.new(client, user, scope),
            "expires_in": int(tokens.access_lifetime(client).total_seconds()),
            "scope": scope,
        }
        # OpenID Connect Core, 11: only who asked for offline access gets a refresh token. A
        # narrowed refresh keeps the right to refresh again.
        if include_refresh_token and (
            grant_type == "refresh_token" or "offline_access" in scope.split()
        ):
            answer["refresh_token"] = tokens.new()
        return answer

    def save_token(self, token: dict[str, Any], request: ProtocolRequest) -> None:
        """Remember what is about to be answered; ``keep`` writes it."""
        request.issued = token

    def keep(self, request: ProtocolRequest) -> None:
        """Use up what was brought and keep what is about to be answered, in one transaction.

        Everything is read and signed by now, so that the one writer that SQLite allows is not
        kept waiting. Raises ``InvalidGrant`` when somebody else used the code since.
        """
        token, client = request.issued, request.client
        standing = request.authorization_code or request.refresh_token
        together = standing is None or last_used.is_due(client, request.secret)
        with prepared.writing() if together else contextlib.nullcontext():
            kept = tokens.keep(
                standing or grants.create_for_machine(client, token["scope"]),
                access_token=token["access_token"],
                refresh_token=token.get("refresh_token"),
                scope=token["scope"],
                lifetime=tokens.access_lifetime(client),
            )
            if kept and together:
                last_used.note(client, request.secret)
        if not kept:
            raise codes.reused(standing.grant_id, client)

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        """Authlib's answer as Flask's: redirects by 303 and with ``iss``, bodies as JSON."""
        location = dict(headers).get("Location")
        if location is not None:
            return to_client(location, {})
        response = Response(
            json.dumps(body, ensure_ascii=False), status=status, mimetype="application/json"
        )
        for name, value in headers:
            if name.lower() != "content-type":
                response.headers[name] = value
        return response

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Response:
        """The RFC's error for the far side; the detail for the log."""
        client = getattr(request, "client", None)
        log.info(
            "protocol request refused",
            error=error.error,
            reason=error.description,
            detail=getattr(error, "detail", ""),
            client=client.client_id if client is not None else "",
        )
        try:
            limits.count_refusal()
        except RateLimitExceeded:
            error = TooManyRequests("Too many requests from your network were refused.")
        response: Response = super().handle_error_response(request, error)
        return response


def init_app(app: Flask) -> None:
    """Make the app's authorization server."""
    server = AuthorizationServer(app)
    pkce = S256CodeChallenge(required=True)
    server.register_grant(CodeGrant, [pkce, IdToken()])
    server.register_grant(RefreshGrant, [IdToken()])
    server.register_grant(MachineGrant)
    app.extensions[_EXTENSION] = server


def get() -> AuthorizationServer:
    """The app's authorization server."""
    server: AuthorizationServer = current_app.extensions[_EXTENSION]
    return server
