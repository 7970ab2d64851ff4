"""A tiny identity provider for the tests: the community's OAuth 2.0 and the conference's OIDC.

It answers as it is told and remembers what it was asked.
"""

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.serving import free_port, serving

SECRET = "s3cret:with %"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


class Association:
    """`claims` is who signs in; `refuse` names an endpoint's error; `requests` what came in."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.claims: dict[str, Any] = {"sub": "ada", "name": "Ada Byron", "email": "ada@a.org"}
        self.id_token_claims: dict[str, Any] = {}
        self.authorize_error = ""
        self.token_answer: Any = None
        self.userinfo_answer: Any = None
        self.asked: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self.app = self._make()

    def _make(self) -> Flask:
        app = Flask("association")

        @app.get("/oauth/authorize")
        def authorize() -> Any:
            asked = request.args.to_dict()
            self.asked["authorize"] = asked
            answer = {"state": asked["state"]}
            if self.authorize_error:
                answer["error"] = self.authorize_error
            else:
                answer["code"] = f"code-{len(self._codes)}"
                self._codes[answer["code"]] = asked
            return redirect(f"{asked['redirect_uri']}?{urlencode(answer)}")

        @app.post("/oauth/token")
        def token() -> Any:
            self.asked["token"] = request.form.to_dict()
            self.asked["client"] = request.authorization
            if self.token_answer is not None:
                return self.token_answer
            begun = self._codes.pop(request.form["code"], None)
            if begun is None or begun["redirect_uri"] != request.form["redirect_uri"]:
                return jsonify(error="invalid_grant"), 400
            answer = {"access_token": "the-token", "token_type": "Bearer", "expires_in": 60}
            if "openid" in begun["scope"]:
                verifier = request.form["code_verifier"].encode()
                challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest())
                assert challenge.decode().rstrip("=") == begun["code_challenge"]
                answer["id_token"] = self._id_token(begun)
            return jsonify(answer)

        @app.get("/oauth/userinfo")
        def userinfo() -> Any:
            assert request.headers["Authorization"] == "Bearer the-token"
            return self.userinfo_answer or jsonify(self.claims)

        @app.get("/.well-known/openid-configuration")
        def discovery() -> Response:
            return jsonify(
                issuer=self.issuer,
                authorization_endpoint=f"{self.issuer}/oauth/authorize",
                token_endpoint=f"{self.issuer}/oauth/token",
                userinfo_endpoint=f"{self.issuer}/oauth/userinfo",
                end_session_endpoint=f"{self.issuer}/oauth/logout",
                jwks_uri=f"{self.issuer}/jwks",
                id_token_signing_alg_values_supported=["RS256"],
            )

        @app.get("/jwks")
        def jwks() -> Response:
            return jsonify(keys=[KEY.as_dict(private=False)])

        @app.get("/oauth/logout")
        def logout() -> Any:
            self.asked["logout"] = request.args.to_dict()
            back = request.args.get("returnUrl") or request.args["post_logout_redirect_uri"]
            state = request.args.get("state")
            return redirect(f"{back}?state={state}" if state else back)

        return app

    def _id_token(self, begun: dict[str, str]) -> str:
        claims = {
            "iss": self.issuer,
            "aud": begun["client_id"],
            "sub": self.claims["sub"],
            "nonce": begun["nonce"],
            "sid": "sid-1",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            **self.id_token_claims,
        }
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)


@contextmanager
def running_association() -> Iterator[Association]:
    association = Association()
    with serving(association.app, association.port):
        yield association
