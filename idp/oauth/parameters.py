"""The parameters of a protocol request, read strictly: what is odd is refused, never guessed at.

Werkzeug's own reading takes the first of two equal names and mends broken UTF-8; both let two
readers of one request see two different requests.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from idp.oauth.errors import InvalidRequest, TooLarge
from idp.oauth.issuer import issuer

LONGEST_VALUE = 2048
LONGEST_BODY = 64 * 1024
MOST_PARAMETERS = 60
FORM = "application/x-www-form-urlencoded"

Parameters = dict[str, str]

OF_AUTHORIZATION = (
    *"response_type response_mode client_id redirect_uri scope state nonce code_challenge".split(),
    *"code_challenge_method prompt max_age login_hint id_token_hint ui_locales claims".split(),
)
"""What of an authorization request is kept; unknown parameters are ignored (RFC 6749, 3.1)."""


def of_query() -> Parameters:
    """The parameters of the query string. Raises ``InvalidRequest``."""
    return _read(request.query_string)


def of_form() -> Parameters:
    """The parameters of the body. Raises ``InvalidRequest``, ``TooLarge``.

    Those of a query string beside it count for nothing: RFC 6749, 2.3.1 and 3.2.
    """
    if request.mimetype != FORM:
        raise InvalidRequest(f"The body must be {FORM}.")
    request.max_content_length = LONGEST_BODY
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise TooLarge("The body is too large.") from None
    return _read(body)


def of_request() -> Parameters:
    """The parameters of a request that may come either way. Raises ``InvalidRequest``."""
    return of_form() if request.method == "POST" else of_query()


def of_text(query: str) -> Parameters:
    """The parameters of a query string that a form of ours carried. Raises ``InvalidRequest``."""
    return _read(query.encode())


def _read(raw: bytes) -> Parameters:
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise InvalidRequest("The parameters are not valid UTF-8.") from None
    except ValueError:
        raise InvalidRequest("There are too many parameters.") from None
    return checked(pairs)


def checked(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Parameters of which each is there once and none is monstrous. Raises ``InvalidRequest``."""
    found: Parameters = {}
    seen: set[str] = set()
    for name, value in pairs:
        # RFC 6749, 3.1: a parameter must not be included more than once.
        if name in seen:
            raise InvalidRequest("A parameter is given more than once.", detail=name[:100])
        seen.add(name)
        if len(name) > LONGEST_VALUE or len(value) > LONGEST_VALUE:
            raise InvalidRequest(f"A parameter is longer than {LONGEST_VALUE} characters.")
        if "\x00" in name or "\x00" in value:
            raise InvalidRequest("A parameter holds a NUL character.")
        # RFC 6749, 3.1: a parameter without a value is treated as if it were omitted.
        if value:
            found[name] = value
    return found


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib wants it, over parameters that were read strictly.

    ``sign_in`` and ``requested_claims`` are set at the authorization endpoint: the sign-in that
    the grant stands on, and the single claims that it gives. ``secret`` is the one that a client
    authenticated by, if by one; ``looked_up``, ``brought_code`` and ``issued`` are of the token
    endpoint: what is known of a code or refresh token, a code that was judged and not yet claimed,
    and the answer that is not yet kept.
    """

    def __init__(self, parameters: Parameters) -> None:
        # The public address, not the request's: behind a proxy the latter is plain http.
        super().__init__(
            method=request.method, uri=issuer() + request.path, headers=request.headers
        )
        self.payload = BasicOAuth2Payload(parameters)
        self.sign_in: Any = None
        self.requested_claims: dict[str, list[str]] | None = None
        self.secret: Any = None
        self.looked_up: Any = None
        self.brought_code: Any = None
        self.issued: dict[str, Any] = {}

    @property
    def form(self) -> Parameters:
        """The parameters; which part of the request may carry them is the endpoint's choice."""
        return dict(self.payload.data)

    @property
    def args(self) -> Parameters:
        """The same parameters."""
        return self.form
