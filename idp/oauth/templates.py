"""Templates of clients: what a kind of site can do, and so how strictly it is held."""

from dataclasses import dataclass
from typing import Literal

Authentication = Literal["client_secret", "private_key_jwt", "none"]
"""How a client proves who it is: a secret (by Basic or in the body), a signed assertion
(RFC 7523), or not at all (RFC 6749, 2.1: a public client)."""

CODE = "authorization_code"
REFRESH = "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True)
class Template:
    """What the clients of a template have in common.

    ``pkce_required`` may be switched off for a client only where it is false here. Clients that
    sign nobody in (``machine``) have no redirect URIs; those with ``addresses_later`` are made
    before their site has named any, and nobody can sign in there until then.
    """

    name: str
    title: str
    scopes: str
    grant_types: tuple[str, ...]
    authentication: tuple[Authentication, ...] = ("client_secret", "private_key_jwt")
    pkce_required: bool = True
    consent_required: bool = False
    addresses_later: bool = False

    @property
    def signs_members_in(self) -> bool:
        """Whether members come through a client of this template."""
        return CODE in self.grant_types


HIGHER_LOGIC = "higher-logic"
OIDC = "oidc"
APP = "app"
MACHINE = "machine"

_MEMBER_SCOPES = "openid profile email phone address offline_access"

TEMPLATES: dict[str, Template] = {
    template.name: template
    for template in (
        # Higher Logic asks for `profile` alone, without `openid`, and speaks no PKCE. It names its
        # callback once it has our worksheet, and that is made from the client.
        Template(
            HIGHER_LOGIC,
            "Higher Logic",
            "profile openid email",
            (CODE,),
            pkce_required=False,
            addresses_later=True,
        ),
        Template(OIDC, "OpenID Connect web app", _MEMBER_SCOPES, (CODE, REFRESH)),
        # What runs on the member's own device keeps no secret (RFC 8252, 8.5; RFC 9700, 2.1.1),
        # and cannot be told from its copies, so the member is asked (RFC 8252, 8.6).
        Template(
            APP,
            "Single-page app or phone app",
            _MEMBER_SCOPES,
            (CODE, REFRESH),
            authentication=("none",),
            consent_required=True,
        ),
        Template(MACHINE, "Machine", "introspect", (CLIENT_CREDENTIALS,)),
    )
}
"""The templates by name."""
