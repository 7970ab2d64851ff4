"""Back-channel logout: what clients have yet to be told of sessions that ended.

A notice is written in the transaction that ends the session, and stays until the client has
taken it: Redis carries only the word that there is something to do.
"""

import datetime as dt

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, now


class LogoutNotice(Base):
    """One client to be told of the end of one session (OpenID Connect Back-Channel Logout 1.0)."""

    __tablename__ = "logout_notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_client.id", ondelete="CASCADE"), index=True
    )
    subject: Mapped[str] = mapped_column(String(100))
    sid: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime, default=now, index=True)
    delivered_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_answer: Mapped[str] = mapped_column(String(300), default="", server_default="")
