"""What is measured of a directory: one person's change, a group's new condition, a preview.

Each is done through the app's own code, as a request does it, on a database that holds an
association of ``bench.association``. Times are in seconds.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import func, select

from bench import association, association_groups
from idp.database import db, reading
from idp.directory import conditions, contacts, fields, groups
from idp.directory.contacts import Company, Person
from idp.directory.difference import Edited
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from idp.directory.membership import Membership
from sync import preview

CHANGES = ("a custom field", "the status", "the company")
FLOOR = "a bare UPDATE"
# A condition of the largest group and the one it is changed to: how many states of 15 it keeps.
CONDITIONS = {"a fifteenth of it": 14, "a third of it": 10, "all of it": 0}
SOME_COMPANIES = 1000
PREVIEWS = ("as it is", "another fifth of everybody", "a block of fields", "everybody")


@dataclass(frozen=True)
class Moved:
    """A group's new condition, saved: how many it had, and who went and came."""

    seconds: float
    members: int
    left: int
    joined: int
    peak_mb: float
    """By how much the process outgrew what it had before, at the most."""


@dataclass
class Round:
    """What one turn of one database said."""

    changes: dict[str, list[float]] = field(default_factory=dict)
    conditions: dict[str, Moved] = field(default_factory=dict)
    previews: dict[str, float] = field(default_factory=dict)


@dataclass
class Contestant:
    """A database with its association and the app on it."""

    database: str
    people: int
    app: Flask
    address: str
    """What the driver connects to: a file for SQLite."""

    @property
    def title(self) -> str:
        """For the log."""
        return f"{self.database}, {self.people:,} people"


def changes(here: Contestant, times: int, seed: int) -> dict[str, list[float]]:
    """Random people's changes, each a whole transaction, in turn with the floor's: by kind."""
    draw = random.Random(seed)
    taken: dict[str, list[float]] = {name: [] for name in (*CHANGES, FLOOR)}
    with here.app.app_context(), _driver(here) as update:
        some = select(Company.id).order_by(Company.id).limit(SOME_COMPANIES)
        company_ids = list(db.session.scalars(some))
        db.session.remove()
        for _ in range(times):
            for name in CHANGES:
                key = association.person_key(draw.randint(1, here.people))
                taken[name].append(_timed(partial(_change, name, key, draw, company_ids)))
                db.session.remove()
            person = draw.randint(1, here.people)
            taken[FLOOR].append(_timed(partial(update, person)))
    return taken


def _change(name: str, key: str, draw: random.Random, company_ids: list[int]) -> None:
    person = contacts.find(key)
    if not isinstance(person, Person):
        raise LookupError(f"{key} is no person")
    match name:
        case "a custom field":
            section = db.session.scalars(select(CustomField).filter_by(key="section")).one()
            fields.set_value(person, section, draw.choice(section.choices).key)
        case "the status":
            person.member_status = "Lapsed" if person.member_status == "Current" else "Current"
        case _:
            person.company_id = draw.choice(company_ids)
    db.session.commit()


@contextmanager
def _driver(here: Contestant) -> Iterator[Callable[[int], None]]:
    """A connection of the driver's own: writes one row of a contact, by number, and commits."""
    moment = "2026-01-01 00:00:00+00"
    if here.database == "sqlite":
        file = sqlite3.connect(here.address, isolation_level=None, timeout=30)
        file.execute("PRAGMA synchronous = FULL")
        file.execute("PRAGMA cache_size = -32768")

        def update(number: int) -> None:
            file.execute("BEGIN IMMEDIATE")
            key = association.person_key(number)
            file.execute("UPDATE contact SET updated_at = ? WHERE key = ?", (moment, key))
            file.execute("COMMIT")

        try:
            yield update
        finally:
            file.close()
    else:
        with psycopg.connect(here.address) as server:

            def update(number: int) -> None:
                key = association.person_key(number)
                server.execute("UPDATE contact SET updated_at = %s WHERE key = %s", (moment, key))
                server.commit()

            yield update


def new_conditions(here: Contestant, first_state: int) -> dict[str, Moved]:
    """The largest group's condition changed and saved, by how much of it is replaced.

    The group selects the states from ``first_state`` on; afterwards it does so again.
    """
    done = {}
    for name, kept in CONDITIONS.items():
        _select_states(here, first_state)
        done[name] = _select_states(here, (first_state + 15 - kept) % 50)
    _select_states(here, first_state)
    return done


def _select_states(here: Contestant, first_state: int) -> Moved:
    tree = conditions_of(here, first_state)
    with here.app.app_context():
        group = _largest()
        group_id, members = group.id, _size(group)
        before = _members(group_id)
        db.session.remove()
        group = _largest()
        with _memory() as peak:

            def save() -> None:
                groups.change(group, condition=tree)
                db.session.commit()

            seconds = _timed(save)
        db.session.remove()
        after = _members(group_id)
        db.session.remove()
    return Moved(seconds, members, len(before - after), len(after - before), peak[0])


def conditions_of(here: Contestant, first_state: int) -> conditions.Tree:
    """The checked condition of the largest group that begins with a state."""
    with here.app.app_context():
        return conditions.parse(association_groups.largest(first_state))


def _largest() -> Group:
    group = groups.find(association_groups.LARGEST)
    if group is None:
        raise LookupError("There is no largest group.")
    return group


def _size(group: Group) -> int:
    query = select(func.count(Membership.contact_id.distinct())).where(
        Membership.group_id == group.id
    )
    return db.session.scalar(query) or 0


def _members(group_id: int) -> set[int]:
    return set(
        db.session.scalars(select(Membership.contact_id).where(Membership.group_id == group_id))
    )


def previews(here: Contestant) -> dict[str, float]:
    """What a condition would do to the largest group, counted: by condition."""
    rule = association_groups.rule
    trees: dict[str, Any] = {
        "as it is": association_groups.largest(0),
        "another fifth of everybody": association_groups.largest(7),
        "a block of fields": {
            "all": [
                association_groups.CURRENT,
                {
                    "any": [
                        rule("interests", "contains", "policy"),
                        rule("years_in_practice", "more_than", 20),
                        rule("job_title", "contains", "3"),
                    ]
                },
            ]
        },
        "everybody": {"all": [rule("last_name", "not_empty")]},
    }
    taken = {}
    with here.app.app_context():
        for name in PREVIEWS:
            tree = conditions.parse(trees[name])
            db.session.remove()
            with reading():
                group_id = _largest().id
                taken[name] = _timed(partial(preview.counts, Edited(tree, "people", group_id)))
                db.session.rollback()
        db.session.remove()
    return taken


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def _memory() -> Iterator[list[float]]:
    """By how many MB the process outgrows what it has now: the list's one number, afterwards."""
    own = Path("/proc/self")
    # proc_pid_clear_refs(5): 5 sets the peak back to what is in use now.
    (own / "clear_refs").write_text("5")
    before = _peak_kb()
    peak = [0.0]
    yield peak
    peak[0] = (_peak_kb() - before) / 1024


def _peak_kb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise LookupError("the system does not say what this process takes")
