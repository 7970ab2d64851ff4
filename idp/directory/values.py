"""What values a contact may have: each is checked where it is set, whoever sets it."""

import re
import unicodedata
from urllib.parse import urlsplit

import email_validator
import nh3

KEY_LENGTH = 100
TEXT_LENGTH = 255
EMAIL_LENGTH = 254
URL_LENGTH = 500
BIO_LENGTH = 20_000
PHONE_TYPE_LENGTH = 30
_KEY = re.compile(r"[^\s\x00-\x1f\x7f]{1,100}")
# How the authorization server names clients: whom a token speaks for must never be in doubt, so
# no contact has such a key (RFC 9700, 4.15).
_CLIENT_ID = re.compile(r"client-[0-9a-f]{24}")


class InvalidValue(ValueError):
    """A value that a contact cannot have. ``reason`` is a stable code, the text a sentence."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(message)


def checked_key(value: str) -> str:
    """A key as given, byte for byte: 1 to 100 characters without white space or controls.

    Raises ``InvalidValue``.
    """
    if _CLIENT_ID.fullmatch(well_formed_key("key", value)):
        raise InvalidValue("key", "reserved_key", "A key of this form names a client.")
    return value


def well_formed_key(field: str, value: str) -> str:
    """A key as given that has the form of one, whatever it names. Raises ``InvalidValue``."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise InvalidValue(
            field, "invalid_key", "A key has 1 to 100 characters and no white space."
        )
    return value


def checked_text(field: str, value: str, longest: int = TEXT_LENGTH) -> str:
    """A line of text without control characters (a line break becomes one).

    Raises ``InvalidValue`` when it is longer than ``longest`` characters.
    """
    if value.isprintable():  # nearly all are: no control character is
        text = value.strip()
    else:
        text = "".join(
            character
            for character in value.replace("\r\n", "\n").strip()
            if character == "\n" or unicodedata.category(character) != "Cc"
        )
    if len(text) > longest:
        raise InvalidValue(field, "too_long", f"Longer than {longest} characters.")
    return text


def one_line(value: str) -> str:
    """A text as an input of one line shows it. Browsers drop line breaks there, and the words
    beside them would become one."""
    return value.replace("\n", " ")


def checked_email(value: str) -> str:
    """An e-mail address as its owner writes it, or an empty text. Raises ``InvalidValue``.

    Only the form is checked: whether mail arrives is known by sending one.
    """
    value = value.strip()
    if not value:
        return ""
    try:
        email_validator.validate_email(value, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise InvalidValue("email", "invalid_email", str(error)) from None
    return value


def email_key(address: str) -> str:
    """What two spellings of one e-mail address have in common: they sign in the same account."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()


def checked_web_address(field: str, value: str) -> str:
    """An http(s) address or an empty text. Raises ``InvalidValue``: nothing else is a web address
    (a ``javascript:`` one would run in the reader's browser)."""
    value = value.strip()
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        parts, host = None, None
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not host
        or len(value) > URL_LENGTH
        or any(character.isspace() or ord(character) < 32 for character in value)
    ):
        raise InvalidValue(field, "invalid_url", "Not a web address: it starts with https://")
    return value


def cleaned_bio(value: str) -> str:
    """Rich text with everything dangerous taken out. Raises ``InvalidValue`` when too long."""
    if len(value) > BIO_LENGTH:
        raise InvalidValue("bio", "too_long", f"Longer than {BIO_LENGTH} characters.")
    value = value.replace("\r\n", "\n").replace("\x00", "").strip()
    if "<" not in value and "&" not in value:
        return value
    html = harmless_html(value)
    if len(html) > BIO_LENGTH:  # each & became &amp;
        raise InvalidValue("bio", "too_long", f"Longer than {BIO_LENGTH} characters.")
    return html


def harmless_html(value: str) -> str:
    """Rich text or plain text as HTML with everything dangerous taken out."""
    return nh3.clean(
        value,
        tags={"a", "b", "br", "em", "i", "li", "ol", "p", "strong", "u", "ul"},
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
    )
