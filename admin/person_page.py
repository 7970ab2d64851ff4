"""What a person's page says: can they sign in, and what does Higher Logic have of them?"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from admin import records
from admin.access import may_manage, signed_in
from admin.account_pages import LABELS, STATES
from admin.group_members import ORIGINS
from idp.audit import AuditEvent, Event
from idp.database import db, now
from idp.directory import accounts, contacts, fields, photos
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, Person
from idp.directory.groups import Group
from idp.directory.membership import Membership
from idp.signin import recovery
from idp.signin.sessions import SignInSession
from sync.standing import saying, status

MOST_GROUPS = 50


@dataclass(frozen=True)
class InGroup:
    """A group that somebody is in, and each thing that has them in it."""

    group: Group
    why: list[Membership]


def facts(person: Person) -> dict[str, Any]:
    """All that the page is made of. A fixed number of statements."""
    account = accounts.of_person(person)
    state = account.state if account is not None else "none"
    # Where the record alone is out of use, the account is as it was: nothing of it is to be mended.
    why = state
    if account is not None and not person.active and account.deactivated_at is None:
        why = "out_of_use"
    return {
        "person": person,
        "photo": photos.token_of(person),
        "theirs": account,
        "state": state,
        "can": STATES[why],
        "label": LABELS[why],
        "invited_at": _invited_at(account),
        "invitation_days": recovery.INVITATION_DAYS,
        "sessions": _sessions(account),
        "groups": groups_of(person),
        "custom": custom_of(person),
        "manageable": may_manage(account),
        "oneself": account is not None and account.id == signed_in().id,
        "aliases": contacts.aliases(person),
        **at_higher_logic(person),
    }


def at_higher_logic(contact: Contact) -> dict[str, Any]:
    """What a contact's page says of it at Higher Logic."""
    standing = status.of_contact(contact)
    return {
        "sync": standing,
        "sync_label": saying.label(standing),
        "at_higher_logic": records.at_higher_logic(),
        "origins": ORIGINS,
    }


def groups_of(contact: Contact) -> list[InGroup]:
    """The groups that a contact is in, by name, ``MOST_GROUPS`` at the most. Two statements."""
    mine = select(Membership.group_id).where(Membership.contact_id == contact.id)
    groups = db.session.scalars(
        select(Group).where(Group.id.in_(mine)).order_by(Group.name, Group.id).limit(MOST_GROUPS)
    ).all()
    why: dict[int, list[Membership]] = {}
    for one in db.session.scalars(
        select(Membership)
        .where(
            Membership.contact_id == contact.id,
            Membership.group_id.in_([group.id for group in groups]),
        )
        .order_by(Membership.since, Membership.origin, Membership.role)
    ):
        why.setdefault(one.group_id, []).append(one)
    return [InGroup(group, why.get(group.id, [])) for group in groups]


def custom_of(contact: Contact) -> list[tuple[str, str, str]]:
    """The custom fields that a contact has a value of: name, value and kind."""
    values = fields.values_of(contact)
    return [
        (field.label, fields.shown(values[field.key]), field.kind)
        for field in _kept(contact)
        if values.get(field.key)
    ]


def _kept(contact: Contact) -> Iterable[Any]:
    return fields.all_fields(contact.kind)


def _invited_at(account: Account | None) -> dt.datetime | None:
    """When somebody last asked for the invitation of an account that has no password yet, as far
    as the audit goes back. One statement, and none where it does not matter."""
    if account is None or account.state != "invited":
        return None
    return db.session.scalar(
        select(AuditEvent.at)
        .where(
            AuditEvent.subject == account.person.key,
            AuditEvent.name == Event.RESET_ASKED.value,
            AuditEvent.at >= account.created_at,
        )
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )


def _sessions(account: Account | None) -> int:
    """On how many browsers somebody is signed in here."""
    if account is None or not account.may_sign_in:
        return 0
    return (
        db.session.scalar(
            select(func.count())
            .select_from(SignInSession)
            .where(
                SignInSession.account_id == account.id,
                SignInSession.ended_at.is_(None),
                SignInSession.expires_at > now(),
                SignInSession.epoch == account.epoch,
            )
        )
        or 0
    )
