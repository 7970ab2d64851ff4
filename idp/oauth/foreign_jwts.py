"""JWTs that come from outside: verified, or refused with one exception whatever is wrong."""

import json
from collections.abc import Collection
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeyFlexible
from joserfc.jws import JWSRegistry
from joserfc.jwt import Token

# Beside its own errors the library lets through what odd JSON makes of it: a header that is a
# list, a "crit" that is a number, brackets a thousand deep.
_ODD = (JoseError, ValueError, TypeError, AttributeError, RecursionError)


class NotVerified(Exception):
    """It is no JWT, or none that one of the keys has signed; the text is for the log."""


def verified(text: str, key: KeyFlexible, algorithms: Collection[str]) -> Token:
    """Header and claims of a JWT that one of the keys has signed.

    Each key is held to its own algorithm, and that must be one of ``algorithms``: the header does
    not choose (RFC 8725, 3.1). Raises ``NotVerified``.
    """
    # RFC 7515, 4: header parameters that are not understood are ignored, but for ``crit``.
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        return jwt.decode(text, key, registry=registry)
    except _ODD as error:
        raise NotVerified(f"{type(error).__name__}: {error}"[:300]) from None


def unverified(text: str) -> dict[str, Any]:
    """The claims of a JWT as anybody may have written them. Raises ``NotVerified``."""
    try:
        claims = json.loads(jws.extract_compact(text.encode()).payload)
    except _ODD as error:
        raise NotVerified(f"{type(error).__name__}: {error}"[:300]) from None
    if not isinstance(claims, dict):
        raise NotVerified("the claims are no object")
    return claims
