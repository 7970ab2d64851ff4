"""The checks of the authorization endpoint, in the order in which they are made.

Each is one rule with one name; each raises, and the endpoint decides what a refusal looks like.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from idp.database import now
from idp.oauth import consents, grants, id_tokens, known_clients, reauthentication
from idp.oauth.clients import Client
from idp.oauth.errors import (
    AccessDenied,
    ConsentRequired,
    InvalidRequest,
    InvalidScope,
    LoginRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    UnsupportedResponseType,
)
from idp.oauth.parameters import Parameters
from idp.signin import sessions
from idp.signin.sessions import SignedIn

# Base64url of 32 bytes (RFC 7636, 4.2 with S256).
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass
class Authorization:
    """A request that may be answered to its client, and what the checks made of it."""

    parameters: Parameters
    client: Client
    redirect_uri: str
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    hinted_subject: str | None = None
    pushed: bool = False
    sign_in: SignedIn | None = None
    reference: Parameters | None = None

    @property
    def carried(self) -> Parameters:
        """What a way over another page of ours carries: a pushed request, as its reference."""
        return self.parameters if self.reference is None else self.reference

    @property
    def scope_to_allow(self) -> str:
        """What the member's consent has to cover (``consents.needed``)."""
        scope = self.client.get_allowed_scope(self.parameters.get("scope")) or ""
        return consents.needed(self.client, scope)

    @property
    def silent(self) -> bool:
        """Whether no page may be shown (OpenID Connect Core, 3.1.2.1)."""
        return "none" in self.prompts


class SignInNeeded(Exception):
    """Somebody has to sign in first; ``again`` when somebody is signed in already."""

    def __init__(self, *, again: bool) -> None:
        self.again = again
        super().__init__()


class NotPermitted(Exception):
    """The member is in none of the groups that the client is for."""


class ConsentNeeded(Exception):
    """The member has to be asked first whether the client may know what it asks for."""


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
    asked.hinted_subject = hint.subject


# Checks of who is signed in.


def check_signed_in(asked: Authorization) -> None:
    """Somebody is signed in here."""
    asked.sign_in = sessions.signed_in()
    if asked.sign_in is None:
        _need_sign_in(asked, again=False)


def check_sign_in_is_fresh(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1: ``prompt=login`` and ``max_age`` ask for a new sign-in.

    A sign-in that came after we had sent the browser to it for this client is new enough,
    whatever ``max_age`` says: with 0 there would be no end.
    """
    if asked.sign_in is None:
        return
    age = (now() - asked.sign_in.started_at).total_seconds()
    too_old = asked.max_age is not None and age > asked.max_age
    if not too_old and not asked.prompts & {"login", "select_account"}:
        return
    if not _signed_in_since_asked(asked):
        _need_sign_in(asked, again=True)


def check_hinted_person(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.1: with a hint, that person or none (B23)."""
    if asked.sign_in is None or asked.hinted_subject in (None, asked.sign_in.subject):
        return
    if _signed_in_since_asked(asked):
        raise LoginRequired("Another member than the hinted one is signed in.")
    _need_sign_in(asked, again=True)


def check_permitted(asked: Authorization) -> None:
    """A client may be for the members of some groups alone; what it had of others ends by itself
    (``grants.alive``)."""
    if not asked.client.restricted or asked.sign_in is None:
        return
    if grants.is_permitted(asked.client, asked.sign_in.person_id):
        return
    if asked.silent:
        raise AccessDenied("The member is in none of the groups that may sign in here.")
    raise NotPermitted


def check_consent(asked: Authorization) -> None:
    """OpenID Connect Core, 3.1.2.4: who is not the association's own site needs the member's leave.

    It covers what was allowed before; more, or ``prompt=consent``, is asked about again.
    """
    client = asked.client
    if not client.consent_required or asked.sign_in is None:
        return
    if "consent" not in asked.prompts and consents.covers(
        asked.sign_in.account_id, client, asked.scope_to_allow
    ):
        return
    if asked.silent:
        raise ConsentRequired("The member has to be asked first.")
    raise ConsentNeeded


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
)

SIGN_IN_CHECKS: tuple[Check, ...] = (
    check_pushed,
    check_signed_in,
    check_sign_in_is_fresh,
    check_hinted_person,
    check_permitted,
    check_consent,
)


def _signed_in_since_asked(asked: Authorization) -> bool:
    asked_at = reauthentication.asked_at(asked.parameters, asked.client)
    return (
        asked_at is not None and asked.sign_in is not None and asked.sign_in.started_at >= asked_at
    )


def _need_sign_in(asked: Authorization, *, again: bool) -> None:
    if asked.silent:
        raise LoginRequired("The member has to sign in.")
    raise SignInNeeded(again=again)
