"""Encryption at rest of what must be read again: signing keys and the Higher Logic API key.

Fernet (AES-128-CBC with HMAC-SHA256) under the deployment's keys: the first encrypts, all of
them decrypt, so a key is rotated by putting a new one in front (docs/architecture.md, decision 5).
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app

from idp.settings import ConfigurationError, Settings


class Unreadable(ConfigurationError):
    """A stored secret was encrypted under a key that the deployment no longer has."""

    def __init__(self) -> None:
        super().__init__(
            "TSR-C10",
            "A stored secret cannot be decrypted: TESSERA_ENCRYPTION_KEYS lacks the key that "
            "it was written under. Add the old key behind the new one.",
        )


def init_app(app: object, settings: Settings) -> None:
    """Give the app its cipher."""
    keys = [Fernet(key.get_secret_value()) for key in settings.encryption_keys]
    app.extensions["tessera-cipher"] = MultiFernet(keys)  # type: ignore[attr-defined]


def encrypt(text: str) -> str:
    """Encrypt a text; the result is ASCII."""
    cipher: MultiFernet = current_app.extensions["tessera-cipher"]
    return cipher.encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Decrypt what ``encrypt`` gave. Raises ``Unreadable`` when no key fits."""
    cipher: MultiFernet = current_app.extensions["tessera-cipher"]
    try:
        return cipher.decrypt(token.encode("ascii")).decode()
    except InvalidToken:
        raise Unreadable from None
