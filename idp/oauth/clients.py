"""Clients: the sites that sign members in here."""

import datetime as dt
import hmac
import secrets
import string
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import CheckConstraint, String, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from idp import audit
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory import contacts
from idp.directory.contacts import InvalidValue, checked_text
from idp.settings import is_loopback
from idp.signin.sessions import hashed

Template = Literal["higher-logic", "oidc"]
TEMPLATES: tuple[Template, ...] = ("higher-logic", "oidc")
HIGHER_LOGIC: Template = "higher-logic"

SCOPES: dict[Template, str] = {
    # Higher Logic asks for `profile` alone, without `openid`.
    "higher-logic": "profile openid email",
    "oidc": "openid profile email phone address offline_access",
}
AUTHENTICATION_METHODS = ("client_secret_basic", "client_secret_post")
LONGEST_URI = 2000
_HOST_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._:[]")
_CHANGEABLE = frozenset(
    {
        "name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "frontchannel_logout_uri",
        "identifier_attribute",
        "pkce_required",
    }
)


class Client(Base, ClientMixin):  # type: ignore[misc]
    """A site that signs members in here; ``client_id`` is its name in the protocol.

    The secret is kept as a hash; it has 256 bits of its own, so a plain one is enough.
    Redirect URIs are compared as whole texts (RFC 9700, 2.1).
    """

    __tablename__ = "oauth_client"
    __table_args__ = (
        CheckConstraint("template IN ('higher-logic', 'oidc')", name="template"),
        # RFC 9700, 2.1.1: only where the far side cannot.
        CheckConstraint("pkce_required OR template = 'higher-logic'", name="pkce"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    template: Mapped[str] = mapped_column(String(20))
    secret_hash: Mapped[str] = mapped_column(String(64))
    redirect_uris: Mapped[list[str]] = mapped_column(JSONDocument)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSONDocument, default=list)
    frontchannel_logout_uri: Mapped[str | None] = mapped_column(String(LONGEST_URI))
    scopes: Mapped[str] = mapped_column(String(255))
    identifier_attribute: Mapped[str] = mapped_column(String(64), default="sub")
    pkce_required: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    disabled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    @property
    def active(self) -> bool:
        """Whether the client may use this server."""
        return self.disabled_at is None

    @property
    def is_higher_logic(self) -> bool:
        """Whether it was made from the Higher Logic template."""
        return self.template == HIGHER_LOGIC

    @validates("name")
    def _name(self, _name: str, value: str) -> str:
        text = checked_text("name", value or "")
        if not text:
            raise InvalidValue("name", "missing_name", "A client needs a name.")
        return text

    @validates("redirect_uris")
    def _redirect_uris(self, name: str, value: Sequence[str]) -> list[str]:
        if not value:
            raise InvalidValue(name, "missing_uri", "A client needs at least one redirect URI.")
        return [checked_uri(name, uri) for uri in dict.fromkeys(value)]

    @validates("post_logout_redirect_uris")
    def _post_logout_redirect_uris(self, name: str, value: Sequence[str]) -> list[str]:
        return [checked_uri(name, uri) for uri in dict.fromkeys(value)]

    @validates("frontchannel_logout_uri")
    def _frontchannel_logout_uri(self, name: str, value: str | None) -> str | None:
        return checked_uri(name, value) if value else None

    @validates("identifier_attribute")
    def _identifier_attribute(self, name: str, value: str) -> str:
        if not (value.isascii() and value.replace("_", "").isalnum() and len(value) <= 64):
            raise InvalidValue(
                name, "invalid_name", "The identifier attribute is letters, digits and _."
            )
        return value

    # What Authlib asks of a client.

    def get_client_id(self) -> str:
        """The name of the client in the protocol."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: where to send a code is always said in full (OpenID Connect Core, 3.1.2.1)."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of a requested scope the client may have, ``None`` when that is nothing.

        What is not understood is left out (OpenID Connect Core, 3.1.2.1); a Higher Logic client
        that names no scope means ``profile`` (RFC 6749, 3.3).
        """
        if not scope:
            return "profile" if self.is_higher_logic else None
        allowed = self.scopes.split()
        return " ".join(part for part in dict.fromkeys(scope.split()) if part in allowed) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is one of the client's, as a whole text (RFC 9700, 2.1)."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether the secret is the client's; takes equally long whatever is wrong with it."""
        return hmac.compare_digest(self.secret_hash, hashed(client_secret))

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Basic and post, at every endpoint; none is no method (all clients have secrets)."""
        return method in AUTHENTICATION_METHODS

    def check_response_type(self, response_type: str) -> bool:
        """The code flow alone (RFC 9700, 2.1.2)."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Codes, and refresh tokens for a client that may work offline."""
        if grant_type == "refresh_token":
            return "offline_access" in self.scopes.split()
        return grant_type == "authorization_code"


def create(
    name: str,
    template: str,
    redirect_uris: Sequence[str],
    post_logout_redirect_uris: Sequence[str] = (),
    frontchannel_logout_uri: str | None = None,
) -> tuple[Client, str]:
    """Make a client; gives it and its secret, which is readable here and never again.

    Raises ``InvalidValue``.
    """
    for known in TEMPLATES:
        if template == known:
            break
    else:
        raise InvalidValue(
            "template", "unknown_template", f"A template is one of {', '.join(TEMPLATES)}."
        )
    secret = secrets.token_urlsafe(32)
    client = Client(
        client_id=_new_client_id(),
        name=name,
        template=known,
        secret_hash=hashed(secret),
        redirect_uris=list(redirect_uris),
        post_logout_redirect_uris=list(post_logout_redirect_uris),
        frontchannel_logout_uri=frontchannel_logout_uri,
        scopes=SCOPES[known],
        pkce_required=known != HIGHER_LOGIC,
    )
    db.session.add(client)
    audit.record(
        audit.Event.CLIENT_CREATED, client.client_id, name=client.name, template=client.template
    )
    return client, secret


def change(client: Client, **values: Any) -> Client:
    """Change a client's name, addresses, identifier attribute or PKCE rule; ``active=False``
    puts it out of use, which ends its tokens at once.

    Raises ``InvalidValue``, and ``TypeError`` for what cannot be changed.
    """
    active = values.pop("active", None)
    if unknown := values.keys() - _CHANGEABLE:
        raise TypeError(f"a client's {', '.join(sorted(unknown))} cannot be changed")
    if values.get("pkce_required") is False and not client.is_higher_logic:
        raise InvalidValue(
            "pkce_required", "pkce_required", "Only a Higher Logic client may go without PKCE."
        )
    changed: dict[str, Any] = {}
    for name, value in values.items():
        before = getattr(client, name)
        setattr(client, name, value)
        if getattr(client, name) != before:
            changed[name] = [before, getattr(client, name)]
    if active is not None and active != client.active:
        client.disabled_at = None if active else now()
        changed["active"] = [not active, active]
    if changed:
        audit.record(audit.Event.CLIENT_CHANGED, client.client_id, changed=changed)
    return client


def new_secret(client: Client) -> str:
    """Give a client another secret, readable here and never again; the old one is void."""
    secret = secrets.token_urlsafe(32)
    client.secret_hash = hashed(secret)
    audit.record(audit.Event.CLIENT_SECRET_CHANGED, client.client_id)
    return secret


def find(client_id: str) -> Client | None:
    """The client with this ``client_id``, in use or not."""
    return db.session.scalar(select(Client).where(Client.client_id == client_id))


def every() -> Sequence[Client]:
    """All clients by name."""
    return db.session.scalars(select(Client).order_by(Client.name, Client.id)).all()


def checked_uri(field: str, value: str) -> str:
    """An address that a browser may be sent to: absolute, https (http on loopback), no fragment.

    Raises ``InvalidValue`` (RFC 6749, 3.1.2; RFC 9700, 2.1 and 4.1).
    """

    def refuse(reason: str, why: str) -> InvalidValue:
        return InvalidValue(field, reason, f"{value[:200]!r} cannot be used: {why}")

    if len(value) > LONGEST_URI:
        raise refuse("too_long", f"it is longer than {LONGEST_URI} characters.")
    if not value.isascii() or any(ord(character) <= 32 or character == "\\" for character in value):
        raise refuse("invalid_uri", "white space, backslashes and non-ASCII must be encoded.")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise refuse("invalid_uri", "it is no web address.") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise refuse("invalid_uri", "it must begin with https:// and name a host.")
    if parts.scheme == "http" and not is_loopback(value):
        raise refuse("not_https", "http is for loopback addresses only; use https.")
    if "#" in value:
        raise refuse("fragment", "it must not have a fragment (#).")
    if parts.username is not None or parts.password is not None:
        raise refuse("credentials", "it must not hold a user name or password.")
    # The host is named in a Content-Security-Policy, where ; would begin another rule.
    if not set(parts.netloc) <= _HOST_CHARACTERS | {"*"}:
        raise refuse("invalid_uri", "its host holds characters that no host has.")
    if "*" in host:
        raise refuse("wildcard", "every address is written out; there are no wildcards.")
    return value


def _new_client_id() -> str:
    # S18: a client must never be taken for a person. Keys can be imported, so we look.
    while True:
        client_id = f"client-{secrets.token_hex(12)}"
        if contacts.find(client_id) is None:
            return client_id
