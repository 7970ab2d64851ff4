"""Grants: one member's leave for one client, and the family of codes and tokens under it.

Whatever was issued under a grant is alive only while the grant stands: ``alive`` is the one place
that says what that means, as SQL, so that no reader can forget a part of it.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    false,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.directory.membership import Membership
from idp.oauth.clients import Client, permitted_group
from idp.prepared import Prepared, insertion
from idp.signin.sessions import SignedIn, SignInSession, hashed

Columns = TypeVarTuple("Columns")


class Grant(Base):
    """What one authorization request was given; ``epoch`` is the account's at that moment.

    ``offline`` grants (scope ``offline_access``) outlive the sign-in they began with. The code
    that it is fetched with is part of it (``codes``): a grant has one, kept as a hash, and the
    row stays after its use, so that a second use is seen. A machine's own grant
    (RFC 6749, 4.4) has neither account nor code.
    """

    __tablename__ = "oauth_grant"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_client.id", ondelete="CASCADE"), index=True
    )
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    session_id: Mapped[int | None] = mapped_column(
        ForeignKey("sign_in_session.id", ondelete="SET NULL"), index=True
    )
    scope: Mapped[str] = mapped_column(String(255))
    offline: Mapped[bool] = mapped_column(default=False, server_default=false())
    epoch: Mapped[int]
    auth_time: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    requested_claims: Mapped[dict[str, list[str]] | None] = mapped_column(JSONDocument)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    code_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    code_expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    code_claimed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    redirect_uri: Mapped[str | None]
    nonce: Mapped[str | None]


@dataclass(frozen=True)
class Standing:
    """A grant as the token endpoint needs it, read in one statement with what it stands on.

    ``client_id`` is the row's, ``session_hash`` is ``None`` when the session's row is gone.
    """

    grant_id: int
    client_id: int
    scope: str
    subject: str
    auth_time: dt.datetime
    session_hash: str | None
    requested_claims: dict[str, list[str]] | None
    alive: bool

    @property
    def sid(self) -> str | None:
        """OpenID Connect's session id, if the session is still known."""
        return session_id(self.session_hash) if self.session_hash else None


_OF_MEMBER = insertion(
    Grant,
    *"client_id account_id session_id scope offline epoch auth_time created_at".split(),
    *"requested_claims code_hash code_expires_at redirect_uri code_challenge nonce".split(),
)
_OF_MACHINE = Prepared(
    insert(Grant)
    .values(
        {
            name: bindparam(name)
            for name in "client_id scope offline epoch auth_time created_at".split()
        }
    )
    .returning(Grant.id)
)


def create(client: Client, sign_in: SignedIn, scope: str, **code: Any) -> None:
    """Record what a member granted, and the ``code`` that it is fetched with."""
    _OF_MEMBER.write(
        client_id=client.id,
        account_id=sign_in.account_id,
        session_id=sign_in.session_id,
        scope=scope,
        offline="offline_access" in scope.split(),
        epoch=sign_in.epoch,
        auth_time=sign_in.started_at,
        created_at=now(),
        **code,
    )


def create_for_machine(client: Client, scope: str) -> Standing:
    """Record what a machine is given in its own name (RFC 6749, 4.4)."""
    moment = now()
    made = _OF_MACHINE.row(
        client_id=client.id,
        scope=scope,
        offline=False,
        epoch=0,
        auth_time=moment,
        created_at=moment,
    )
    return Standing(
        grant_id=made.id,
        client_id=client.id,
        scope=scope,
        subject=client.client_id,
        auth_time=moment,
        session_hash=None,
        requested_claims=None,
        alive=True,
    )


def alive() -> ColumnElement[bool]:
    """Whether a grant stands; for a statement that went through ``joined``.

    Says in SQL what ``Account.may_sign_in`` and ``SignInSession.alive`` say, but for one thing:
    a session that runs out by itself does not end the hour of an access token.
    """
    return and_(
        Grant.revoked_at.is_(None),
        Client.disabled_at.is_(None),
        Account.deactivated_at.is_(None),
        Person.active,
        Account.epoch == Grant.epoch,
        or_(Grant.offline, and_(SignInSession.id.is_not(None), SignInSession.ended_at.is_(None))),
        or_(~Client.restricted, permitted()),
    )


def alive_for_machine() -> ColumnElement[bool]:
    """Whether a machine's own grant stands."""
    return and_(Grant.revoked_at.is_(None), Client.disabled_at.is_(None))


def permitted() -> ColumnElement[bool]:
    """Whether the person is in one of the client's permitted groups."""
    return exists().where(
        permitted_group.c.client_id == Client.id,
        Membership.group_id == permitted_group.c.group_id,
        Membership.contact_id == Person.id,
    )


_PERMITTED = (
    select(Client.id)
    .join(Person, Person.id == bindparam("person_id"))
    .where(Client.id == bindparam("client_row_id"), permitted())
)


def is_permitted(client: Client, person_id: int) -> bool:
    """Whether a person is in one of a client's permitted groups now, said in one statement."""
    given = {"client_row_id": client.id, "person_id": person_id}
    return db.session.execute(_PERMITTED, given).first() is not None


def joined(statement: Select[*Columns]) -> Select[*Columns]:
    """Join to a statement that has the grant all that the grant stands on."""
    return (
        statement.join(Client, Client.id == Grant.client_id)
        .join(Account, Account.id == Grant.account_id)
        .join(Person, Person.id == Account.person_id)
        .outerjoin(SignInSession, SignInSession.id == Grant.session_id)
    )


STANDING = (
    Grant.id.label("grant_id"),
    Grant.client_id.label("client_id"),
    Grant.scope.label("scope"),
    Person.key.label("subject"),
    Grant.auth_time.label("auth_time"),
    SignInSession.token_hash.label("session_hash"),
    Grant.requested_claims.label("requested_claims"),
    alive().label("alive"),
)
"""The columns of ``Standing``, for a statement that went through ``joined``."""


def revoke(grant_id: int) -> bool:
    """End a grant and, with it, every code and token of its family; says whether it was not ended
    before."""
    ended = db.session.execute(
        update(Grant)
        .where(Grant.id == grant_id, Grant.revoked_at.is_(None))
        .values(revoked_at=now())
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(ended, "rowcount", 0))


def forget_session(session_id: int) -> None:
    """Delete what was granted in a session, with its codes and tokens: for one that was lent."""
    db.session.execute(delete(Grant).where(Grant.session_id == session_id))


def session_id(token_hash: str) -> str:
    """OpenID Connect's ``sid`` of a sign-in session.

    The same for all clients, and a hash of a hash: nobody gets from it to the cookie.
    """
    return hashed(f"sid:{token_hash}")[:32]
