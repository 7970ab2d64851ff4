"""How a member proved who they are, in words that other sites know: ``acr`` and ``amr``.

There is one way today: a password, over TLS. What a client asks for by ``acr_values`` is a wish
(OpenID Connect Core, 3.1.2.1): it is told what was, never what it wanted to hear. One that
insists asks for ``acr`` as an essential claim (``requested_claims``).
"""

from typing import Any

# OpenID Connect Core, 2: an absolute URI, and this one has a meaning that is written down
# (SAML 2.0 Authentication Context, 3.4.7) and that other software knows.
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105

ACR_VALUES = (PASSWORD,)
"""Every class that a sign-in here can be of."""


def claims() -> dict[str, Any]:
    """The class of a sign-in and the methods used in it (OpenID Connect Core, 2; RFC 8176, 2)."""
    return {"acr": PASSWORD, "amr": ["pwd"]}
