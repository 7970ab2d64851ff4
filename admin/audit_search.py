"""What the audit's page is asked for: words, a kind of event, a person, from when to when."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import request
from sqlalchemy import ColumnElement, FromClause, String, and_, cast, or_, select, union_all

from admin import audit_words, lookups
from admin.lists import searched
from idp import association
from idp.audit.finding import Asked, Words
from idp.directory import contacts
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.groups import Group
from idp.directory.searching import matches, title
from idp.folding import fold, scanned
from idp.oauth.clients import Client

LONGEST = 400
MOST_WORDS = 8
# So many people, groups and clients that a word names are looked for.
MOST_NAMED = 500
NAMES = ("q", "kind", "person", "from", "to")


@dataclass(frozen=True)
class Search:
    """The page's form as it was filled in, what is looked for by it, and what is wrong with it."""

    values: dict[str, str]
    asked: Asked
    mistakes: dict[str, str]

    @property
    def narrowed(self) -> bool:
        """Whether anything is looked for."""
        return any(self.values.values())

    @property
    def query(self) -> dict[str, str]:
        """The form as the query of an address."""
        return {name: value for name, value in self.values.items() if value}


def search() -> Search:
    """What the request asks. What is wrong is said at its field, and not looked for."""
    values = {name: request.args.get(name, "").strip()[:LONGEST] for name in NAMES}
    values["q"] = searched()
    mistakes: dict[str, str] = {}
    given: dict[str, Any] = {"words": _words(values["q"])}
    if values["kind"] in audit_words.KINDS:
        given["names"] = tuple(event.value for event in audit_words.KINDS[values["kind"]][1])
    else:
        values["kind"] = ""
    try:
        given["keys"] = _keys(values["person"])
    except InvalidValue as error:
        mistakes["person"] = str(error)
    for name, part, days in (("from", "since", 0), ("to", "until", 1)):
        try:
            given[part] = _midnight(values[name], days)
        except (ValueError, OverflowError):
            mistakes[name] = "Write the day as 2026-03-31."
    if not any(values.values()):
        # Ten thousand of them would hide what else was done that day.
        given["without"] = tuple(event.value for event in audit_words.KINDS["imported"][1])
    return Search(values, Asked(**given), mistakes)


def keys_of(contact: Contact) -> tuple[str, ...]:
    """The key of a contact, and of the records that were merged into it."""
    return (contact.key, *(one.key for one in contacts.aliases(contact)[:20]))


def _keys(text: str) -> tuple[str, ...]:
    """Whom a text names; nobody for an empty one. Raises ``InvalidValue``."""
    contact = lookups.resolved("person", text, "person")
    return keys_of(contact) if contact is not None else ()


def _midnight(day: str, days: int) -> dt.datetime | None:
    """When a day of the association's begins, or so many days later."""
    if not day:
        return None
    start = dt.date.fromisoformat(day) + dt.timedelta(days=days)
    zone = ZoneInfo(association.get().time_zone)
    return dt.datetime.combine(start, dt.time(), zone).astimezone(dt.UTC)


def _words(text: str) -> Words | None:
    words = fold(text).split()[:MOST_WORDS]
    if not words:
        return None
    return lambda columns: and_(*(_word(word, columns) for word in words))


def _word(word: str, of: FromClause) -> ColumnElement[bool]:
    """A word is in who acted, in what was done, in the detail, or names whom it is about."""
    detail = scanned(cast(of.c.detail, String))
    # SQLite keeps JSON as it was written, where another letter than ASCII's is escaped.
    spellings = {word, *(fold(json.dumps(one)[1:-1]) for one in (word, word.upper()))}
    keys = _named(word)
    return or_(
        of.c.name.in_(audit_words.said_with(word)),
        scanned(of.c.actor).contains(word, autoescape=True),
        scanned(of.c.subject).contains(word, autoescape=True),
        *(detail.contains(one, autoescape=True) for one in spellings),
        *(of.c[name].in_(keys) for name in ("subject", "also_about", "actor_key")),
    )


def _named(word: str) -> Any:
    """The keys of what a word names."""
    contact, group, client = Contact.__table__, Group.__table__, Client.__table__
    people = select(contact.c.key).where(matches(word, title(contact).element, contact.c.email))
    groups = select(group.c.key).where(matches(word, group.c.name))
    clients = select(client.c.client_id).where(matches(word, client.c.name))
    parts = [one.limit(MOST_NAMED).subquery() for one in (people, groups, clients)]
    return union_all(*(select(*part.c) for part in parts))
