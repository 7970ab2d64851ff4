"""Deployment settings, typed, from the environment (prefix ``TESSERA_``) and checked at start.

Each attribute's docstring is its documentation: ``docs/operations.md`` is tested against them.

Without ``TESSERA_DATABASE_URL`` the deployment is *embedded*: SQLite, a Redis server of its own
and generated secrets live in the data folder. With an external database nothing is generated:
a secret that is missing there would be a different one on every machine.
"""

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
# sun_path of a Unix socket holds 108 bytes with its NUL (unix(7)).
_LONGEST_SOCKET_PATH = 100
_SECRETS = frozenset(
    {"secret_key", "encryption_keys", "database_url", "redis_url", "mail_url", "metrics_token"}
)


class ConfigurationError(Exception):
    """A deployment setting is missing or wrong. ``id`` is stable, for scripts and searches."""

    def __init__(self, id: str, message: str) -> None:
        self.id = id
        super().__init__(f"{id}: {message}")


class Settings(BaseSettings):
    """The deployment's settings; ``load`` makes one."""

    model_config = SettingsConfigDict(
        env_prefix="TESSERA_",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )

    host: str = "127.0.0.1"
    """Address that the web server listens on."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port that the web server listens on."""
    public_url: str = ""
    """Address that members and clients use; the issuer. Default: ``http://HOST:PORT``.
    Plain http is taken for loopback addresses only."""
    data_dir: Path = Path("var")
    """Folder of the embedded state: database, Redis, generated secrets, unsent mail."""
    database_url: SecretStr | None = None
    """SQLAlchemy address of the database. Unset: SQLite in the data folder (embedded mode)."""
    redis_url: SecretStr | None = None
    """Address of the Redis server. Unset: a server of its own in the data folder."""
    secret_key: SecretStr | None = None
    """Signs cookies and links; at least 32 characters. Generated in embedded mode only."""
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Fernet keys, comma-separated; the first encrypts, all decrypt, so that a key can be
    rotated. They protect signing keys and the Higher Logic API key at rest. Generated in embedded
    mode only."""
    mail_url: SecretStr | None = None
    """``smtp://``, ``smtp+starttls://`` or ``smtps://`` ``user:password@host:port``. Unset: mails
    are written to the data folder, and the log names the file."""
    mail_from: str = "no-reply@localhost"
    """Sender of the mails."""
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0
    """How many reverse proxies in front are trusted to say the client's address and scheme."""
    web_workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Processes of the web server."""
    web_threads: Annotated[int, Field(ge=1, le=64)] = 4
    """Threads of each process of the web server."""
    confirm_minutes: Annotated[int, Field(ge=1, le=720)] = 15
    """For so long after the password was given may its account do what is sensitive (keys, roles,
    secrets, exports of people) without giving it again."""
    key_rotation_days: Annotated[int, Field(ge=0, le=3650)] = 90
    """After how many days new keys sign tokens. 0: never, but by ``tessera keys rotate``."""
    metrics_token: SecretStr | None = None
    """Bearer token for ``/metrics``, 32 characters or more. Unset: there is no such page."""
    import_guard_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """An import that takes something away from more than this share of the records stops and asks
    before it writes anything."""
    import_guard_least: Annotated[int, Field(ge=0, le=100_000)] = 20
    """From so many records an import takes away without asking, whatever their share."""

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def embedded(self) -> bool:
        """Whether the state lives in the data folder (no external database is named)."""
        return self.database_url is None

    @property
    def issuer(self) -> str:
        """The public address without a trailing slash (RFC 8414, section 2)."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether the public address is https, so that cookies are Secure."""
        return self.issuer.startswith("https://")

    @property
    def database_address(self) -> str:
        """SQLAlchemy's address of the database."""
        if self.database_url is None:
            return f"sqlite:///{self.data_dir.absolute() / 'tessera.db'}"
        address = self.database_url.get_secret_value()
        # libpq's own spelling means psycopg 3 here: it is the driver that we install.
        for spelling in ("postgres://", "postgresql://"):
            if address.startswith(spelling):
                return "postgresql+psycopg://" + address.removeprefix(spelling)
        return address

    @property
    def redis_address(self) -> str:
        """Address of the Redis server, the embedded one's Unix socket when none is named."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        return f"unix://{self.redis_socket}"

    @property
    def signing_key(self) -> str:
        """The secret key as text; ``load`` has seen to it that there is one."""
        return self.secret_key.get_secret_value() if self.secret_key is not None else ""

    @cached_property
    def redis_socket(self) -> Path:
        """Path of the embedded Redis server's socket."""
        path = self.data_dir.absolute() / "redis.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"tessera-{os.getuid()}-{digest}"
        _check_own_folder(folder)
        return folder / "redis.sock"

    def redacted(self) -> dict[str, str]:
        """Every setting as text, secrets masked, for ``tessera check``."""
        shown = self.model_dump(mode="json")
        shown["public_url"] = self.issuer
        return {
            name: ("" if value in (None, [], "") else "set") if name in _SECRETS else str(value)
            for name, value in shown.items()
        }


def _check_own_folder(folder: Path) -> None:
    # Everybody may write where it stands, and whoever writes to our Redis runs code here.
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise ConfigurationError(
                "TSR-C12",
                f"{folder} is open to others: remove it, or choose a shorter data folder.",
            )


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine."""
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def load() -> Settings:
    """Read and check the settings; in embedded mode generate and keep the secrets that are missing.

    Raises ``ConfigurationError`` with a stable id and a sentence that says what to do.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "TESSERA_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError("TSR-C01", f"{name}: {first['msg']}") from None
    if settings.embedded:
        settings = _with_kept_secrets(settings)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    if settings.secret_key is None:
        raise ConfigurationError(
            "TSR-C02",
            "TESSERA_SECRET_KEY is not set. With an external database it must be: the same "
            "random text of 32 characters or more on every machine.",
        )
    if len(settings.secret_key.get_secret_value()) < 32:
        raise ConfigurationError("TSR-C03", "TESSERA_SECRET_KEY is shorter than 32 characters.")
    if settings.metrics_token and len(settings.metrics_token.get_secret_value()) < 32:
        raise ConfigurationError("TSR-C15", "TESSERA_METRICS_TOKEN is shorter than 32 characters.")
    if not settings.encryption_keys:
        raise ConfigurationError(
            "TSR-C04",
            "TESSERA_ENCRYPTION_KEYS is not set. With an external database it must be: "
            "`tessera check --new-encryption-key` prints one.",
        )
    for key in settings.encryption_keys:
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            raise ConfigurationError(
                "TSR-C05",
                "TESSERA_ENCRYPTION_KEYS holds something that is no Fernet key (32 bytes in "
                "URL-safe base64): `tessera check --new-encryption-key` prints one.",
            ) from None
    if settings.database_url is not None and not settings.database_address.startswith(
        ("postgresql+psycopg://", "sqlite:///")
    ):
        raise ConfigurationError(
            "TSR-C13", "TESSERA_DATABASE_URL is postgresql://user:password@host/name."
        )
    if not settings.redis_address.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigurationError(
            "TSR-C14", "TESSERA_REDIS_URL is redis://…, rediss://… or unix://…."
        )
    parts = urlsplit(settings.issuer)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("TSR-C06", "TESSERA_PUBLIC_URL is no http(s) address.")
    if parts.query or parts.fragment:
        raise ConfigurationError(
            "TSR-C07", "TESSERA_PUBLIC_URL must have no query and no fragment (RFC 8414, 2)."
        )
    if parts.path not in ("", "/"):
        raise ConfigurationError("TSR-C08", "TESSERA_PUBLIC_URL must have no path.")
    if parts.scheme == "http" and not is_loopback(settings.issuer):
        raise ConfigurationError(
            "TSR-C09", "TESSERA_PUBLIC_URL must be https; plain http is for loopback addresses."
        )


def _with_kept_secrets(settings: Settings) -> Settings:
    if settings.secret_key is not None and settings.encryption_keys:
        return settings
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = _kept_secrets(settings.data_dir / "secrets.json")
    return settings.model_copy(
        update={
            "secret_key": settings.secret_key or SecretStr(kept["secret_key"]),
            "encryption_keys": settings.encryption_keys
            or tuple(SecretStr(key) for key in kept["encryption_keys"]),
        }
    )


def _kept_secrets(path: Path) -> dict[str, Any]:
    if not path.exists():  # a command that only looks needs no room on a full disk
        _make_secrets(path)
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def _make_secrets(path: Path) -> None:
    fresh = {
        "secret_key": secrets.token_urlsafe(48),
        "encryption_keys": [Fernet.generate_key().decode()],
    }
    # Written whole under another name, then linked: two processes that start at once agree on
    # one file, and a process killed half-way leaves none.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secrets") as draft:
        json.dump(fresh, draft)
        draft.flush()
        os.fsync(draft.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, path)
