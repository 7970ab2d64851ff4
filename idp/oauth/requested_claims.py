"""The ``claims`` parameter: single claims that a client asks for (OpenID Connect Core, 5.5).

It chooses from what the client may have and never adds to it: a claim whose scope the client is
not registered for is ignored, as is one that nobody here knows.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.oauth import claims
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidRequest

MOST_CLAIMS = 50
TARGETS = ("userinfo", "id_token")


@dataclass(frozen=True)
class Wish:
    """How one claim is asked for; ``values`` are those that it may have, ``None`` for any."""

    essential: bool = False
    values: tuple[Any, ...] | None = None

    def met_by(self, value: Any) -> bool:
        """Whether a value is one of those asked for."""
        return self.values is None or value in self.values


@dataclass(frozen=True)
class RequestedClaims:
    """What a request asks for at userinfo and in the ID token, by claim name."""

    userinfo: Mapping[str, Wish] = field(default_factory=dict)
    id_token: Mapping[str, Wish] = field(default_factory=dict)

    def scopes(self, client: Client) -> list[str]:
        """The scopes of what the client may have of it: what a member's consent must cover."""
        names = [*self.userinfo, *self.id_token]
        return list(dict.fromkeys(scope for _, scope in _allowed(names, client)))

    def granted(self, client: Client) -> dict[str, list[str]] | None:
        """What the client may have of it, as its grant keeps it; ``None`` when that is nothing."""
        found = {
            target: [name for name, _ in _allowed(getattr(self, target), client)]
            for target in TARGETS
        }
        return found if any(found.values()) else None


NOTHING = RequestedClaims()


def parse(text: str) -> RequestedClaims:
    """Read the parameter. Raises ``InvalidRequest``.

    Members that are not understood are ignored, as the specification has it; what is understood
    must be of its form.
    """
    try:
        given = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("The claims parameter is no JSON.") from None
    if not isinstance(given, dict):
        raise InvalidRequest("The claims parameter must be a JSON object.")
    return RequestedClaims(*(_wishes(target, given.get(target, {})) for target in TARGETS))


def _wishes(target: str, given: Any) -> dict[str, Wish]:
    if not isinstance(given, dict):
        raise InvalidRequest(f"In the claims parameter {target} must be an object.")
    if len(given) > MOST_CLAIMS:
        raise InvalidRequest(f"The claims parameter asks for more than {MOST_CLAIMS} claims.")
    return {name: _wish(wish) for name, wish in given.items()}


def _wish(given: Any) -> Wish:
    if given is None:
        return Wish()
    if not isinstance(given, dict):
        raise InvalidRequest("In the claims parameter each claim must be null or an object.")
    essential = given.get("essential", False)
    if not isinstance(essential, bool):
        raise InvalidRequest("In the claims parameter essential must be true or false.")
    if "value" in given and "values" in given:
        raise InvalidRequest("In the claims parameter a claim has value or values, not both.")
    if "value" in given:
        return Wish(essential, (given["value"],))
    values = given.get("values")
    if "values" in given and not isinstance(values, list):
        raise InvalidRequest("In the claims parameter values must be an array.")
    return Wish(essential, None if values is None else tuple(values))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two members of one name, two readers take one each (RFC 8259, 4).
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is given twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _allowed(names: Iterable[str], client: Client) -> list[tuple[str, str]]:
    # `sub` comes always: to ask for it gives nothing.
    known = set(client.scopes.split()) - {"openid"}
    scopes = ((name, claims.scope_of(name, client.claim_map)) for name in names)
    return [(name, scope) for name, scope in scopes if scope in known]
