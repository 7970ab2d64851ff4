"""Events as the lines of a list: the sentence, what changed, when, from where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from markupsafe import Markup

from admin import audit_details, audit_names
from admin.audit_details import Change
from admin.audit_names import Names
from admin.audit_words import SAID, Said
from idp.audit import AuditEvent, Event

_UNKNOWN = Said("{who}: {what} ({about})", bare="{who}: {what}")


@dataclass(frozen=True)
class Line:
    """One event as people read it."""

    event: AuditEvent
    sentence: Markup
    changes: list[Change]
    facts: list[tuple[str, str]]

    @property
    def made(self) -> bool:
        """Whether it made what it is about: then there was nothing before."""
        return self.event.name.endswith(":created")


def lines(events: Sequence[AuditEvent]) -> list[Line]:
    """Events as people read them, in a fixed number of statements."""
    names = audit_names.of(events)
    return [
        Line(
            one,
            _sentence(one, names),
            audit_details.changes(one, names),
            audit_details.facts(one, names),
        )
        for one in events
    ]


def texts(rows: Sequence[Any]) -> list[tuple[str, str]]:
    """What happened and what changed, as plain texts, for a file."""
    # A row of the table has all that is asked of an event.
    events = cast(Sequence[AuditEvent], rows)
    return [
        (
            line.sentence.striptags(),
            "; ".join(
                [f"{one.name}: {one.before or '–'} → {one.after or '–'}" for one in line.changes]
                + [f"{name}: {value}" for name, value in line.facts]
            ),
        )
        for line in lines(events)
    ]


def _sentence(event: AuditEvent, names: Names) -> Markup:
    said, what = _said(event), audit_details.what(event, names)
    if said is None:
        # Of a version that knew another event than this one does.
        said, what = _UNKNOWN, " ".join(event.name.split(":")[1:]).replace("-", " ")
    sentence = Markup(_text(said, event))  # noqa: S704 (written in audit_words alone)
    return sentence.format(
        who=names.actor(event),
        about=names.of(event.subject),
        also=names.of(event.also_about),
        what=what,
    )


def _said(event: AuditEvent) -> Said | None:
    try:
        return SAID[Event(event.name)]
    except (KeyError, ValueError):
        return None


def _text(said: Said, event: AuditEvent) -> str:
    if not event.subject and said.bare:
        return said.bare
    oneself = event.actor_key == event.subject or event.actor == "anonymous"
    return said.own if oneself and said.own else said.text
