"""Writing events: who acts is known here, whom and what it is about the caller says."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import Flask, current_app, has_request_context, request
from sqlalchemy import Index, insert
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit.events import Event
from idp.audit.masking import kept
from idp.database import Base, JSONDocument, UTCDateTime, db, now

_EXTENSION = "tessera-actor"


class Who(NamedTuple):
    """Who acts: how they are named, and the key of their record if they have one.

    The name outlives the record; the key finds what they did when their address was another.
    """

    name: str
    key: str = ""


SYSTEM = Who("system")
_acting_for: ContextVar[Who | None] = ContextVar("acting for", default=None)


class AuditEvent(Base):
    """One row of the audit. ``actor`` and ``subject`` are texts, so that they outlive what they
    name; ``actor_key`` is the key of the actor's record; ``also_about`` is a second subject, as
    the contact whom an event of a group is about; ``address`` is the network address of the
    request, where there was one."""

    __tablename__ = "audit_event"
    # Each in the order in which events are read, so that a page costs the same among a million.
    __table_args__ = (
        Index("ix_audit_event_at", "at", "id"),
        Index("ix_audit_event_name", "name", "at", "id"),
        Index("ix_audit_event_subject", "subject", "at", "id"),
        Index("ix_audit_event_also_about", "also_about", "at", "id"),
        Index("ix_audit_event_actor_key", "actor_key", "at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    name: Mapped[str]
    actor: Mapped[str]
    actor_key: Mapped[str] = mapped_column(default="", server_default="")
    subject: Mapped[str] = mapped_column(default="")
    also_about: Mapped[str] = mapped_column(default="", server_default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSONDocument, default=dict)
    address: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True)
class Noted:
    """One of many events of a kind: whom it is about, and what is told of it."""

    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    also_about: str = ""


Actor = Callable[[], Who]


def init_app(app: Flask, actor: Actor) -> None:
    """Tell whom to ask who acts in the request at hand."""
    app.extensions[_EXTENSION] = actor


def record(
    event: Event,
    subject: str = "",
    /,
    *,
    actor: Who | None = None,
    also_about: str = "",
    **detail: Any,
) -> AuditEvent:
    """Add an event to the transaction at hand.

    ``actor`` defaults to whom this is done for (``acting_for``); in a request to who is signed in;
    else to ``system``. ``detail`` is kept as ``masking.kept`` gives it; what changed is in
    ``changed``, as the field's name to a pair of before and after. Raises ``TypeError`` for what
    cannot be kept.
    """
    row = AuditEvent(
        **_common(event, actor), subject=subject, also_about=also_about, detail=kept(detail)
    )
    db.session.add(row)
    return row


def record_many(event: Event, events: Sequence[Noted]) -> None:
    """Add many events of a kind to the transaction at hand, some hundred in a statement."""
    if not events:
        return
    common = _common(event, None) | {"at": now()}
    rows = [
        common
        | {"subject": one.subject, "also_about": one.also_about, "detail": kept(dict(one.detail))}
        for one in events
    ]
    # With RETURNING they travel as rows of one statement, not as a statement each.
    db.session.execute(insert(AuditEvent).returning(AuditEvent.id), rows).all()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What differs of some facts, as ``record`` takes it: name to a pair of before and after."""
    return {
        name: [before.get(name), value]
        for name, value in after.items()
        if before.get(name) != value
    }


@contextmanager
def acting_for(actor: Who) -> Iterator[None]:
    """What a job or a command does in here, it does for somebody."""
    token = _acting_for.set(actor)
    try:
        yield
    finally:
        _acting_for.reset(token)


def _common(event: Event, actor: Who | None) -> dict[str, str]:
    in_request = has_request_context()
    if actor is None:
        actor = _acting_for.get() or (_signed_in() if in_request else SYSTEM)
    return {
        "name": event.value,
        "actor": actor.name,
        "actor_key": actor.key,
        "address": (request.remote_addr or "") if in_request else "",
    }


def _signed_in() -> Who:
    ask: Actor = current_app.extensions[_EXTENSION]
    return ask()
