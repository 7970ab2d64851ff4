"""After whatever staff, members and the calendar do, memberships are what a plain reading of the
condition, the additions and the exclusions says, and the history is consistent."""

import datetime as dt
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from idp.database import db
from idp.directory import accounts, conditions, fields, groups, membership
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, Person
from idp.directory.fields import FieldValue
from idp.directory.groups import Group
from idp.directory.membership import (
    Addition,
    Exclusion,
    Membership,
    PastMembership,
    day,
)
from tests import factories

STATUSES = ("Current", "Lapsed", "")
ROLES = ("", "Chair", "Speaker")
START = dt.date(2026, 3, 30)
KINDS = {"people": {"person"}, "companies": {"company"}, "both": {"person", "company"}}


def rule(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


TREES: list[Any] = [
    rule("member_status", "is", "Current"),
    rule("company.member_status", "is", "Current"),
    {"any": [rule("company.member_status", "is", "Lapsed"), rule("volunteer", "is", True)]},
    rule("has_account", "is", True),
    {"none": [rule("member_status", "is", "Lapsed"), rule("volunteer", "is", True)]},
    rule("expires_on", "in_next_days", 2),
]
DEPENDENT: list[Any] = [
    rule("group", "is", "g0"),
    {"all": [rule("group", "is_not", "g1"), rule("member_status", "is", "Current")]},
    rule("group", "one_of", ["g0", "g2"]),
]


class World:
    """An association, what happens to it, and who should be in which group."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.today = START
        self.companies = [factories.company(member_status="Current").id for _ in range(2)]
        self.people = [factories.person(member_status="Lapsed").id for _ in range(5)]
        fields.create("Volunteer", "yes_no")
        db.session.commit()
        for number in range(3):
            self._make(f"g{number}", self.draw.choice(TREES))
        for number in (3, 4):
            self._make(f"g{number}", self.draw.choice(DEPENDENT))
        self._make("g5", rule("group", "is", "g3"))

    def _make(self, key: str, tree: Any) -> None:
        factories.group(tree, key=key, selects="both", type="community", sync=key != "g1")

    def person(self) -> Person:
        return db.session.get_one(Person, self.draw.choice(self.people))

    def contact(self) -> Contact:
        return db.session.get_one(Contact, self.draw.choice(self.people + self.companies))

    def group(self) -> Group:
        return db.session.scalars(
            select(Group).where(Group.key == f"g{self.draw.randrange(6)}")
        ).one()

    def status(self) -> None:
        self.contact().member_status = self.draw.choice(STATUSES)

    def expiry(self) -> None:
        self.person().expires_on = self.today + dt.timedelta(days=self.draw.randrange(-2, 5))

    def employer(self) -> None:
        self.person().company_id = self.draw.choice([*self.companies, None])

    def volunteer(self) -> None:
        fields.set_value(
            self.person(), fields.all_fields()[0], self.draw.choice((True, False, None))
        )

    def account(self) -> None:
        person = self.person()
        if accounts.of_person(person) is None:
            accounts.create(person)

    def condition(self) -> None:
        key = f"g{self.draw.randrange(5)}"
        group = db.session.scalars(select(Group).where(Group.key == key)).one()
        trees = DEPENDENT if key in {"g3", "g4"} else TREES
        groups.change(group, condition=conditions.parse(self.draw.choice(trees)))

    def selects(self) -> None:
        groups.change(self.group(), selects=self.draw.choice(groups.SELECTS))

    def addition(self) -> None:
        group, contact, role = self.group(), self.contact(), self.draw.choice(ROLES)
        if all(one.role != role for one in membership.additions_of(group, contact)):
            membership.add(group, contact, role=role, **self._dates())

    def redating(self) -> None:
        additions = db.session.scalars(select(Addition).order_by(Addition.id)).all()
        if additions:
            one = self.draw.choice(additions)
            membership.change(one, role=one.role, **self._dates())

    def removal(self) -> None:
        additions = db.session.scalars(select(Addition).order_by(Addition.id)).all()
        if additions:
            membership.remove(self.draw.choice(additions))

    def exclusion(self) -> None:
        group, contact = self.group(), self.contact()
        if membership.exclusion_of(group, contact) is None:
            membership.shut_out(group, contact)
        else:
            membership.let_in(group, contact)

    def days(self) -> None:
        self.today += dt.timedelta(days=self.draw.randrange(1, 4))
        db.session.rollback()
        membership.turn_of_day()

    def _dates(self) -> dict[str, dt.date | None]:
        begin, end = (
            self.draw.choice((None, self.today + dt.timedelta(days=self.draw.randrange(-2, 4))))
            for _ in range(2)
        )
        if begin is not None and end is not None and end < begin:
            begin, end = end, begin
        return {"begin_on": begin, "end_on": end}

    @property
    def steps(self) -> list[Callable[[], None]]:
        return [
            *(self.status, self.expiry, self.employer, self.volunteer, self.account),
            *(self.condition, self.selects, self.addition, self.addition, self.redating),
            *(self.removal, self.exclusion, self.days),
        ]


def should_be(today: dt.date) -> set[tuple[str, int, str, str, Any, Any]]:
    """Who is in which group, by reading everything in Python."""
    contacts = {row.id: row for row in db.session.scalars(select(Contact))}
    have_account = set(db.session.scalars(select(Account.person_id)))
    volunteers = set(
        db.session.scalars(select(FieldValue.contact_id).where(FieldValue.truth.is_(True)))
    )
    out = {(row.group_id, row.contact_id) for row in db.session.scalars(select(Exclusion))}
    additions = db.session.scalars(select(Addition)).all()
    found: set[tuple[str, int, str, str, Any, Any]] = set()

    def meets(tree: Any, contact: Any) -> bool:
        for block, together in (("all", all), ("any", any)):
            if block in tree:
                return together(meets(part, contact) for part in tree[block])
        if "none" in tree:
            return not any(meets(part, contact) for part in tree["none"])
        field, op, value = tree["field"], tree["op"], tree["value"]
        if field == "group":
            keys = value if isinstance(value, list) else [value]
            is_in = any(row[0] in keys and row[1] == contact.id for row in found)
            return is_in is not (op == "is_not")
        if field == "company.member_status":
            company = contacts.get(getattr(contact, "company_id", None))
            return company is not None and company.member_status == value
        if field == "volunteer":
            return (contact.id in volunteers) is value
        if field == "has_account":
            return (contact.id in have_account) is value
        if field == "expires_on":
            last = today + dt.timedelta(days=value)
            return contact.expires_on is not None and today <= contact.expires_on <= last
        return bool(contact.member_status == value)

    # In the order of their keys: a group asks only about those before it.
    for group in db.session.scalars(select(Group).order_by(Group.key)):
        now_in = set()
        for contact in contacts.values():
            if contact.kind in KINDS[group.selects] and meets(group.condition, contact):
                now_in.add((group.key, contact.id, "rule", "", None, None))
        for one in additions:
            begun = one.begin_on is None or one.begin_on <= today
            if one.group_id == group.id and begun and (one.end_on is None or one.end_on >= today):
                place = (group.key, one.contact_id, one.origin, one.role)
                now_in.add((*place, one.begin_on, one.end_on))
        found |= {row for row in now_in if (group.id, row[1]) not in out}
    return found


def are() -> set[tuple[str, int, str, str, Any, Any]]:
    row = Membership
    return {
        tuple(found)
        for found in db.session.execute(
            select(Group.key, row.contact_id, row.origin, row.role, row.begin_on, row.end_on).join(
                Group, Group.id == row.group_id
            )
        )
    }


def spans() -> list[tuple[Any, ...]]:
    """Every membership that ended, in the order of its place and time."""
    past = PastMembership
    query = select(
        past.group_id, past.contact_id, past.origin, past.role, past.since, past.left_at
    ).order_by(past.group_id, past.contact_id, past.origin, past.role, past.left_at)
    return [tuple(row) for row in db.session.execute(query)]


@pytest.mark.parametrize("seed", range(6))
def test_memberships_are_what_a_plain_reading_says_whatever_happens(
    app: Flask, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(day, "today", lambda: START)
    monkeypatch.setattr(day, "day_in", lambda _zone: START)
    world = World(seed)
    monkeypatch.setattr(day, "today", lambda: world.today)
    monkeypatch.setattr(day, "day_in", lambda _zone: world.today)
    before = are()
    assert before == should_be(world.today)
    ended = 0
    for number in range(40):
        step = world.draw.choice(world.steps)
        step()
        db.session.commit()
        after = are()
        assert after == should_be(world.today), f"step {number}: {step.__name__}"
        # Each place that is empty now was kept, once.
        ended += len({row[:4] for row in before} - {row[:4] for row in after})
        before = after
        db.session.rollback()
    history = spans()
    assert len(history) >= ended
    assert all(since <= left_at for *_, since, left_at in history)
    for earlier, later in itertools.pairwise(history):
        if earlier[:4] == later[:4]:
            assert earlier[5] <= later[4], "two memberships of one place at the same time"
    present = {
        (row.group_id, row.contact_id, row.origin, row.role): row.since
        for row in db.session.scalars(select(Membership))
    }
    for *place, _since, left_at in history:
        assert present.get(tuple(place), left_at) >= left_at
