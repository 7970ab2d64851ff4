"""Whom and what events are about, by name and with the way to its page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import url_for
from markupsafe import Markup
from sqlalchemy import or_, select

from admin import audit_words
from admin.access import may_see
from admin.contact_addresses import PAGES
from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory import conditions
from idp.directory.conditions import AnyField
from idp.directory.contacts import Contact
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from idp.directory.searching import title
from idp.oauth.clients import Client

# What was deleted is told by what was noted of it then.
_DELETED = {Event.GROUP_DELETED.value: "name", Event.FIELD_DELETED.value: "label"}
_PLAIN = {"people": "people", "companies": "companies"}


@dataclass
class Names:
    """The names of what some events are about, by key; and the custom fields that there are."""

    known: dict[str, AnyField]
    found: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def of(self, key: str) -> Markup:
        """What has a key by name, as the way to its page if there is one."""
        name, address = self.found.get(key, (_PLAIN.get(key, key), None))
        if address is None:
            return Markup("<b>{}</b>").format(name)
        return Markup('<a href="{}">{}</a>').format(address, name)

    def text(self, key: str) -> str:
        """What has a key by name."""
        return self.found.get(key, (_PLAIN.get(key, key), None))[0]

    def actor(self, event: AuditEvent) -> Markup:
        """Who acted."""
        if event.actor_key in self.found:
            return self.of(event.actor_key)
        return Markup("<b>{}</b>").format(self._actor(event.actor))

    def _actor(self, actor: str) -> str:
        if actor == "system":
            return audit_words.TESSERA
        if actor == "anonymous":
            return audit_words.NOBODY
        if actor.startswith("command line"):
            return actor[:1].upper() + actor[1:]
        return self.text(actor.removeprefix("client "))


def of(events: Sequence[AuditEvent]) -> Names:
    """The names of what events are about and of who acted. Five statements, whatever they are."""
    names = Names(conditions.known_fields())
    keys = {key for one in events for key in (one.subject, one.also_about, one.actor_key) if key}
    keys |= {one.actor.removeprefix("client ") for one in events if one.actor[:7] == "client "}
    for custom in names.known.values():
        if isinstance(custom, CustomField):
            address = _address("panel_fields", "field", key=custom.key)
            names.found[custom.key] = (custom.label, address)
    if keys:
        _find(names, keys)
    return names


def _find(names: Names, keys: Collection[str]) -> None:
    deleted = db.session.execute(
        select(AuditEvent.subject, AuditEvent.name, AuditEvent.detail).where(
            AuditEvent.subject.in_(keys), or_(*(AuditEvent.name == name for name in _DELETED))
        )
    )
    for row in deleted:
        names.found.setdefault(
            row.subject, (str(row.detail.get(_DELETED[row.name], row.subject)), None)
        )
    contact = Contact.__table__
    for row in db.session.execute(
        select(contact.c.key, contact.c.kind, title(contact)).where(contact.c.key.in_(keys))
    ):
        view, _, page = PAGES[row.kind].partition(".")
        names.found[row.key] = (row.title, _address(view, page, key=row.key))
    for group in db.session.execute(select(Group.key, Group.name).where(Group.key.in_(keys))):
        names.found[group.key] = (group.name, _address("panel_groups", "group", key=group.key))
    for client in db.session.execute(
        select(Client.client_id, Client.name).where(Client.client_id.in_(keys))
    ):
        address = _address("panel_clients", "client", client_id=client.client_id)
        names.found[client.client_id] = (client.name, address)


def _address(view: str, page: str, **values: Any) -> str | None:
    return url_for(f"{view}.{page}", **values) if may_see(view) else None
