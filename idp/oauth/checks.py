"""The checks of the authorization endpoint, in the order in which they are made.

Each is one rule with one name; each raises, and the endpoint decides what a refusal looks like.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from idp.oauth import authentication_context, consents, id_tokens, known_clients, requested_claims
from idp.oauth.clients import Client
from idp.oauth.errors import (
    InvalidRequest,
    InvalidScope,
    RequestNotSupported,
    RequestUriNotSupported,
    UnmetAuthenticationRequirements,
    UnsupportedResponseType,
)
from idp.oauth.parameters import Parameters
from idp.oauth.requested_claims import RequestedClaims
from idp.signin.sessions import SignedIn

# Base64url of 32 bytes (RFC 7636, 4.2 with S256).
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass
class Authorization:
    """A request that may be answered to its client, and what the checks made of it.

    ``hinted`` is the key that an ID token of ours names, ``subjects`` are the keys that are asked
    for by their value; ``None`` for anybody.
    """

    parameters: Parameters
    client: Client
    redirect_uri: str
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    hinted: str | None = None
    subjects: frozenset[str] | None = None
    requested: RequestedClaims = requested_claims.NOTHING
    pushed: bool = False
    sign_in: SignedIn | None = None
    reference: Parameters | None = None

    @property
    def carried(self) -> Parameters:
        """What a way over another page of ours carries: a pushed request, as its reference."""
        return self.parameters if self.reference is None else self.reference

    @property
    def scope_to_allow(self) -> str:
        """What the member's consent has to cover (``consents.needed``).

        A claim that is asked for by its name needs the leave that its whole scope does: nobody
        gets past the member by the ``claims`` parameter.
        """
        scope = self.client.get_allowed_scope(self.parameters.get("scope")) or ""
        return consents.needed(self.client, [*scope.split(), *self.requested.scopes(self.client)])

    @property
    def silent(self) -> bool:
        """Whether no page may be shown (OpenID Connect Core, 3.1.2.1)."""
        return "none" in self.prompts


# Checks whose failure is a page.


def check_client(given: Parameters) -> Client:
    """RFC 6749, 4.1.2.1: an unknown client is never redirected to."""
    client = known_clients.find_active(given.get("client_id", ""))
    if client is None:
        raise InvalidRequest("The site is not registered here (client_id).")
    return client


def check_redirect_uri(given: Parameters, client: Client) -> str:
    """RFC 9700, 2.1: the redirect URI is one of the client's, compared as a whole text."""
    redirect_uri = given.get("redirect_uri")
    if redirect_uri is None:
        raise InvalidRequest("The request names no redirect_uri.", detail=client.client_id)
    if not client.check_redirect_uri(redirect_uri):
        raise InvalidRequest(
            "The redirect_uri is not one of those registered for the site.",
            detail=f"{client.client_id}: {redirect_uri[:300]}",
        )
    return redirect_uri


# Checks whose failure is told to the client.


def check_request_object(asked: Authorization) -> None:
    """OpenID Connect Core, 6: neither form is taken, and neither is silently ignored (B33, B34).

    A ``request_uri`` of ours stands for what was pushed and does not get here (RFC 9126).
    """
    if "request" in asked.parameters:
        raise RequestNotSupported("Request objects are not supported.")
    if "request_uri" in asked.parameters:
        raise RequestUriNotSupported("Requests by reference are not supported.")


def check_pushed(asked: Authorization) -> None:
    """RFC 9126, 5: a client may be held to pushing its requests."""
    if asked.client.pushed_required and not asked.pushed:
        raise InvalidRequest("This client has to push its authorization requests.")


def check_response_type(asked: Authorization) -> None:
    """RFC 9700, 2.1.2: the code flow, nothing implicit."""
    response_type = asked.parameters.get("response_type")
    if response_type is None:
        raise InvalidRequest("The request names no response_type.")
    if response_type != "code":
        raise UnsupportedResponseType("The response_type must be code.")


def check_response_mode(asked: Authorization) -> None:
    """The default of the code flow alone (OAuth 2.0 Multiple Response Types, 2.1)."""
    if asked.parameters.get("response_mode", "query") != "query":
        raise InvalidRequest("The response_mode must be query.")


def check_scope(asked: Authorization) -> None:
    """RFC 6749, 3.3: something must be left of what is asked for."""
    if asked.client.get_allowed_scope(asked.parameters.get("scope")) is None:
        raise InvalidScope("The request names no scope that this client may have.")


def check_pkce(asked: Authorization) -> None:
    """RFC 9700, 2.1.1: PKCE with S256; a challenge without a method would mean ``plain``."""
    challenge = asked.parameters.get("code_challenge")
    method = asked.parameters.get("code_challenge_method")
    if challenge is None:
        if asked.client.pkce_required:
            raise InvalidRequest("PKCE is required: the request names no code_challenge.")
        if method is not None:
            raise InvalidRequest("There is a code_challenge_method without a code_challenge.")
        return
    if method != "S256":
        raise InvalidRequest("The code_challenge_method must be S256.")
    if not _S256_CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("The code_challenge is no SHA-256 in base64url.")


def check_prompt(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1: ``none`` stands alone."""
    asked.prompts = frozenset(asked.parameters.get("prompt", "").split())
    if not asked.prompts <= _PROMPTS:
        raise InvalidRequest("The prompt holds a value that is not known.")
    if asked.silent and len(asked.prompts) > 1:
        raise InvalidRequest("The prompt none cannot be combined with another.")


def check_max_age(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1: whole seconds."""
    text = asked.parameters.get("max_age")
    if text is None:
        return
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidRequest("The max_age must be a number of seconds.")
    asked.max_age = int(text)


def check_id_token_hint(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1: a hint must be an ID token that we gave to this client."""
    text = asked.parameters.get("id_token_hint")
    if text is None:
        return
    hint = id_tokens.decode_hint(text)
    if hint.audience != asked.client.client_id:
        raise InvalidRequest("The id_token_hint was made for another client.")
    asked.hinted = hint.subject


def check_claims(asked: Authorization) -> None:
    """OpenID Connect Core, 5.5; without ``openid`` it is no request of OpenID Connect.

    A ``sub`` that is asked for means that person or none (3.1.2.2). An ``acr`` that is essential
    and none of ours cannot be reached by signing in (5.5.1.1).
    """
    text = asked.parameters.get("claims")
    if text is None:
        return
    requested = requested_claims.parse(text)
    if "openid" not in asked.parameters.get("scope", "").split():
        return
    asked.requested = requested
    acr = requested.id_token.get("acr")
    if (
        acr is not None
        and acr.essential
        and not any(map(acr.met_by, authentication_context.ACR_VALUES))
    ):
        raise UnmetAuthenticationRequirements("No sign-in here is of the acr that is essential.")
    for target in (requested.userinfo, requested.id_token):
        if "sub" in target and target["sub"].values is not None:
            meant = frozenset(one for one in target["sub"].values if isinstance(one, str))
            asked.subjects = meant if asked.subjects is None else asked.subjects & meant


Check = Callable[[Authorization], None]

CHECKS: tuple[Check, ...] = (
    check_request_object,
    check_response_type,
    check_response_mode,
    check_scope,
    check_pkce,
    check_prompt,
    check_max_age,
    check_id_token_hint,
    check_claims,
)
