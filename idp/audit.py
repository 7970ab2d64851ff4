"""Who did what: an append-only record of events named ``source:subject:action``.

An event is written in the transaction of what it tells of: both are kept, or neither is.
Values of secrets never get here; ``detail`` names what changed, with before and after where the
field may be shown.
"""

import datetime as dt
import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask, current_app, has_request_context, request
from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, JSONDocument, UTCDateTime, db, now

_EXTENSION = "tessera-actor"
_acting_for: ContextVar[str | None] = ContextVar("acting for", default=None)


class Event(enum.StrEnum):
    """Every event that the audit knows, as ``source:subject:action``."""

    SIGNED_IN = "member:session:started"
    SIGN_IN_REFUSED = "member:session:refused"
    CONFIRMED = "member:session:confirmed"
    CONFIRM_REFUSED = "member:session:not-confirmed"
    SIGNED_OUT = "member:session:ended"
    SIGNED_OUT_EVERYWHERE = "member:session:all-ended"
    PASSWORD_SET = "member:password:set"  # noqa: S105
    RESET_ASKED = "member:password:reset-asked"
    PROFILE_CHANGED = "member:profile:changed"
    OWN_PHOTO_CHANGED = "member:photo:changed"
    OWN_PHOTO_REMOVED = "member:photo:removed"
    ACCOUNT_CREATED = "staff:account:created"
    ACCOUNT_DEACTIVATED = "staff:account:deactivated"
    ACCOUNT_REACTIVATED = "staff:account:reactivated"
    ROLE_CHANGED = "staff:account:role-changed"
    CONTACT_CHANGED = "staff:contact:changed"
    PHOTO_CHANGED = "staff:photo:changed"
    PHOTO_REMOVED = "staff:photo:removed"
    CONTACT_DEACTIVATED = "staff:contact:deactivated"
    CONTACT_REACTIVATED = "staff:contact:reactivated"
    CONTACT_MERGED = "staff:contact:merged"
    FIELD_CHANGED = "staff:field:changed"
    FIELD_CREATED = "staff:field:created"
    FIELD_DELETED = "staff:field:deleted"
    GROUP_CREATED = "staff:group:created"
    GROUP_CHANGED = "staff:group:changed"
    GROUP_DELETED = "staff:group:deleted"
    MEMBER_ADDED = "staff:membership:added"
    MEMBER_CHANGED = "staff:membership:changed"
    MEMBER_REMOVED = "staff:membership:removed"
    MEMBER_SHUT_OUT = "staff:membership:shut-out"
    MEMBER_LET_IN = "staff:membership:let-in"
    ASSOCIATION_CHANGED = "staff:association:changed"
    LOGO_CHANGED = "staff:logo:changed"
    LOGO_REMOVED = "staff:logo:removed"
    SET_UP_DECIDED = "staff:set-up:decided"
    SET_UP_REOPENED = "staff:set-up:reopened"
    LAUNCHED = "staff:set-up:launched"
    CONNECTION_CHANGED = "staff:connection:changed"
    CONNECTION_TESTED = "staff:connection:tested"
    TEST_CONTACT_SENT = "staff:connection:contact-tried"
    CLIENT_CREATED = "staff:client:created"
    CLIENT_CHANGED = "staff:client:changed"
    CLIENT_SECRET_CHANGED = "staff:client:secret-changed"  # noqa: S105
    CLIENT_TEST_STARTED = "staff:client:self-test-started"
    CLIENT_TESTED = "staff:client:self-tested"
    IMPORTED = "staff:import:finished"
    EXPORTED = "staff:export:made"
    MAPPING_CHANGED = "staff:mapping:changed"
    MAPPING_DELETED = "staff:mapping:deleted"
    IMPORT_STARTED = "staff:import:started"
    IMPORT_ALLOWED = "staff:import:allowed"
    IMPORT_CANCELLED = "staff:import:cancelled"
    RESENT = "staff:sync:resent"
    RECONCILED = "staff:sync:reconciled"
    RECONCILE_ASKED = "staff:sync:reconcile-asked"
    REMOVALS_HELD = "sync:removals:held"
    REMOVALS_OVER = "sync:removals:over"
    REMOVALS_ALLOWED = "staff:removals:allowed"
    REMOVALS_REFUSED = "staff:removals:refused"
    NOT_PUSHED_FIRST = "member:record:not-pushed-first"
    KEYS_ROTATED = "staff:keys:rotated"
    CONSENT_GIVEN = "member:consent:given"
    CONSENT_WITHDRAWN = "member:consent:withdrawn"
    CODE_REUSED = "client:code:reused"
    ACCESS_REFUSED = "client:access:refused"
    REFRESH_REUSED = "client:refresh:reused"
    TOKEN_REVOKED = "client:token:revoked"  # noqa: S105


class AuditEvent(Base):
    """One row of the audit. ``actor`` and ``subject`` are texts, so that they outlive what they
    name; ``address`` is the network address of the request, where there was one."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_at", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    name: Mapped[str]
    actor: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSONDocument, default=dict)
    address: Mapped[str] = mapped_column(default="")


Actor = Callable[[], str]


def init_app(app: Flask, actor: Actor) -> None:
    """Tell whom to ask who acts in the request at hand."""
    app.extensions[_EXTENSION] = actor


def record(
    event: Event, subject: str = "", /, *, actor: str | None = None, **detail: Any
) -> AuditEvent:
    """Add an event to the transaction at hand.

    ``actor`` defaults to who is signed in; outside of a request to whom a job acts for
    (``acting_for``), or to ``system``.
    """
    if actor is None:
        actor = _actor() if has_request_context() else _acting_for.get() or "system"
    address = (request.remote_addr or "") if has_request_context() else ""
    row = AuditEvent(name=event.value, actor=actor, subject=subject, detail=detail, address=address)
    db.session.add(row)
    return row


@contextmanager
def acting_for(actor: str) -> Iterator[None]:
    """What a job does in here, it does for somebody."""
    token = _acting_for.set(actor)
    try:
        yield
    finally:
        _acting_for.reset(token)


def _actor() -> str:
    ask: Actor = current_app.extensions[_EXTENSION]
    return ask()
