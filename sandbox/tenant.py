"""What Higher Logic's staff set for the tenant: its keys, its three properties, its sign-in.

The environment gives the first value of a setting; a page of the sandbox may change it. When the
environment later says something new, that counts again: whoever starts the sandbox with another
client secret means it.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.database import Database
from sandbox.settings import Settings, SettingsError, require_url

PROPERTIES = {
    "MembershipIntegrateBio": frozenset({"Bio"}),
    "IntegrateProfileImage": frozenset({"ProfileImageURL"}),
    "IntegrateSocialMediaSites": frozenset(
        {
            "WebsiteUrl",
            "YouTubeURL",
            "FacebookURL",
            "TwitterURL",
            "GooglePlusURL",
            "LinkedInURL",
            "BloggerURL",
            "WordPressURL",
            "OtherBlogURL",
        }
    ),
}
"""The three properties and the fields they gate."""

GATED_FIELDS = frozenset().union(*PROPERTIES.values())

URL_SETTINGS = ("authorize_url", "token_url", "userinfo_url", "logout_url")
SIGN_IN_SETTINGS = (
    "issuer",
    *URL_SETTINGS,
    "identifier_attribute",
    "scope",
    "community_client_id",
    "community_client_secret",
    "conference_client_id",
    "conference_client_secret",
)


@dataclass(frozen=True)
class SignIn:
    """The sign-in of both sites, as the technical worksheet gives it; every URL filled in."""

    issuer: str
    authorize_url: str
    token_url: str
    userinfo_url: str
    logout_url: str
    identifier_attribute: str
    scope: str
    community_client_id: str
    community_client_secret: str
    conference_client_id: str
    conference_client_secret: str

    @property
    def issuer_origin(self) -> str:
        """Scheme, host and port of the issuer: who may frame the front-channel logout pages."""
        return origin_of(self.issuer)


class Tenant:
    """The settings that pages may change, and the two credentials of the push."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self.code = settings.tenant_code
        self.community_name = settings.community_name
        self.api_key = settings.api_key or kept_secret(settings.data_dir / "api-key")
        with database.writing() as connection:
            for name in SIGN_IN_SETTINGS:
                _seed(connection, name, getattr(settings, name))
            for name in PROPERTIES:
                _seed(connection, name, "")

    def entered(self) -> dict[str, str]:
        """The sign-in settings as they were typed, an empty URL left empty."""
        values = self._values()
        return {name: values[name] for name in SIGN_IN_SETTINGS}

    def sign_in(self) -> SignIn:
        """The sign-in settings with the URLs that were left empty made from the issuer."""
        values = self.entered()
        for name in URL_SETTINGS:
            values[name] = values[name] or default_url(values["issuer"], name)
        return SignIn(**values)

    def set_sign_in(self, entered: dict[str, str]) -> None:
        """Stores what was typed on the worksheet page.

        Raises SettingsError, in words for the person typing, when a value cannot be used.
        """
        values = {name: entered.get(name, "").strip() for name in SIGN_IN_SETTINGS}
        values["issuer"] = require_url("Issuer", values["issuer"].rstrip("/"))
        for name, value in values.items():
            if len(value) > 2000 or not value.isprintable():
                raise SettingsError(f"{name} must be one line of at most 2000 characters")
            if name in URL_SETTINGS and value:
                require_url(name.replace("_", " ").capitalize(), value)
        if not values["identifier_attribute"]:
            raise SettingsError("The identifier attribute must be named")
        self._store(values)

    def properties(self) -> dict[str, bool]:
        """The three properties and whether each is on."""
        values = self._values()
        return {name: values[name] == "on" for name in PROPERTIES}

    def set_properties(self, switched_on: set[str]) -> None:
        """Switches the named properties on and the others off."""
        self._store({name: "on" if name in switched_on else "" for name in PROPERTIES})

    def _values(self) -> dict[str, str]:
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, value FROM tenant_settings").fetchall()
        return {row["name"]: row["value"] for row in rows}

    def _store(self, values: dict[str, str]) -> None:
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE tenant_settings SET value = ? WHERE name = ?",
                [(value, name) for name, value in values.items()],
            )


def fields_switched_on(connection: sqlite3.Connection) -> frozenset[str]:
    """The gated fields that the tenant takes out of a push at this moment."""
    rows = connection.execute("SELECT name FROM tenant_settings WHERE value = 'on'").fetchall()
    return frozenset().union(*(PROPERTIES.get(row["name"], frozenset()) for row in rows))


def default_url(issuer: str, name: str) -> str:
    """Where the identity provider is expected to answer: `token_url` → `<issuer>/oauth/token`."""
    return f"{issuer}/oauth/{name.removesuffix('_url')}"


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of a URL, as an Origin header or a security policy writes it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def kept_secret(path: Path) -> str:
    """The secret in the file; made at the first call, readable by the owner only.

    Raises OSError when the file can be neither read nor made.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        if secret := path.read_text(encoding="ascii").strip():
            return secret
        # A start that was interrupted between making the file and writing it.
        descriptor = os.open(path, os.O_WRONLY)
    secret = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret)
    return secret


def _seed(connection: sqlite3.Connection, name: str, seed: str) -> None:
    connection.execute(
        "INSERT INTO tenant_settings (name, value, seed) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value, seed = excluded.seed "
        "WHERE seed != excluded.seed",
        (name, seed, seed),
    )
