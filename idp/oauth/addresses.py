"""Addresses that a client registers: where browsers are sent, and where the client is told things.

Each is judged when it is registered, so that nothing has to be judged again when it is used.
"""

import ipaddress
import re
import string
from urllib.parse import urlsplit

from idp.directory.contacts import InvalidValue
from idp.networks import is_internal
from idp.networks import is_loopback as is_loopback_address
from idp.oauth.issuer import issuer
from idp.settings import is_loopback

LONGEST_URI = 2000
# Loopback by address; the name localhost may be resolved to something else (RFC 8252, 8.3).
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})
_HOST_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._:[]")
_SCHEME_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "+-.")


def checked_uri(field: str, value: str) -> str:
    """An address that a browser may be sent to: absolute, https (http on loopback), no fragment.

    Raises ``InvalidValue`` (RFC 6749, 3.1.2; RFC 9700, 2.1 and 4.1).
    """
    _check_text(field, value)
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise _refused(field, "invalid_uri", value, "it is no web address.") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise _refused(field, "invalid_uri", value, "it must begin with https:// and name a host.")
    if parts.scheme == "http" and not is_loopback(value):
        raise _refused(field, "not_https", value, "http is for loopback addresses; use https.")
    if parts.username is not None or parts.password is not None:
        raise _refused(field, "credentials", value, "it must hold no user name or password.")
    # The host is named in a Content-Security-Policy, where ; would begin another rule.
    if not set(parts.netloc) <= _HOST_CHARACTERS | {"*"}:
        raise _refused(field, "invalid_uri", value, "its host holds characters that no host has.")
    if "*" in host:
        raise _refused(field, "wildcard", value, "every address is written out, without wildcards.")
    return value


def checked_redirect_uri(field: str, value: str, *, app: bool) -> str:
    """A redirect URI; an app's may have a scheme of its own, ``com.example.app:/…``.

    Raises ``InvalidValue`` (RFC 8252, 7.1).
    """
    scheme = value.partition(":")[0]
    if not app or "." not in scheme or not set(scheme) <= _SCHEME_CHARACTERS:
        return checked_uri(field, value)
    _check_text(field, value)
    if not value[len(scheme) :].startswith(":/") or value[len(scheme) :].startswith("://"):
        # RFC 8252, 7.1: no authority, so a single slash follows the scheme.
        raise _refused(
            field, "invalid_uri", value, "an app's own scheme is followed by :/ and a path."
        )
    return value


def checked_server_uri(field: str, value: str) -> str:
    """An address that this server itself sends to (back-channel logout): no internal address.

    Raises ``InvalidValue``. Names are resolved, and judged again, when it is used (BC6).
    """
    checked_uri(field, value)
    host = urlsplit(value).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return value
    # Our own machine is where demonstrations and tests are, and nothing else.
    if is_internal(address) and not (is_loopback_address(address) and is_loopback(issuer())):
        raise _refused(field, "internal_address", value, "it is an address of an inner network.")
    return value


def matches_on_any_port(asked: str, registered: str) -> bool:
    """Whether a redirect URI is an app's registered one: on loopback, by IP address, the port is
    free, since an app takes whichever it gets (RFC 8252, 7.3). The rest is compared as it is."""
    if asked == registered:
        return True
    ours = urlsplit(registered)
    if ours.scheme != "http" or ours.hostname not in LOOPBACK_ADDRESSES:
        return False
    # Compared as texts: who takes addresses apart leaves out line breaks, which would then stand
    # in the Location header.
    host = f"[{ours.hostname}]" if ":" in ours.hostname else ours.hostname
    rest = registered[len("http://") + len(ours.netloc) :]
    any_port = re.compile(rf"http://{re.escape(host)}(:[0-9]{{1,5}})?{re.escape(rest)}")
    return any_port.fullmatch(asked) is not None


def _check_text(field: str, value: str) -> None:
    if len(value) > LONGEST_URI:
        raise _refused(field, "too_long", value, f"it is longer than {LONGEST_URI} characters.")
    if not value.isascii() or any(ord(character) <= 32 or character == "\\" for character in value):
        raise _refused(
            field, "invalid_uri", value, "white space, backslashes and non-ASCII must be encoded."
        )
    if "#" in value:
        raise _refused(field, "fragment", value, "it must not have a fragment (#).")


def _refused(field: str, reason: str, value: str, why: str) -> InvalidValue:
    shown = value if len(value) <= 200 else value[:200] + "…"
    return InvalidValue(field, reason, f"“{shown}” cannot be used: {why}")
