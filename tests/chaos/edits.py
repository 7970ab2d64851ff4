"""What staff, members and files do to an association, by chance.

Each edit has chance of its own, made of the seed and its number, and names what it is about by
position: the sequence is the same each time, whatever the faults in between let through.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from idp.database import db
from idp.directory import (
    accounts,
    conditions,
    deactivation,
    fields,
    groups,
    importing,
    membership,
    merging,
)
from idp.directory.contacts import Company, Contact, InvalidValue, Person
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from idp.directory.membership import Addition, day
from tests.chaos import administrator

STATUSES = ("Current", "Grace", "Lapsed", "")
CITIES = ("Bern", "Oslo", "")
ROLES = ("", "Chair", "Speaker")
STAMP = "address_3"
"""Where an edit leaves its number: what comes after it has a higher one, or the same. Everybody has
one but a record that was merged into another."""


def _rule(field: str, op: str, value: Any) -> Any:
    return {"field": field, "op": op, "value": value}


TREES: tuple[Any, ...] = (
    _rule("member_status", "is", "Current"),
    {"any": [_rule("member_status", "is", "Current"), _rule("member_status", "is", "Grace")]},
    _rule("city", "is", "Bern"),
    _rule("region", "one_of", ["north", "south"]),
    _rule("interests", "contains", "policy"),
    {"all": [_rule("volunteer", "is", True), _rule("has_account", "is", True)]},
    _rule("company.city", "is", "Oslo"),
    {"none": [_rule("member_status", "is", "Lapsed"), _rule("volunteer", "is", True)]},
)
# Of groups whose key comes earlier, so that no two ask about each other.
DEPENDENT: tuple[Any, ...] = (
    _rule("group", "is", "g0"),
    {"all": [_rule("group", "is_not", "g1"), _rule("member_status", "is", "Current")]},
)


class Edits:
    """An association of so many people, and what happens to it.

    ``folder`` is for files to import. ``make`` makes the association; ``edit`` does one edit.
    """

    def __init__(self, seed: int, folder: Path, *, people: int = 40, companies: int = 6) -> None:
        self.seed, self.folder = seed, folder
        self.people, self.companies = people, companies
        self.draw = random.Random(seed)
        self.number = 0

    def make(self) -> None:
        """Fields, companies, people with accounts, and three groups, one of them not synced."""
        draw = self.draw
        shown = {"in_members_section": True, "sync": True}
        fields.create("Region", "one_of", applies_to="both", choices=["North", "South"], **shown)
        fields.create("Interests", "several_of", choices=["Policy", "Events", "Art"], **shown)
        fields.create("Volunteer", "yes_no", **shown)
        fields.create("Motto", "text", applies_to="both", **shown)
        fields.create("Note for staff", "text", applies_to="both")
        companies = [
            Company(
                key=f"c{number}",
                name=f"Engines {number}",
                city=draw.choice(CITIES),
                address_3="edit 0",
            )
            for number in range(self.companies)
        ]
        db.session.add_all(companies)
        db.session.flush()
        for number in range(self.people):
            person = Person(
                key=f"p{number}",
                first_name="Ada",
                last_name=f"Byron {number}",
                email=f"p{number}@example.org",
                member_status=draw.choice(STATUSES),
                company=draw.choice([None, *companies]),
                address_3="edit 0",
            )
            db.session.add(person)
            db.session.flush()
            if draw.random() < 0.8:
                accounts.create(person)
        db.session.commit()
        for number, (kind, sync) in enumerate(
            (("security", True), ("community", True), ("security", False))
        ):
            tree = conditions.parse(draw.choice(TREES))
            groups.create(f"Group {number}", tree, type=kind, sync=sync, key=f"g{number}")  # type: ignore[arg-type]
            db.session.commit()

    def edit(self) -> str:
        """Do the next edit and keep it; says what it was. What the services refuse is refused."""
        self.number += 1
        self.draw = random.Random(f"{self.seed}:{self.number}")
        step = self.draw.choice(self._steps)
        try:
            step()
            db.session.commit()
        except InvalidValue:
            db.session.rollback()
            return f"{step.__name__} (refused)"
        return step.__name__

    @property
    def _steps(self) -> list[Callable[[], None]]:
        return [
            *(self.profile, self.profile, self.profile, self.status, self.status, self.employer),
            *(self.region, self.interests, self.volunteer, self.motto, self.address, self.account),
            *(self.company, self.company, self.condition, self.sync, self.rename, self.addition),
            *(self.redating, self.removal, self.exclusion, self.out_of_use, self.out_of_use),
            *(self.file, self.file, self.merge, self.newcomer, self.field, self.parent),
            self.verdict,
        ]

    def _pick(self, rows: list[Any]) -> Any:
        """One of some rows, in the order of their ids."""
        place = self.draw.random()
        return rows[int(place * len(rows))] if rows else None

    def _people(self) -> list[Person]:
        query = select(Person).where(Person.merged_into_id.is_(None)).order_by(Person.id)
        return list(db.session.scalars(query))

    def _companies(self) -> list[Company]:
        query = select(Company).where(Company.merged_into_id.is_(None)).order_by(Company.id)
        return list(db.session.scalars(query))

    def _person(self) -> Person:
        person: Person = self._pick(self._people())
        return person

    def _group(self) -> Group:
        group: Group = self._pick(list(db.session.scalars(select(Group).order_by(Group.id))))
        return group

    def _field(self, key: str) -> CustomField:
        return db.session.scalars(select(CustomField).where(CustomField.key == key)).one()

    def _stamp(self, contact: Contact) -> None:
        setattr(contact, STAMP, f"edit {self.number}")

    def profile(self) -> None:
        """Several edits of one person, one after the other."""
        person = self._person()
        for _again in range(self.draw.randrange(1, 4)):
            person.job_title = f"Title {self.draw.randrange(1000)}"
            person.bio = f"<p>Since {self.draw.randrange(1000)}</p>"
            self._stamp(person)
            db.session.commit()

    def status(self) -> None:
        person = self._person()
        person.member_status, person.city = self.draw.choice(STATUSES), self.draw.choice(CITIES)
        self._stamp(person)

    def employer(self) -> None:
        person = self._person()
        person.company = self._pick([None, *self._companies()])
        self._stamp(person)

    def region(self) -> None:
        contact = self._pick([*self._people(), *self._companies()])
        fields.set_value(contact, self._field("region"), self.draw.choice(["north", "south", None]))
        self._stamp(contact)

    def interests(self) -> None:
        chosen = self.draw.sample(["policy", "events", "art"], self.draw.randrange(4))
        fields.set_value(self._person(), self._field("interests"), chosen)

    def volunteer(self) -> None:
        value = self.draw.choice([True, False, None])
        fields.set_value(self._person(), self._field("volunteer"), value)

    def motto(self) -> None:
        contact = self._pick([*self._people(), *self._companies()])
        value = self.draw.choice([None, f"Motto {self.draw.randrange(100)}"])
        fields.set_value(contact, self._field("motto"), value)
        fields.set_value(contact, self._field("note_for_staff"), value)

    def address(self) -> None:
        accounts.change_email(self._person(), f"e{self.number}@example.org")

    def account(self) -> None:
        person = self._person()
        account = accounts.of_person(person)
        if account is None:
            accounts.create(person)
        elif account.deactivated_at is None:
            accounts.deactivate(account)
        else:
            accounts.reactivate(account)

    def company(self) -> None:
        company = self._pick(self._companies())
        company.name = f"Engines {self.draw.randrange(1000)}"
        company.city = self.draw.choice(CITIES)
        company.main_contact = self._pick([None, *self._people()])
        self._stamp(company)

    def parent(self) -> None:
        company, parent = self._pick(self._companies()), self._pick([None, *self._companies()])
        company.parent = parent

    def condition(self) -> None:
        group = self._group()
        trees = TREES if group.key in {"g0", "g1"} else (*TREES, *DEPENDENT)
        selects = self.draw.choice(groups.SELECTS)
        groups.change(group, condition=conditions.parse(self.draw.choice(trees)), selects=selects)

    def sync(self) -> None:
        group = self._group()
        groups.switch_sync(group, not group.sync)

    def rename(self) -> None:
        groups.change(self._group(), name=f"Group {self.draw.randrange(1000)}")

    def addition(self) -> None:
        group, contact = self._group(), self._pick([*self._people(), *self._companies()])
        end_on = self.draw.choice([None, day.today().replace(year=day.today().year + 1)])
        membership.add(group, contact, role=self.draw.choice(ROLES), end_on=end_on)

    def redating(self) -> None:
        addition = self._pick(list(db.session.scalars(select(Addition).order_by(Addition.id))))
        if addition is not None:
            begin_on = self.draw.choice([None, day.today().replace(year=day.today().year - 2)])
            membership.change(addition, role=addition.role, begin_on=begin_on, end_on=None)

    def removal(self) -> None:
        addition = self._pick(list(db.session.scalars(select(Addition).order_by(Addition.id))))
        if addition is not None:
            membership.remove(addition)

    def exclusion(self) -> None:
        group, contact = self._group(), self._pick([*self._people(), *self._companies()])
        if membership.exclusion_of(group, contact) is None:
            membership.shut_out(group, contact)
        else:
            membership.let_in(group, contact)

    def out_of_use(self) -> None:
        contact = self._pick([*self._people(), *self._people(), *self._companies()])
        if contact.active:
            deactivation.deactivate(contact)
        else:
            deactivation.reactivate(contact)

    def file(self) -> None:
        """An import of a few people, one of them new."""
        people = [self._person() for _ in range(self.draw.randrange(2, 8))]
        # By key: an import merges nobody, and names nobody twice.
        keys = {person.key: person for person in people}
        rows = ["Key,First Name,Last Name,Email,Member Status,City,Address 3"]
        for key, person in keys.items():
            name = f"{person.first_name},{person.last_name}"
            rows.append(f"{key},{name},{person.email},{self._row()}")
        rows.append(f"i{self.number},Grace,Hopper,i{self.number}@example.org,{self._row()}")
        db.session.rollback()
        path = self.folder / f"import {self.number}.csv"
        path.write_text("\n".join(rows) + "\n")
        importing.run("people", path)

    def _row(self) -> str:
        return f"{self.draw.choice(STATUSES)},{self.draw.choice(CITIES)},edit {self.number}"

    def merge(self) -> None:
        if self.draw.random() < 0.7:
            kept, other = self._person(), self._person()
            merging.merge(kept, other, whose="kept", take=merging.suggested(kept, other))
        elif len(companies := self._companies()) > 3:
            merging.merge(self._pick(companies), self._pick(companies))

    def newcomer(self) -> None:
        person = Person(
            key=f"n{self.number}",
            first_name="New",
            last_name=f"Member {self.number}",
            email=f"n{self.number}@example.org",
            member_status=self.draw.choice(STATUSES),
            company=self._pick([None, *self._companies()]),
        )
        self._stamp(person)
        db.session.add(person)
        db.session.flush()
        accounts.create(person)

    def field(self) -> None:
        field = self._field(self.draw.choice(["region", "motto"]))
        if self.draw.random() < 0.5:
            field.sync = not field.sync
        else:
            field.label = f"{field.key} {self.draw.randrange(100)}"

    def verdict(self) -> None:
        """An administrator decides about what the removal guard holds."""
        administrator.decide(self.draw)
