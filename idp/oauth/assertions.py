"""Client assertions: ``private_key_jwt`` (RFC 7523, 2.2 and 3; OpenID Connect Core, 9)."""

import datetime as dt

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime


class UsedAssertion(Base):
    """The ``jti`` of an assertion that was taken, as a hash: none is taken twice (RFC 7523, 3)."""

    __tablename__ = "used_assertion"

    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)
