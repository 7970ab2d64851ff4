"""Sessions: who is signed in here, since when, and how that ends.

The browser holds a random token inside Flask's signed cookie; the database holds its SHA-256. A
session is alive while it has not ended or expired, its account may sign in, and the account's
epoch is the one the session began under; so deactivation, a new password and "sign out
everywhere" end it at once, wherever it is used.
"""

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager
from sqlalchemy import ForeignKey, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.wrappers import Response

from idp import audit
from idp.database import Base, UTCDateTime, db, now
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.prepared import Prepared

LIFETIME = dt.timedelta(hours=12)


class SessionManager(LoginManager):  # type: ignore[misc]
    """Flask-Login without a cookie that remembers: it would look for one after each request."""

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


manager = SessionManager()


class SignInSession(Base):
    """One sign-in on one browser. ``started_at`` is OpenID Connect's ``auth_time``.

    ``confirmed_at`` is when the password was given again since, and ``confirmed_hash`` whose
    browser that was (``confirmation``).
    """

    __tablename__ = "sign_in_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    epoch: Mapped[int]
    started_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, index=True)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    confirmed_hash: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(String(300), default="")

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    # What Flask-Login asks of a user.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    @property
    def alive(self) -> bool:
        """Whether the session still stands for its account."""
        return (
            self.ended_at is None
            and self.expires_at > now()
            and self.account.may_sign_in
            and self.account.epoch == self.epoch
        )


def init_app(app: Flask) -> None:
    """Let the app know who is signed in."""
    manager.init_app(app)
    manager.session_protection = None  # the token decides; a member's address may change
    # Asked when something is recorded, so that a request that records nothing pays nothing.
    audit.init_app(app, _actor)


@manager.user_loader  # type: ignore[untyped-decorator]
def _nobody(_user_id: str) -> None:
    return None


@manager.request_loader  # type: ignore[untyped-decorator]
def _from_request(_request: Any) -> SignInSession | None:
    return current()


def _actor() -> audit.Who:
    here = current()
    return here.account.who if here is not None else audit.Who("anonymous")


def current() -> SignInSession | None:
    """The session of the request at hand, if somebody is signed in."""
    if "sign_in_session" in g:
        found: SignInSession | None = g.sign_in_session
        return found
    token = _token()
    row = None
    if token is not None:
        row = db.session.scalar(
            select(SignInSession).where(SignInSession.token_hash == hashed(token))
        )
        if row is not None and not row.alive:
            row = None
    g.sign_in_session = row
    return row


@dataclass(frozen=True)
class SignedIn:
    """The facts of a sign-in that an authorization stands on, free of any transaction.

    ``subject`` is the person's key, ``started_at`` when they signed in.
    """

    session_id: int
    account_id: int
    person_id: int
    epoch: int
    started_at: dt.datetime
    subject: str


SIGNED_IN = (
    select(
        SignInSession.id.label("session_id"),
        Account.id.label("account_id"),
        Person.id.label("person_id"),
        SignInSession.epoch,
        SignInSession.started_at,
        Person.key.label("subject"),
    )
    .join(Account, Account.id == SignInSession.account_id)
    .join(Person, Person.id == Account.person_id)
    .where(
        SignInSession.token_hash == bindparam("token_hash"),
        SignInSession.ended_at.is_(None),
        SignInSession.expires_at > bindparam("moment"),
        SignInSession.epoch == Account.epoch,
        Account.deactivated_at.is_(None),
        Person.active,
    )
)
"""Who is signed in by a ``token_hash`` at a ``moment``: what ``SignInSession.alive`` says."""
_SIGNED_IN = Prepared(SIGNED_IN)


def look_up(statement: Prepared, **given: Any) -> Any:
    """Who is signed in, by a statement that has ``SIGNED_IN`` and columns of its own behind it.

    ``signed_in`` knows it from then on. Gives the row, ``None`` when nobody is signed in.
    """
    token = _token()
    row = None
    if token is not None:
        row = statement.row(token_hash=hashed(token), moment=now(), **given)
    g.signed_in = None if row is None else SignedIn(*row[: len(SignedIn.__match_args__)])
    return row


def signed_in() -> SignedIn | None:
    """Who is signed in, in one small statement: what single sign-on asks each time."""
    if "signed_in" not in g:
        look_up(_SIGNED_IN)
    found: SignedIn | None = g.signed_in
    return found


def current_account() -> Account | None:
    """The account of who is signed in."""
    here = current()
    return here.account if here is not None else None


def start(account: Account) -> SignInSession:
    """Sign an account in on this browser, under a new token (S22); ends what was here before."""
    before = current()
    if before is not None and before.alive:  # it may have ended while the password was hashed
        before.ended_at = now()
    row, token = _new(
        account,
        LIFETIME,
        address=request.remote_addr or "",
        agent=(request.user_agent.string or "")[:300],
    )
    account.signed_in_at = row.started_at = now()
    session.clear()
    session["sid"] = token
    session.permanent = False
    g.sign_in_session = row
    audit.record(audit.Event.SIGNED_IN, account.person.key)
    return row


def lend(account: Account, lifetime: dt.timedelta, agent: str) -> tuple[SignInSession, str]:
    """Sign an account in for a test of ours; gives the session, and its cookie as the ``Cookie``
    header holds it.

    The cookie is readable here and never again; ``take_back`` ends it before its time.
    """
    row, token = _new(account, lifetime, agent=agent)
    interface = current_app.session_interface
    signer = interface.get_signing_serializer(current_app)  # type: ignore[attr-defined]
    return row, f"{interface.get_cookie_name(current_app)}={signer.dumps({'sid': token})}"


def take_back(row_id: int) -> None:
    """Delete a session that was lent: it was nobody's sign-in, and no client is told of its end."""
    db.session.execute(delete(SignInSession).where(SignInSession.id == row_id))


def end() -> SignInSession | None:
    """Sign out on this browser. Gives back the session that ended, if there was one."""
    row = current()
    if row is not None:
        row.ended_at = now()
        audit.record(audit.Event.SIGNED_OUT, row.account.person.key)
    session.clear()
    g.sign_in_session = None
    return row


def end_everywhere(account: Account) -> None:
    """End every session and token of an account."""
    account.end_everything()
    audit.record(audit.Event.SIGNED_OUT_EVERYWHERE, account.person.key)


def _new(account: Account, lifetime: dt.timedelta, **about: str) -> tuple[SignInSession, str]:
    token = secrets.token_urlsafe(32)
    row = SignInSession(
        token_hash=hashed(token),
        account=account,
        epoch=account.epoch,
        expires_at=now() + lifetime,
        **about,
    )
    db.session.add(row)
    return row, token


def _token() -> str | None:
    token = session.get("sid")
    return token if isinstance(token, str) else None


def hashed(token: str) -> str:
    """SHA-256 of a random token, in hex: enough for what has 256 bits of its own."""
    return hashlib.sha256(token.encode()).hexdigest()


def to_sign_in() -> Response:
    """Send the browser to the sign-in page, and back here afterwards."""
    return redirect(url_for("signin.sign_in", next=request.full_path.rstrip("?")), 303)


@manager.unauthorized_handler  # type: ignore[untyped-decorator]
def _unauthorized() -> Response:
    return to_sign_in()
