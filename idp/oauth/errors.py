"""What the protocol endpoints refuse: one class for each error, in the RFCs' own names.

``description`` is for the far side: a sentence that a site's developer can act on, in the
characters that RFC 6749, 5.2 allows. ``detail`` is for the log alone.
"""

from authlib.oauth2 import OAuth2Error


class ProtocolError(OAuth2Error):  # type: ignore[misc]
    """Base of our refusals; Authlib's server turns each into its response."""

    status_code = 400

    def __init__(self, description: str, *, detail: str = "") -> None:
        super().__init__(description)
        self.detail = detail


class InvalidRequest(ProtocolError):
    """Malformed, repeated, missing or contradicting parameters (RFC 6749, 4.1.2.1 and 5.2)."""

    error = "invalid_request"


class TooLarge(InvalidRequest):
    """More than any honest request of this protocol has."""

    status_code = 413


class TooManyRequests(ProtocolError):
    """So much came from one network, or was refused to it, that it has to wait (RFC 6585, 4)."""

    error = "temporarily_unavailable"
    status_code = 429

    def get_headers(self) -> list[tuple[str, str]]:
        """Say when to come again (RFC 9110, 10.2.3)."""
        return [*super().get_headers(), ("Retry-After", "60")]


class InvalidClient(ProtocolError):
    """The client is unknown, or did not prove who it is (RFC 6749, 5.2)."""

    error = "invalid_client"
    status_code = 401

    def get_headers(self) -> list[tuple[str, str]]:
        """Name the scheme to authenticate with, as a 401 must (RFC 9110, 11.6.1)."""
        return [*super().get_headers(), ("WWW-Authenticate", 'Basic realm="token endpoint"')]


class InvalidGrant(ProtocolError):
    """A code or refresh token that gives nothing, or no more (RFC 6749, 5.2)."""

    error = "invalid_grant"


class InvalidScope(ProtocolError):
    """A scope that this client cannot have (RFC 6749, 4.1.2.1)."""

    error = "invalid_scope"


class UnsupportedGrantType(ProtocolError):
    """A grant that this server does not speak (RFC 6749, 5.2)."""

    error = "unsupported_grant_type"


class UnsupportedResponseType(ProtocolError):
    """Anything but ``code`` (RFC 6749, 4.1.2.1)."""

    error = "unsupported_response_type"


class AccessDenied(ProtocolError):
    """This member may not sign in at this client (RFC 6749, 4.1.2.1)."""

    error = "access_denied"


class LoginRequired(ProtocolError):
    """``prompt=none``, but somebody would have to sign in (OpenID Connect Core, 3.1.2.6)."""

    error = "login_required"


class ConsentRequired(ProtocolError):
    """``prompt=none``, but the member would have to be asked (OpenID Connect Core, 3.1.2.6)."""

    error = "consent_required"


class UnmetAuthenticationRequirements(ProtocolError):
    """The member cannot sign in as the client insists (OpenID Connect Core Error Code
    unmet_authentication_requirements 1.0)."""

    error = "unmet_authentication_requirements"


class RequestNotSupported(ProtocolError):
    """Request objects are not taken (OpenID Connect Core, 3.1.2.6)."""

    error = "request_not_supported"


class RequestUriNotSupported(ProtocolError):
    """Requests by reference are not taken (OpenID Connect Core, 3.1.2.6)."""

    error = "request_uri_not_supported"


class InvalidRequestUri(ProtocolError):
    """A pushed request that is not, or no more, there (OpenID Connect Core, 3.1.2.6)."""

    error = "invalid_request_uri"


class BearerError(ProtocolError):
    """Base of what a resource answers to a bearer (RFC 6750, 3)."""

    def get_headers(self) -> list[tuple[str, str]]:
        """Say what is wrong in ``WWW-Authenticate`` (RFC 6750, 3)."""
        challenge = f'Bearer realm="userinfo", error="{self.error}"'
        challenge += f', error_description="{self.description}"'
        return [*super().get_headers(), ("WWW-Authenticate", challenge)]


class InvalidToken(BearerError):
    """The access token is unknown, expired, or was ended (RFC 6750, 3.1)."""

    error = "invalid_token"
    status_code = 401


class InsufficientScope(BearerError):
    """The access token does not reach that far (RFC 6750, 3.1)."""

    error = "insufficient_scope"
    status_code = 403


class NoToken(InvalidToken):
    """No token came: the answer names the scheme and no error (RFC 6750, 3.1)."""

    def get_headers(self) -> list[tuple[str, str]]:
        """Name the scheme alone."""
        kept = [pair for pair in super().get_headers() if pair[0] != "WWW-Authenticate"]
        return [*kept, ("WWW-Authenticate", 'Bearer realm="userinfo"')]
