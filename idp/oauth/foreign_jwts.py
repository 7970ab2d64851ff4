"""JWTs that come from outside: verified, or refused with one exception whatever is wrong."""

from collections.abc import Collection

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeyFlexible
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
    try:
        return jwt.decode(text, key, algorithms)
    except _ODD as error:
        raise NotVerified(f"{type(error).__name__}: {error}"[:300]) from None
