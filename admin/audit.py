"""The audit: who did what, newest first."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, String, cast, select

from admin import exports
from admin.access import PanelView, page
from admin.group_sync import PAGES
from admin.lists import Listing, matches, page_of, searched, title
from idp.audit import AuditEvent
from idp.audit import exporting as audit_exporting
from idp.database import db
from idp.directory import conditions
from idp.directory.contacts import Contact
from idp.directory.fields import KIND_NAMES, CustomField
from idp.directory.groups import TYPE_NAMES, Group
from idp.oauth.clients import Client

LONGEST_VALUE = 120

# Events whose own name would not read as words.
WORDS = {
    "member:session:started": "Signed in",
    "member:session:refused": "Sign-in refused",
    "member:session:ended": "Signed out",
    "member:session:all-ended": "Signed out everywhere",
    "member:password:set": "Password set",
    "member:password:reset-asked": "Password link asked for",
    "member:profile:changed": "Own profile changed",
    "member:photo:changed": "Own photo changed",
    "member:photo:removed": "Own photo removed",
    "staff:contact:changed": "Record changed",
    "staff:contact:deactivated": "Record put out of use",
    "staff:contact:reactivated": "Record put back into use",
    "staff:contact:merged": "Records merged",
    "staff:export:made": "Exported",
    "staff:association:changed": "Association changed",
    "staff:connection:contact-tried": "One test contact sent",
    "staff:set-up:decided": "Step of the set-up decided",
    "staff:set-up:reopened": "Step of the set-up opened again",
    "staff:set-up:launched": "Launched",
    "staff:sync:resent": "Sent to Higher Logic again",
    "staff:sync:reconciled": "Compared with Higher Logic",
    "staff:sync:reconcile-asked": "Asked to compare with Higher Logic",
    "client:access:refused": "Not let in: a member of none of the site’s groups",
    "staff:client:self-test-started": "Self-test started",
    "staff:client:self-tested": "Self-test finished",
    "member:record:not-pushed-first": "Signed in before Higher Logic had the record",
    "client:code:reused": "A sign-in code was used twice",
    "client:refresh:reused": "A refresh token was used twice",
}

NAMES = {
    "api_key": "API key",
    "base_url": "base URL",
    "claim_map": "claims",
    "email": "e-mail",
    "jwks": "public keys",
    "ok": "worked",
    "pkce_required": "PKCE required",
    "pushed_required": "pushed requests required",
    "redirect_uris": "redirect URIs",
}


class AuditView(PanelView):
    """`/panel/audit/`."""

    @page("/")
    def index(self) -> str:
        """The events, or those that a search finds."""
        query = select(AuditEvent).order_by(AuditEvent.id.desc())
        if (asked := _asked()) is not None:
            query = query.where(asked)
        listing = page_of(query)
        return self.render("panel/audit.html", listing=in_words(listing))

    @page("/export", methods=("POST",), post="export", sensitive=("POST",))
    def export(self) -> Any:
        """The events, or those that a search finds, as a file."""
        return exports.download(audit_exporting.events(_asked()))


def _asked() -> ColumnElement[bool] | None:
    """What the request looks for; ``None``: every event."""
    event = AuditEvent.__table__.c
    columns = (event.name, event.actor, event.subject, cast(event.detail, String))
    return matches(searched(), *columns) if searched() else None


def in_words(listing: Listing) -> Listing:
    """The events of a page as people read them: what they are about by name, not by key."""
    events: Sequence[AuditEvent] = [row[0] for row in listing.rows]
    known = conditions.known_fields()
    subjects = _subjects({event.subject for event in events if event.subject})
    subjects |= {
        field.key: (field.label, url_for("panel_fields.field", key=field.key))
        for field in known.values()
        if isinstance(field, CustomField)
    }
    rows: Any = [
        {
            "at": event.at,
            "what": words(event.name),
            "who": {"system": "Tessera", "anonymous": "Nobody signed in"}.get(
                event.actor, event.actor
            ),
            "subject": subjects.get(event.subject, (event.subject, None)),
            "detail": details(event.detail, known),
            "address": event.address,
        }
        for event in events
    ]
    return dataclasses.replace(listing, rows=rows)


def words(name: str) -> str:
    """An event's name as people read it."""
    if name in WORDS:
        return WORDS[name]
    return " ".join(name.split(":")[1:]).replace("-", " ").capitalize()


def details(detail: dict[str, Any], known: dict[str, conditions.AnyField]) -> list[str]:
    """What an event's detail says, a line for each fact: “job title: Chemist → Physicist”."""

    def said(field: str, value: Any) -> str:
        if field == "condition" and isinstance(value, dict):
            return f"“{conditions.sentence(value, known)}”"
        if field in {"kind", "type"}:
            return {**KIND_NAMES, **TYPE_NAMES}.get(str(value), str(value))
        return _shown(value)

    lines = []
    for name, value in detail.items():
        if name == "changed" and isinstance(value, dict):
            lines += [
                f"{_name(field)}: {said(field, before)} → {said(field, after)}"
                for field, (before, after) in value.items()
            ]
        elif name == "changed" and isinstance(value, list):
            lines.append(", ".join(_name(str(field)) for field in value))
        else:
            lines.append(f"{_name(name)}: {said(name, value)}")
    return lines


def _name(field: str) -> str:
    return NAMES.get(field, field.replace("_", " "))


def _shown(value: Any) -> str:
    match value:
        case None | "" | []:
            return "nothing"
        case dict() if not value:
            return "nothing"
        case True:
            return "yes"
        case False:
            return "no"
        case {"keys": [*keys]}:
            text = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
        case dict():
            text = ", ".join(f"{name} ← {part}" for name, part in value.items())
        case list():
            text = ", ".join(str(part) for part in value)
        case _:
            text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _subjects(keys: set[str]) -> dict[str, tuple[str, str | None]]:
    """Name and page of what the events are about, by key. Three statements."""
    found: dict[str, tuple[str, str | None]] = {}
    contact = Contact.__table__
    for row in db.session.execute(
        select(contact.c.key, contact.c.kind, title(contact)).where(contact.c.key.in_(keys))
    ):
        found[row.key] = (row.title, url_for(PAGES[row.kind], key=row.key))
    for group in db.session.execute(select(Group.key, Group.name).where(Group.key.in_(keys))):
        found[group.key] = (group.name, url_for("panel_groups.group", key=group.key))
    for client in db.session.execute(
        select(Client.client_id, Client.name).where(Client.client_id.in_(keys))
    ):
        found[client.client_id] = (
            client.name,
            url_for("panel_clients.client", client_id=client.client_id),
        )
    return found
