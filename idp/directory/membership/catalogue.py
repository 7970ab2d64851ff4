"""What every group asks of a contact, compiled once for each process and read again when any
process has changed it.

Building and compiling fifty conditions takes many times what the database takes to answer them.
So they are compiled into as few statements as their order allows, and kept until the version in
``CatalogueVersion`` is another: whatever changes what groups ask counts as a new version, in its
own transaction. A version is a random number, never a count: one that was undone does not come
again with another meaning.
"""

import datetime as dt
import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, and_, select, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import Mapped, mapped_column

from idp.association import Association
from idp.compiled import InSession, any_of
from idp.database import Base, db
from idp.directory import conditions, fields
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import day

KINDS = {"people": ("person",), "companies": ("company",), "both": ("person", "company")}
# SQLite takes 32,766 parameters and 2,000 columns a statement, Postgres 1,664 columns.
MOST_COLUMNS = 500
MOST_JSON = 100_000
_EXTENSION = "tessera-catalogue"


class CatalogueVersion(Base):
    """One row: a number that is another after each change of what groups ask."""

    __tablename__ = "catalogue_version"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    version: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class Entry:
    """A group as far as following it goes. ``asks`` are the ids of the groups it asks about.

    ``can_be_read`` is false in a circle of groups, which nothing but a hand in the database makes.
    """

    id: int
    kinds: tuple[str, ...]
    condition: conditions.Tree
    synced: bool
    asks: frozenset[int]
    asks_days: bool
    asks_company: bool
    can_be_read: bool = True


class Catalogue:
    """The groups as of one version, in levels: a group asks only about groups of levels before."""

    def __init__(self, version: int, entries: Collection[Entry]) -> None:
        self.version = version
        self.entries = {entry.id: entry for entry in entries}
        self.levels = _levels(self.entries)
        self.entries = {entry.id: entry for level in self.levels for entry in level}
        self.synced = frozenset(entry.id for entry in entries if entry.synced)
        self.asks_company = any(entry.asks_company for entry in entries)
        self._asks_days = any(entry.asks_days for entry in entries)
        self._compiled: _Compiled | None = None

    def questions(self, today: dt.date) -> Sequence[Sequence["Question"]]:
        """The statements that ask every group's condition about some contacts, level by level."""
        return self._compiled_for(today).questions

    def _compiled_for(self, today: dt.date) -> "_Compiled":
        day = today if self._asks_days else None
        # Another thread may put that of another day in its place at any moment.
        compiled = self._compiled
        if compiled is None or compiled.day != day:
            # It outlasts this session, which may have loaded them a choice ago.
            known = conditions.known_fields(fields.all_fields(anew=True))
            met = {
                entry.id: meets(entry.condition, entry.kinds, known, today=today)
                for entry in self.entries.values()
                if entry.can_be_read and can_be_read(entry.condition, known)
            }
            readable = [[entry for entry in level if entry.id in met] for level in self.levels]
            questions = [[Question(part, met) for part in _parts(level)] for level in readable]
            unreadable = frozenset(self.entries.keys() - met.keys())
            compiled = self._compiled = _Compiled(day, questions, unreadable)
        return compiled

    def unreadable(self, today: dt.date) -> frozenset[int]:
        """The groups whose condition names what is gone: who is in by rule stays, nobody joins."""
        return self._compiled_for(today).unreadable

    def asked_by(self, group_id: int) -> set[int]:
        """A group and the groups that its condition asks about, by way of others too."""
        found: set[int] = set()
        waiting = {group_id}
        while waiting:
            one = waiting.pop()
            found.add(one)
            waiting |= self.entries[one].asks - found
        return found

    def followers(self, group_id: int) -> list[int]:
        """The groups whose conditions ask about a group, or about one that does, in order."""
        found: set[int] = {group_id}
        ordered = []
        for level in self.levels:
            for entry in level:
                if entry.asks & found and entry.id not in found:
                    found.add(entry.id)
                    ordered.append(entry.id)
        return ordered


class _Compiled(NamedTuple):
    day: dt.date | None
    questions: "list[list[Question]]"
    unreadable: frozenset[int]


class Question:
    """One statement: which of these groups' conditions do some contacts meet?"""

    def __init__(self, entries: Sequence[Entry], met: Mapping[int, ColumnElement[bool]]) -> None:
        self.group_ids = [entry.id for entry in entries]
        contact = Contact.__table__.c

        def statement(dialect: Dialect) -> Any:
            answers: list[Any] = [met[entry.id].label(f"group_{entry.id}") for entry in entries]
            if dialect.name == "postgresql":
                # As one column: to be told of fifty takes the driver as long as their answer.
                answers = [array(answers).label("groups")]
            return select(contact.id, *answers).where(any_of(contact.id, "ids", dialect))

        self._statement = InSession(statement)

    def asked(self, contact_ids: Collection[int]) -> Iterator[tuple[int, int]]:
        """The pairs of a group and one of the contacts that meets its condition."""
        postgres = db.session.get_bind().dialect.name == "postgresql"
        for contact_id, *answers in self._statement.raw(ids=contact_ids):
            for group_id, it_is in zip(
                self.group_ids, answers[0] if postgres else answers, strict=True
            ):
                if it_is:
                    yield group_id, contact_id


def meets(
    tree: conditions.Tree,
    kinds: Sequence[str],
    known: Any = None,
    *,
    today: dt.date,
) -> ColumnElement[bool]:
    """Whether a contact is of these kinds and meets a condition, as SQL over the contact table.

    A record that was merged into another meets none. Raises ``InvalidCondition`` when the
    condition names what is gone.
    """
    contact = Contact.__table__.c
    return and_(
        contact.kind.in_(kinds),
        contact.merged_into_id.is_(None),
        conditions.compile_condition(tree, known, today=today),
    )


def can_be_read(tree: conditions.Tree, known: Any = None) -> bool:
    """Whether all that a condition names is there."""
    try:
        conditions.compile_condition(tree, known, today=dt.date.min)
    except conditions.InvalidCondition:
        return False
    return True


_VERSION_AND_ZONE = InSession(
    lambda _dialect: select(
        select(CatalogueVersion.version).scalar_subquery().label("version"),
        select(Association.time_zone).scalar_subquery().label("zone"),
    )
)


def current() -> Catalogue:
    """The catalogue as the transaction at hand sees it. One statement, as long as it is known.

    On Postgres it is asked for within the turn that ``changes`` takes: no group changes between
    the version and what is read of it.
    """
    return current_and_today()[0]


def current_and_today() -> tuple[Catalogue, dt.date]:
    """The catalogue, and the day that its conditions are asked about, by the same statement."""
    row = _VERSION_AND_ZONE.row()
    version = row.version or 0
    kept: Catalogue | None = current_app.extensions.get(_EXTENSION)
    if kept is None or kept.version != version:
        kept = current_app.extensions[_EXTENSION] = _read(version)
    return kept, day.day_in(row.zone)


def changed() -> None:
    """Say that something that groups ask is another from here on: also for whoever changes
    groups, custom fields or choices by statements."""
    version = {"version": secrets.randbits(62)}
    if not db.session.execute(update(CatalogueVersion).values(version)).rowcount:  # type: ignore[attr-defined]
        db.session.execute(CatalogueVersion.__table__.insert().values(id=1, **version))  # type: ignore[attr-defined]


def _read(version: int) -> Catalogue:
    # Columns, not objects: what the session has loaded may be old by now.
    rows = db.session.execute(
        select(Group.id, Group.key, Group.selects, Group.condition, Group.sync).order_by(Group.id)
    ).all()
    ids = {row.key: row.id for row in rows}
    return Catalogue(
        version,
        [
            Entry(
                id=row.id,
                kinds=KINDS[row.selects],
                condition=row.condition,
                synced=row.sync,
                asks=frozenset(
                    ids[key] for key in conditions.groups_asked(row.condition) if key in ids
                ),
                asks_days=conditions.asks_about_days(row.condition),
                asks_company=conditions.asks_about_company(row.condition),
            )
            for row in rows
        ],
    )


def _levels(entries: dict[int, Entry]) -> list[list[Entry]]:
    levels: list[list[Entry]] = []
    waiting = list(entries.values())
    done: set[int] = set()
    while waiting:
        ready = [entry for entry in waiting if entry.asks <= done]
        if not ready:  # a circle: refused when a condition is saved
            ready = waiting = [replace(entry, can_be_read=False) for entry in waiting]
        levels.append(ready)
        done |= {entry.id for entry in ready}
        waiting = [entry for entry in waiting if entry.id not in done]
    return levels


def _parts(level: Sequence[Entry]) -> Iterator[list[Entry]]:
    part: list[Entry] = []
    length = 0
    for entry in level:
        size = len(json.dumps(entry.condition))
        if part and (len(part) == MOST_COLUMNS or length + size > MOST_JSON):
            yield part
            part, length = [], 0
        part.append(entry)
        length += size
    if part:
        yield part
