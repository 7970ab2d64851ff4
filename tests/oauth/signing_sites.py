"""What the tests of client assertions share: a site whose server signs them."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.test import TestResponse

from idp.database import now
from idp.oauth import assertions
from tests.oauth.conftest import ISSUER, Site, site_in

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig", "alg": "ES256"})
KEYS = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
REFUSED = {
    "error": "invalid_client",
    "error_description": "The client could not be authenticated.",
}


@dataclass
class SigningSite(Site):
    """A site whose server signs assertions."""

    key: Any = field(default_factory=lambda: RSA)
    algorithm: str = "RS256"

    def assertion(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """An assertion as the specification wants it, but for the changes (``None``: left out)."""
        at = int(now().timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "jti": secrets.token_urlsafe(16),
            "iat": at,
            "exp": at + 60,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid, **(header or {})}
        header = {name: value for name, value in header.items() if value is not None}
        registry = JWSRegistry(algorithms=[str(header["alg"])], strict_check_header=False)
        return jwt.encode(header, claims, self.key, registry=registry)

    def post(self, path: str, form: Any, **options: Any) -> TestResponse:
        """The site's server posts, with a fresh assertion."""
        return self.bring(self.assertion(), path, form, **options)

    def bring(
        self, assertion: str, path: str = "/oauth/introspect", form: Any = None, **options: Any
    ) -> TestResponse:
        """The site's server posts, with this assertion."""
        proof = {"client_assertion_type": assertions.TYPE, "client_assertion": assertion}
        form = {"token": "x"} if form is None else form
        return self.app.test_client().post(path, data=proof | form, **options)


def signing_site(app: Flask, template: str = "oidc", **options: Any) -> SigningSite:
    """Register a site that signs, and open a browser."""
    site = site_in(app, template, authentication="private_key_jwt", jwks=KEYS, **options)
    return SigningSite(**vars(site))


def segment(value: object) -> str:
    """A part of a JWT."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
