"""Accounts: what a person signs in with.

The account and its person are one to one; the person's key is the ``sub`` that other sites are
told. The e-mail address to sign in with is the person's, unique among accounts without regard to
letter case; ``Account.email_key`` holds that rule in the database.
"""

import datetime as dt
from typing import Any, Literal

from sqlalchemy import CheckConstraint, ForeignKey, String, event, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from idp import audit
from idp.database import Base, UTCDateTime, db, now
from idp.directory import changes
from idp.directory.contacts import InvalidValue, Person, checked_email, email_key

Role = Literal["member", "help-desk", "reader", "staff", "owner"]
ROLES: tuple[Role, ...] = ("member", "help-desk", "reader", "staff", "owner")
"""What an account may do here, from the least: what each may is ``admin.access``'s to say."""


def role_named(name: str) -> Role:
    """The role of this name. Raises ``InvalidValue``."""
    for role in ROLES:
        if role == name:
            return role
    raise InvalidValue("role", "unknown_role", f"There is no role {name[:20]!r}.")


class Account(Base):
    """A way to sign in. Without a password it is *invited*: its owner has not chosen one yet.

    ``epoch`` is counted up to end every session and token at once: those carry the epoch they
    began under, and are dead when it is another. ``signed_in_at`` is when it last did here.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("role IN ('member', 'help-desk', 'reader', 'staff', 'owner')", name="role"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), unique=True)
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str | None]
    role: Mapped[str] = mapped_column(String(10), default="member", server_default="member")
    epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    deactivated_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    signed_in_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)

    person: Mapped[Person] = relationship(lazy="joined", innerjoin=True)

    @property
    def state(self) -> str:
        """``deactivated``, ``invited`` (no password yet) or ``active``."""
        if not self.may_sign_in:
            return "deactivated"
        return "active" if self.password_hash else "invited"

    @property
    def may_sign_in(self) -> bool:
        """Neither the account nor the person's record is deactivated."""
        return self.deactivated_at is None and self.person.active

    @property
    def is_staff(self) -> bool:
        """Whether this is somebody of the association's, to whom the panel is open."""
        return self.role != "member"

    @property
    def who(self) -> audit.Who:
        """Who it is, for the audit."""
        return audit.Who(self.person.email, self.person.key)

    @property
    def is_owner(self) -> bool:
        """Whether the association's settings are open to this account."""
        return self.role == "owner"

    def end_everything(self) -> None:
        """End every session and every token of this account, at once and for good.

        Reads the epoch again, held: of two who end everything at the same moment the second ends
        what the first may have begun anew.
        """
        if inspect(self).persistent:  # a new one has nothing yet
            db.session.refresh(self, ["epoch"], with_for_update={"key_share": True})
        self.epoch += 1


def hold(account: Account) -> None:
    """Hold an account until the end of the transaction, and read it again as it is then: for who
    decides by it whether it gets another password. The person before it, as everywhere."""
    changes.hold(account.person_id)
    db.session.refresh(account, with_for_update={"key_share": True, "of": Account})


def find(address: str) -> Account | None:
    """The account that signs in with this e-mail address, letter case aside."""
    return db.session.scalar(select(Account).where(Account.email_key == email_key(address)))


def create(person: Person, *, role: Role = "member") -> Account:
    """Give a person an account, in the invited state.

    Raises ``InvalidValue`` with the reasons ``account_without_email``, ``account_exists`` or
    ``duplicate_email``.
    """
    if not person.email:
        raise InvalidValue("email", "account_without_email", "An account needs an e-mail address.")
    with db.session.no_autoflush:
        holder = find(person.email)
    if holder is not None and holder.person is person:
        raise InvalidValue("email", "account_exists", f"{person.email} has an account already.")
    if holder is not None:
        raise InvalidValue(
            "email", "duplicate_email", f"Another account signs in with {person.email}."
        )
    account = Account(person=person, role=role, email_key=email_key(person.email), epoch=0)
    db.session.add(account)
    return account


def change_email(person: Person, address: str) -> None:
    """Change a person's address and, with it, what their account signs in with.

    The key stays (Y15). Raises ``InvalidValue``.
    """
    address = checked_email(address)
    account = of_person(person)
    if account is not None:
        if not address:
            raise InvalidValue(
                "email", "account_without_email", "An account needs an e-mail address."
            )
        holder = find(address)
        if holder is not None and holder is not account:
            raise InvalidValue(
                "email", "duplicate_email", f"Another account signs in with {address}."
            )
    person.email = address


def of_person(person: Person) -> Account | None:
    """The person's account, if they have one."""
    if person.id is None:
        return None
    return db.session.scalar(select(Account).where(Account.person_id == person.id))


def change_role(account: Account, role: Role) -> None:
    """Give an account another role. Raises ``InvalidValue`` when it is the last owner."""
    if account.role == role:
        return
    if role != "owner" and is_last_owner(account):
        raise InvalidValue("role", "last_owner", "The last owner stays an owner.")
    changed = {"role": [account.role, role]}
    account.role = role
    audit.record(audit.Event.ROLE_CHANGED, account.person.key, changed=changed)


def deactivate(account: Account) -> None:
    """Switch sign-in off and end all sessions and tokens. The contact's record stays as it is.

    Raises ``InvalidValue`` when it is the last owner who can sign in.
    """
    if account.deactivated_at is not None:
        return
    changes.hold(account.person_id)
    if is_last_owner(account):
        raise InvalidValue("role", "last_owner", "The last owner cannot be deactivated.")
    account.end_everything()
    account.deactivated_at = now()
    audit.record(
        audit.Event.ACCOUNT_DEACTIVATED, account.person.key, changed={"account": ["on", "off"]}
    )


def reactivate(account: Account) -> None:
    """Switch sign-in on again. What was ended stays ended."""
    if account.deactivated_at is None:
        return
    changes.hold(account.person_id)
    account.deactivated_at = None
    audit.record(
        audit.Event.ACCOUNT_REACTIVATED, account.person.key, changed={"account": ["off", "on"]}
    )


def is_last_owner(account: Account) -> bool:
    """Whether this owner is the only one who can sign in, or who at least was invited to.

    An owner without a password is nobody to rely on: the invitation may never have arrived.
    """
    db.session.flush()
    hold_owners(account)
    row = Account.__table__.c
    role, may_sign_in = db.session.execute(
        select(row.role, row.deactivated_at.is_(None) & Person.active)
        .join(Person, Person.id == row.person_id)
        .where(row.id == account.id)
    ).one()
    return role == "owner" and may_sign_in and not owners() - {account.person_id}


def owners() -> set[int]:
    """The ids of the people who are owners and can sign in."""
    row = Account.__table__.c
    query = (
        select(row.person_id)
        .join(Person, Person.id == row.person_id)
        .where(
            row.role == "owner",
            row.deactivated_at.is_(None),
            row.password_hash.is_not(None),
            Person.active,
        )
    )
    return set(db.session.scalars(query))


def hold_owners(account: Account | None = None) -> None:
    """Hold the owners' accounts, and this one, until the end of the transaction.

    Two owners may be about to end each other: the second waits here, and then sees it. So they are
    held first and asked about then, since only a new statement sees what was waited for. Who holds
    records as well, or announces the person of the account, has them before.
    """
    row = Account.__table__.c
    held = row.role == "owner"
    if account is not None:
        held = held | (row.id == account.id)
    db.session.execute(
        select(row.id).where(held).order_by(row.id).with_for_update(key_share=True)
    ).all()


@event.listens_for(Session, "before_flush")
def _follow_the_person(session: Session, _context: Any, _instances: Any) -> None:
    # Whatever wrote the person: the account signs in with their address, and a record that is
    # put out of use takes its sessions and tokens with it.
    for person in list(session.dirty):
        if not isinstance(person, Person):
            continue
        history = inspect(person).attrs
        moved = history.email_key.history.has_changes() and person.email_key is not None
        ended = history.active.history.has_changes() and not person.active
        if not (moved or ended):
            continue
        with session.no_autoflush:
            account = of_person(person)
        if account is None:
            continue
        if moved and person.email_key is not None:
            account.email_key = person.email_key
        if ended:
            account.end_everything()
