"""Public keys of clients, which their assertions are verified with (RFC 7523, OpenID Connect 9)."""

import json
import warnings
from functools import lru_cache
from typing import Any

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, GuestProtocol, Key, KeyCallable, KeySet, RSAKey

from idp.directory.contacts import InvalidValue

_KINDS = {"RS256": "RSA", "ES256": "EC", "PS256": "RSA"}
ALGORITHMS = tuple(_KINDS)
MOST_KEYS = 10
# What verifies, and says what for (RFC 7517, 4; RFC 7518, 6).
_KEPT = frozenset("kty n e crv x y kid use alg".split())
_SMALLEST_RSA = 2048
# What they sign must fit a parameter (``parameters.LONGEST_VALUE``).
_LARGEST_RSA = 4096


def checked(field: str, value: Any) -> dict[str, Any]:
    """A JWK set of public RSA or P-256 keys. Raises ``InvalidValue``.

    A private key that somebody pastes by mistake is refused, not kept (RFC 7517, 9.2).
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not keys:
        raise InvalidValue(field, "invalid_keys", "Public keys are a JWK set: {“keys”: […]}.")
    if len(keys) > MOST_KEYS:
        raise InvalidValue(field, "too_many", f"A client has at most {MOST_KEYS} keys.")
    return {"keys": [_checked_key(field, key) for key in keys]}


def to_verify_with(jwks: dict[str, Any]) -> KeyCallable:
    """What finds the key that a JWT of the client says it was signed with.

    By its ``kid``; without one, the only key that fits its algorithm (OpenID Connect Core, 10.1).
    The search raises ``ValueError`` when no key fits, or several do.
    """
    # Importing a key costs more than a check of a signature: what was imported is kept.
    return _imported(json.dumps(jwks, sort_keys=True))


@lru_cache(maxsize=1000)
def _imported(jwks: str) -> KeyCallable:
    keys = KeySet.import_key_set(json.loads(jwks)).keys

    def choose(signed: GuestProtocol) -> Key:
        header = signed.headers()
        fitting = [key for key in keys if _fits(key, header)]
        if len(fitting) != 1:
            raise ValueError(f"{len(fitting)} of the client's keys fit the kid and the alg")
        return fitting[0]

    return choose


def _fits(key: Key, header: dict[str, Any]) -> bool:
    kid, algorithm = header.get("kid"), header["alg"]
    return (
        kid in (None, key.kid)
        and key.key_type == _KINDS[algorithm]
        and key.get("alg") in (None, algorithm)
        and key.get("use") in (None, "sig")
    )


def _checked_key(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("kty") not in ("RSA", "EC"):
        raise InvalidValue(field, "invalid_keys", "A public key is an RSA or a P-256 key.")
    if {"d", "p", "q", "k"} & value.keys():
        raise InvalidValue(
            field, "private_key", "This is a private key: keep it to yourself, give the public one."
        )
    key: RSAKey | ECKey
    try:
        # A weak one is refused below, in words of ours.
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            key = (RSAKey if value["kty"] == "RSA" else ECKey).import_key(value)
        public = {name: part for name, part in key.as_dict(private=False).items() if name in _KEPT}
    except (JoseError, ValueError, KeyError, TypeError):
        raise InvalidValue(field, "invalid_keys", "A key of the JWK set cannot be read.") from None
    # JSON can hold characters that no database takes: NUL, halves of a pair.
    if not all(isinstance(part, str) and part.isprintable() for part in public.values()):
        raise InvalidValue(field, "invalid_keys", "A key of the JWK set cannot be read.")
    if isinstance(key, ECKey):
        if key.curve_name != "P-256":
            raise InvalidValue(field, "weak_key", "Elliptic keys are on the curve P-256.")
    elif not _SMALLEST_RSA <= key.public_key.key_size <= _LARGEST_RSA:
        raise InvalidValue(
            field, "weak_key", f"RSA keys have {_SMALLEST_RSA} to {_LARGEST_RSA} bits."
        )
    return public
