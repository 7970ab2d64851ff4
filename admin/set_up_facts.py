"""The facts that the set-up's steps tick themselves from."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, select

from idp import association, audit
from idp.association import Association
from idp.audit import AuditEvent
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from idp.oauth.clients import Client
from sync import connection, ledger
from sync.connection import HigherLogicConnection
from sync.standing import status

SWITCHES = {
    "integrate_bio": "Biographies",
    "integrate_profile_image": "Photos",
    "integrate_social_media": "Web addresses",
}


@dataclass(frozen=True)
class Facts:
    """How far the set-up is. ``self_test`` is ``passed``, ``failed`` or empty, of ``client``: the
    Higher Logic client that is furthest. ``best_group`` is the synced group that is furthest.
    ``accepted_by_now``: a record was accepted with key and tenant code as they are."""

    association: Association
    link: HigherLogicConnection
    people: int
    accounts: int
    companies: int
    fields: int
    synced_fields: int
    groups: int
    any_accepted: bool
    accepted_by_now: bool
    client: Client | None
    self_test: str
    best_group: dict[str, Any] | None

    @classmethod
    def now(cls) -> "Facts":
        """The facts as they are. A fixed number of statements."""
        client, link = _client(), connection.get()
        return cls(
            association=association.get(),
            link=link,
            **_numbers(link.resumed_at),
            client=client,
            self_test=_self_test(client) if client is not None else "",
            best_group=max(status.of_groups(), key=_progress, default=None),
        )

    @property
    def named(self) -> bool:
        """Whether the association has a name of its own."""
        return self.association.name != association.UNNAMED

    @property
    def decided(self) -> Collection[str]:
        """The steps that were decided."""
        return self.association.decided

    @property
    def connected(self) -> bool:
        """Whether Higher Logic took key and tenant code as they are now, by a test or by a record
        that it accepted."""
        link = self.link
        return (
            link.configured
            and link.stopped_at is None
            and (bool(link.last_test_ok) or self.accepted_by_now)
        )

    @property
    def switches(self) -> dict[str, bool]:
        """The three properties in words, and whether each is on."""
        return {words: getattr(self.link, name) for name, words in SWITCHES.items()}

    @property
    def group_arrived(self) -> bool:
        """Whether a group is at Higher Logic with everybody whom it took."""
        group = self.best_group
        return group is not None and group["sent"] > 0 and not group["pending"]


def _numbers(mended_at: dt.datetime | None) -> dict[str, Any]:
    accepted_at = ledger.table.c.accepted_at
    contact, group, field = Contact.__table__.c, Group.__table__.c, CustomField.__table__.c
    # Who looks after the panel is there from the start and is no import.
    staff = exists().where(Account.person_id == contact.id, Account.role != "member")

    def of_kind(kind: str, *tests: Any) -> Any:
        return select(func.count()).where(
            contact.kind == kind, contact.merged_into_id.is_(None), *tests
        )

    members = select(func.count()).select_from(Account).where(Account.role == "member")
    row = db.session.execute(
        select(
            of_kind("person", ~staff).scalar_subquery().label("people"),
            members.scalar_subquery().label("accounts"),
            of_kind("company").scalar_subquery().label("companies"),
            select(func.count(field.id)).scalar_subquery().label("fields"),
            select(func.count(field.id)).where(field.sync).scalar_subquery().label("synced_fields"),
            select(func.count(group.id)).scalar_subquery().label("groups"),
            exists().where(accepted_at.is_not(None)).label("any_accepted"),
            exists()
            .where(accepted_at.is_not(None) if mended_at is None else accepted_at > mended_at)
            .label("accepted_by_now"),
        )
    ).one()
    return dict(row._mapping)


def _client() -> Client | None:
    """The Higher Logic client in use that has its addresses already, or the newest."""
    found = db.session.scalars(
        select(Client)
        .where(Client.template == "higher-logic", Client.disabled_at.is_(None))
        .order_by(Client.id.desc())
    ).all()
    return max(found, key=lambda client: bool(client.redirect_uris), default=None)


def _self_test(client: Client) -> str:
    detail = db.session.scalar(
        select(AuditEvent.detail)
        .where(
            AuditEvent.name == audit.Event.CLIENT_TESTED.value,
            AuditEvent.subject == client.client_id,
        )
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    return str(detail.get("result", "")) if detail else ""


def _progress(group: dict[str, Any]) -> tuple[bool, bool, int]:
    arrived = group["sent"] > 0 and not group["pending"]
    return arrived, bool(group["sent"]), group["sent"]
