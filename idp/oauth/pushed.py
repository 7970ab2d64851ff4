"""Pushed authorization requests (RFC 9126): parameters that a client left here beforehand."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, JSONDocument, UTCDateTime

# RFC 9126, 2.2: short; the member's browser follows at once, but may sign in on the way.
LIFETIME = dt.timedelta(minutes=10)


class PushedRequest(Base):
    """The parameters behind a ``request_uri``, which is kept as a hash and good for one code."""

    __tablename__ = "pushed_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    uri_hash: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_client.id", ondelete="CASCADE"), index=True
    )
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
