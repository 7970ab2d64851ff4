"""Public keys of clients, which their assertions are verified with (RFC 7523, OpenID Connect 9)."""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.directory.contacts import InvalidValue

ALGORITHMS = ("RS256", "ES256", "PS256")
MOST_KEYS = 10
_SMALLEST_RSA = 2048


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


def imported(jwks: dict[str, Any]) -> KeySet:
    """The keys, to verify with."""
    return KeySet.import_key_set(jwks)  # type: ignore[arg-type]


def _checked_key(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("kty") not in {"RSA", "EC"}:
        raise InvalidValue(field, "invalid_keys", "A public key is an RSA or a P-256 key.")
    if {"d", "p", "q", "k"} & value.keys():
        raise InvalidValue(
            field, "private_key", "This is a private key: keep it to yourself, give the public one."
        )
    try:
        if value["kty"] == "RSA":
            rsa = RSAKey.import_key(value)
            if rsa.public_key.key_size < _SMALLEST_RSA:
                raise InvalidValue(
                    field, "weak_key", f"RSA keys have at least {_SMALLEST_RSA} bits."
                )
            return dict(rsa.as_dict(private=False))
        ec = ECKey.import_key(value)
    except (JoseError, ValueError, KeyError, TypeError):
        raise InvalidValue(field, "invalid_keys", "A key of the JWK set cannot be read.") from None
    if ec.curve_name != "P-256":
        raise InvalidValue(field, "weak_key", "Elliptic keys are on the curve P-256.")
    return dict(ec.as_dict(private=False))
