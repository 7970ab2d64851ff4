"""What the sandbox is started with: read from the environment once, checked, then never changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable and says what is wanted."""


@dataclass(frozen=True)
class Settings:
    """The deployment settings, one attribute for each `SANDBOX_…` variable."""

    host: str = "127.0.0.1"
    """`SANDBOX_HOST`: loopback only, for the pages ask nobody for a password."""
    port: int = 8001
    """`SANDBOX_PORT`"""
    data_dir: Path = Path("var/sandbox")
    """`SANDBOX_DATA_DIR`: the SQLite file, the generated API key and the cookie key live here."""
    community_name: str = "Association Community"
    """`SANDBOX_COMMUNITY_NAME`: whose community the pages say this is."""
    tenant_code: str = "SANDBOX"
    """`SANDBOX_TENANT_CODE`"""
    api_key: str = ""
    """`SANDBOX_API_KEY`: when empty, generated once and kept (mode 0600) in the data directory."""
    issuer: str = "http://127.0.0.1:8000"
    """`SANDBOX_ISSUER`: the identity provider's URL, without a slash at the end."""
    community_client_id: str = ""
    """`SANDBOX_COMMUNITY_CLIENT_ID`"""
    community_client_secret: str = ""
    """`SANDBOX_COMMUNITY_CLIENT_SECRET`"""
    conference_client_id: str = ""
    """`SANDBOX_CONFERENCE_CLIENT_ID`"""
    conference_client_secret: str = ""
    """`SANDBOX_CONFERENCE_CLIENT_SECRET`"""
    identifier_attribute: str = "sub"
    """`SANDBOX_IDENTIFIER_ATTRIBUTE`: the worksheet's "User AMS ID Attribute"."""
    scope: str = "profile"
    """`SANDBOX_SCOPE`: what the community asks for; Higher Logic leaves `openid` out."""
    authorize_url: str = ""
    """`SANDBOX_AUTHORIZE_URL`: when empty, `<issuer>/oauth/authorize`."""
    token_url: str = ""
    """`SANDBOX_TOKEN_URL`: when empty, `<issuer>/oauth/token`."""
    userinfo_url: str = ""
    """`SANDBOX_USERINFO_URL`: when empty, `<issuer>/oauth/userinfo`."""
    logout_url: str = ""
    """`SANDBOX_LOGOUT_URL`: when empty, `<issuer>/oauth/logout`."""

    def __post_init__(self) -> None:
        if not is_loopback(self.host):
            raise SettingsError(f"SANDBOX_HOST must be a loopback address, not {self.host!r}")
        if not 1 <= self.port <= 65535:
            raise SettingsError(f"SANDBOX_PORT must be between 1 and 65535, not {self.port}")
        if not self.tenant_code:
            raise SettingsError("SANDBOX_TENANT_CODE must not be empty")
        require_url("SANDBOX_ISSUER", self.issuer)
        for name in ("authorize_url", "token_url", "userinfo_url", "logout_url"):
            if value := getattr(self, name):
                require_url(f"SANDBOX_{name.upper()}", value)

    @property
    def netloc(self) -> str:
        """`host:port` as a browser writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The one address of this sandbox, without a slash at the end; redirect URIs start so."""
        return f"http://{self.netloc}"


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Reads the settings; a variable that is set but empty counts as not set.

    Raises SettingsError for the first variable that cannot be used.
    """

    def text(name: str, default: str) -> str:
        value = environ.get(f"SANDBOX_{name}", "").strip() or default
        if len(value) > 2000:
            raise SettingsError(f"SANDBOX_{name} must have at most 2000 characters")
        return value

    port = text("PORT", "8001")
    if not (port.isascii() and port.isdigit()):
        raise SettingsError(f"SANDBOX_PORT must be a number, not {port!r}")
    return Settings(
        host=text("HOST", Settings.host),
        port=int(port),
        data_dir=Path(text("DATA_DIR", str(Settings.data_dir))),
        community_name=text("COMMUNITY_NAME", Settings.community_name),
        tenant_code=text("TENANT_CODE", Settings.tenant_code),
        api_key=text("API_KEY", ""),
        issuer=text("ISSUER", Settings.issuer).rstrip("/"),
        community_client_id=text("COMMUNITY_CLIENT_ID", ""),
        community_client_secret=text("COMMUNITY_CLIENT_SECRET", ""),
        conference_client_id=text("CONFERENCE_CLIENT_ID", ""),
        conference_client_secret=text("CONFERENCE_CLIENT_SECRET", ""),
        identifier_attribute=text("IDENTIFIER_ATTRIBUTE", Settings.identifier_attribute),
        scope=text("SCOPE", Settings.scope),
        authorize_url=text("AUTHORIZE_URL", ""),
        token_url=text("TOKEN_URL", ""),
        userinfo_url=text("USERINFO_URL", ""),
        logout_url=text("LOGOUT_URL", ""),
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_url(name: str, value: str) -> str:
    """Returns the value if it is an absolute http(s) URL without user or fragment.

    Raises SettingsError, naming `name`, if it is not.
    """
    try:
        parts = urlsplit(value)
        usable = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and not parts.fragment
            # The value ends up in a Content-Security-Policy header.
            and value.isprintable()
            and not any(mark in value for mark in " ;,'\"\\<>")
        )
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"{name} must be an absolute http or https URL, not {value!r}")
    return value
