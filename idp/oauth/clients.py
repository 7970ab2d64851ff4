"""Clients: the sites that sign members in here, and the machines that ask about tokens."""

import datetime as dt
import hmac
from collections.abc import Sequence
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, event, false, select
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from idp import audit
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory.contacts import InvalidValue, checked_text
from idp.directory.groups import Group
from idp.oauth import addresses, claim_mapping, client_keys
from idp.oauth.addresses import LONGEST_URI
from idp.oauth.client_secrets import ClientSecret
from idp.oauth.templates import HIGHER_LOGIC, TEMPLATES, Template
from idp.signin.sessions import hashed

ALGORITHMS = ("RS256", "ES256")
OPAQUE, JWT = ACCESS_TOKEN_FORMATS = ("opaque", "jwt")
MOST_URIS = 20

permitted_group = Table(
    "oauth_client_group",
    Base.metadata,
    Column("client_id", ForeignKey("oauth_client.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("group.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Client(Base, ClientMixin):  # type: ignore[misc]
    """A site that signs members in here; ``client_id`` is its name in the protocol.

    Redirect URIs are compared as whole texts (RFC 9700, 2.1). ``version`` counts every change,
    so that whoever keeps a copy notices. ``restricted`` clients are for the members of their
    permitted groups alone. ``claim_map`` holds claim names and what of the directory they carry.
    """

    __tablename__ = "oauth_client"
    __table_args__ = (
        CheckConstraint("template IN ('higher-logic', 'oidc', 'app', 'machine')", name="template"),
        # RFC 9700, 2.1.1: only where the far side cannot.
        CheckConstraint("pkce_required OR template = 'higher-logic'", name="pkce"),
        CheckConstraint(
            "authentication IN ('client_secret', 'private_key_jwt', 'none')", name="authentication"
        ),
        CheckConstraint("signing_algorithm IN ('RS256', 'ES256')", name="signing_algorithm"),
        CheckConstraint("access_token_format IN ('opaque', 'jwt')", name="access_token_format"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    template: Mapped[str] = mapped_column(String(20))
    authentication: Mapped[str] = mapped_column(
        String(20), default="client_secret", server_default="client_secret"
    )
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    redirect_uris: Mapped[list[str]] = mapped_column(JSONDocument)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSONDocument, default=list)
    frontchannel_logout_uri: Mapped[str | None] = mapped_column(String(LONGEST_URI))
    backchannel_logout_uri: Mapped[str | None] = mapped_column(String(LONGEST_URI))
    scopes: Mapped[str] = mapped_column(String(255))
    identifier_attribute: Mapped[str] = mapped_column(String(64), default="sub")
    claim_map: Mapped[dict[str, str]] = mapped_column(
        JSONDocument, default=dict, server_default="{}"
    )
    pkce_required: Mapped[bool] = mapped_column(default=True)
    pushed_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    consent_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    signing_algorithm: Mapped[str] = mapped_column(
        String(10), default="RS256", server_default="RS256"
    )
    access_token_format: Mapped[str] = mapped_column(
        String(10), default="opaque", server_default="opaque"
    )
    restricted: Mapped[bool] = mapped_column(default=False, server_default=false())
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    disabled_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    secrets: Mapped[list[ClientSecret]] = relationship(
        lazy="selectin", order_by=ClientSecret.id.desc(), cascade="all, delete-orphan"
    )
    permitted_groups: Mapped[list[Group]] = relationship(
        secondary=permitted_group, order_by=Group.name
    )

    @property
    def who(self) -> audit.Who:
        """Who it is, for the audit: what it did itself."""
        return audit.Who(f"client {self.client_id}")

    @property
    def active(self) -> bool:
        """Whether the client may use this server."""
        return self.disabled_at is None

    @property
    def made_from(self) -> Template:
        """The template that the client was made from."""
        return TEMPLATES[self.template]

    @property
    def is_higher_logic(self) -> bool:
        """Whether it was made from the Higher Logic template."""
        return self.template == HIGHER_LOGIC

    @property
    def is_public(self) -> bool:
        """Whether it keeps no secret (RFC 6749, 2.1)."""
        return self.authentication == "none"

    @validates("name")
    def _name(self, _name: str, value: str) -> str:
        text = checked_text("name", value or "")
        if not text:
            raise InvalidValue("name", "missing_name", "A client needs a name.")
        return text

    @validates("redirect_uris")
    def _redirect_uris(self, name: str, value: Sequence[str]) -> list[str]:
        may_wait = self.made_from.addresses_later and not self.redirect_uris
        if not value and self.made_from.signs_members_in and not may_wait:
            raise InvalidValue(name, "missing_uri", "A client needs at least one redirect URI.")
        _few(name, value)
        app = self.is_public
        return [addresses.checked_redirect_uri(name, uri, app=app) for uri in dict.fromkeys(value)]

    @validates("post_logout_redirect_uris")
    def _post_logout_redirect_uris(self, name: str, value: Sequence[str]) -> list[str]:
        _few(name, value)
        app = self.is_public
        return [addresses.checked_redirect_uri(name, uri, app=app) for uri in dict.fromkeys(value)]

    @validates("frontchannel_logout_uri")
    def _frontchannel_logout_uri(self, name: str, value: str | None) -> str | None:
        return addresses.checked_uri(name, value) if value else None

    @validates("backchannel_logout_uri")
    def _backchannel_logout_uri(self, name: str, value: str | None) -> str | None:
        return addresses.checked_server_uri(name, value) if value else None

    @validates("identifier_attribute")
    def _identifier_attribute(self, name: str, value: str) -> str:
        return claim_mapping.checked_identifier(name, value, self.claim_map or {})

    @validates("claim_map")
    def _claim_map(self, name: str, value: Any) -> dict[str, str]:
        identifier = self.identifier_attribute or "sub"
        return claim_mapping.checked(name, value, self.claim_map or {}, identifier)

    @validates("authentication")
    def _authentication(self, name: str, value: str) -> str:
        if value not in self.made_from.authentication:
            raise InvalidValue(
                name, "unfit", f"A client of this kind cannot authenticate by {value[:30]}."
            )
        return value

    @validates("jwks")
    def _jwks(self, name: str, value: Any) -> dict[str, Any] | None:
        return client_keys.checked(name, value) if value else None

    @validates("signing_algorithm")
    def _signing_algorithm(self, name: str, value: str) -> str:
        return _one_of(name, value, ALGORITHMS)

    @validates("access_token_format")
    def _access_token_format(self, name: str, value: str) -> str:
        return _one_of(name, value, ACCESS_TOKEN_FORMATS)

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
        if redirect_uri in self.redirect_uris:
            return True
        return self.is_public and any(
            addresses.matches_on_any_port(redirect_uri, known) for known in self.redirect_uris
        )

    def secret_matching(self, secret: str) -> ClientSecret | None:
        """The client's secret that this is; takes equally long whatever is wrong with it."""
        digest = hashed(secret)
        matching = None
        for known in self.secrets:
            if hmac.compare_digest(known.secret_hash, digest) and known.good:
                matching = known
        return matching

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether the secret is one of the client's."""
        return self.secret_matching(client_secret) is not None

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Whether the client authenticates so: by Basic and post alike, or by its one method."""
        if self.authentication == "client_secret":
            return method in ("client_secret_basic", "client_secret_post")
        return method == self.authentication

    def check_response_type(self, response_type: str) -> bool:
        """The code flow alone (RFC 9700, 2.1.2)."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """What the template has (RFC 6749, 5.2: unauthorized_client)."""
        return grant_type in self.made_from.grant_types


@event.listens_for(Client, "before_update")
def _count_changes(_mapper: Any, _connection: Any, client: Client) -> None:
    # This is asked of whatever was touched, also where all is as it was. The database counts: of
    # two changes at once the second must not write the number that copies of the first have.
    if db.session.is_modified(client):
        client.version = Client.version + 1


def find(client_id: str) -> Client | None:
    """The client with this ``client_id``, in use or not."""
    return db.session.scalar(select(Client).where(Client.client_id == client_id))


def every() -> Sequence[Client]:
    """All clients by name."""
    return db.session.scalars(select(Client).order_by(Client.name, Client.id)).all()


def _few(field: str, value: Sequence[str]) -> None:
    if len(value) > MOST_URIS:
        raise InvalidValue(field, "too_many", f"A client has at most {MOST_URIS} addresses.")


def _one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InvalidValue(field, "unknown_choice", f"Choose one of {', '.join(known)}.")
    return value
