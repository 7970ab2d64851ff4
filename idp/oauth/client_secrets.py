"""Secrets of clients: readable once, when they are made, and kept as hashes.

A client may have two for a while, so that its site can be given the new one before the old one
ends. The hash is a plain one: a secret has 256 random bits of its own.
"""

import datetime as dt
import secrets

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, now
from idp.signin.sessions import hashed


class ClientSecret(Base):
    """One secret of a client; without ``expires_at`` it is the lasting one.

    ``last_used_at`` is true to the hour: using a secret must not cost a write each time.
    """

    __tablename__ = "oauth_client_secret"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_client.id", ondelete="CASCADE"), index=True
    )
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    @property
    def good(self) -> bool:
        """Whether the secret is still taken."""
        return self.expires_at is None or self.expires_at > now()


def new(expires_at: dt.datetime | None = None) -> tuple[ClientSecret, str]:
    """A fresh secret: its row, and the secret itself, which is readable here and never again."""
    secret = secrets.token_urlsafe(32)
    return ClientSecret(secret_hash=hashed(secret), created_at=now(), expires_at=expires_at), secret
