"""What of an event's detail is kept, and in which form: the one place that knows what is secret.

A value is secret by its name, wherever it stands in the detail, or by its type; what is kept of it
is that there was one. Whoever notes a new setting need not think of it as long as it is named like
what it is.
"""

import datetime as dt
import decimal
import enum
import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

HIDDEN = "(hidden)"
# What is longer is cut: a biography may have a megabyte, and nobody reads it here.
LONGEST_TEXT = 4000
MOST_PARTS = 200

# What a name ends with: ``api_key``, ``client_secret``, ``token_hash``. ``key`` alone is a
# contact's or a group's, and ``id_token_signed_response_alg`` the name of an algorithm.
_SECRET = re.compile(
    r"(^|[\W_])(passwords?|passphrase|secrets?|tokens?|verifier|cookies?|credentials?"
    r"|(api|private|sealed|signing|encryption)[\W_]?key|(password|secret|token)[\W_]hash)$",
    re.IGNORECASE,
)
# RFC 7518 6.2.2, 6.3.2, 6.4.1: what a JSON Web Key has when it is not a public one.
_PRIVATE_OF_JWK = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def is_secret(name: str) -> bool:
    """Whether what has this name is never kept in the audit."""
    return _SECRET.search(name) is not None


def kept(value: Any, name: str = "") -> Any:
    """A value as the audit keeps it: as JSON, bounded, and with nothing secret in it."""
    if isinstance(value, SecretStr | bytes | bytearray | memoryview) or is_secret(name):
        return _hidden(value)
    match value:
        case None | bool() | int() | float():
            return value
        case enum.Enum():
            return kept(value.value, name)
        case str():
            return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
        case dt.datetime():
            return value.isoformat(timespec="seconds")
        case dt.date():
            return value.isoformat()
        case decimal.Decimal():
            return str(value)
        case Mapping():
            private = _PRIVATE_OF_JWK if "kty" in value else frozenset()
            return {
                str(part): _hidden(given) if part in private else kept(given, str(part))
                for part, given in value.items()
            }
        case set() | frozenset():
            return kept(sorted(value, key=str), name)
        case list() | tuple():
            parts = [kept(part, name) for part in value[:MOST_PARTS]]
            more = len(value) - MOST_PARTS
            return [*parts, f"… and {more:,} more"] if more > 0 else parts
    raise TypeError(f"the audit keeps no {type(value).__name__} ({name})")


def _hidden(value: Any) -> Any:
    # Before and after are hidden each for itself: that there was none is no secret.
    if isinstance(value, list | tuple):
        return [_hidden(part) for part in value[:MOST_PARTS]]
    if isinstance(value, Mapping):
        return {str(name): _hidden(part) for name, part in value.items()}
    return value if value is None or isinstance(value, bool) or not value else HIDDEN
