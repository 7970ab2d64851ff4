"""Back-channel logout: what clients have yet to be told of sessions that ended.

A notice is written in the transaction that ends the session, whoever ends it and however (``end``,
a new sign-in, a new password, deactivation, signing out everywhere), and stays until the client
has taken it: Redis carries only the word that there is something to do. A session that runs out
by itself tells nobody: the clients' own sessions have lives of their own.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    String,
    and_,
    event,
    false,
    insert,
    inspect,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp.database import Base, UTCDateTime, now
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.oauth.clients import Client
from idp.oauth.grants import Grant, session_id
from idp.signin.sessions import SignInSession

NOTED = "tessera: logout notices written"
ANSWER_LENGTH = 300
# Accounts whose sessions are looked up in one statement.
_CHUNK = 500


class LogoutNotice(Base):
    """One client to be told of the end of one session (OpenID Connect Back-Channel Logout 1.0).

    ``due_at`` is when it is told next, and empty when it was told (``delivered_at``) or given up.
    Whoever tells it moves ``due_at`` ahead first and counts ``attempts`` up, so that nobody else
    does at the same time; when they die it is due again.
    """

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
    last_answer: Mapped[str] = mapped_column(String(ANSWER_LENGTH), default="", server_default="")


@event.listens_for(Session, "after_flush")
def _write_notices(session: Session, _context: Any) -> None:
    # The one place: every way to end a session writes one of these two columns. Here the rows
    # still tell what they were before.
    ended = [row.id for row in session.dirty if _has_ended(row)]
    moved = [pair for row in session.dirty if (pair := _moved_on(row)) is not None]
    if ended:
        # Ended later than the account moved on: its clients were told then.
        alive_until_now = SignInSession.epoch == Account.epoch
        _write(session, and_(SignInSession.id.in_(ended), alive_until_now))
    for start in range(0, len(moved), _CHUNK):
        chunk = moved[start : start + _CHUNK]
        here = SignInSession.id.in_(ended) if ended else false()
        _write(
            session,
            and_(
                tuple_(SignInSession.account_id, SignInSession.epoch).in_(chunk),
                SignInSession.expires_at > now(),
                or_(SignInSession.ended_at.is_(None), here),
            ),
        )


def _has_ended(row: object) -> bool:
    if not isinstance(row, SignInSession) or row.ended_at is None:
        return False
    history = inspect(row).attrs.ended_at.history
    return history.has_changes() and not any(history.deleted)


def _moved_on(row: object) -> tuple[int, int] | None:
    """An account whose epoch was counted up, and the epoch before."""
    if not isinstance(row, Account):
        return None
    history = inspect(row).attrs.epoch.history
    return (row.id, history.deleted[0]) if history.deleted else None


def _write(session: Session, which: ColumnElement[bool]) -> None:
    connection = session.connection()
    found = connection.execute(
        select(Grant.client_id, Person.key, SignInSession.token_hash)
        .distinct()
        .join(Client, Client.id == Grant.client_id)
        .join(SignInSession, SignInSession.id == Grant.session_id)
        .join(Account, Account.id == SignInSession.account_id)
        .join(Person, Person.id == Account.person_id)
        .where(Client.backchannel_logout_uri.is_not(None), Client.disabled_at.is_(None), which)
        .order_by(Grant.client_id)
    ).all()
    notices = [
        {"client_id": client_id, "subject": key, "sid": session_id(token_hash)}
        for client_id, key, token_hash in found
    ]
    if notices:
        connection.execute(insert(LogoutNotice), notices)
        session.info[NOTED] = True


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(NOTED, None)
