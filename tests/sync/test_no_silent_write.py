"""No write path is silent: whatever changes what Higher Logic is to be told of a contact announces
that contact, inside its transaction (docs/architecture.md, decision 3).

The oracle knows nothing of announcements: it builds every record before and after a write, as the
feed does, and compares. Each way to write is walked; a statement that writes past the ORM stands
in a list here, so that a new one is noticed.
"""

# ruff: noqa: F811

import ast
import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Select, inspect, select

from idp import association
from idp.database import db
from idp.directory import (
    accounts,
    changes,
    conditions,
    deactivation,
    field_deletion,
    fields,
    groups,
    importing,
    membership,
    merging,
    photos,
)
from idp.directory.contacts import WEB_ADDRESSES, Company, Contact, Person
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from sync.records import feed
from tests import browsing, factories
from tests.admin.conftest import SignIn, as_role, sign_in, staff  # noqa: F401

ROOT = Path(__file__).parents[2]
EVERYTHING = feed.Wanted(bio=True, photo=True, web=True, member_statuses=frozenset({"current"}))


@dataclass
class Heard:
    """Whom a listener was told of, by id; those whose transaction was kept only."""

    ids: set[int] = field(default_factory=set)

    def __call__(self, contacts: changes.Ids) -> None:
        """Listen, as the ledger does."""
        told = db.session.scalars(contacts) if isinstance(contacts, Select) else contacts
        self.ids |= set(told)


@pytest.fixture
def heard(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """A further listener."""
    listener = Heard()
    monkeypatch.setattr(changes, "_listeners", [*changes._listeners, listener])
    return listener


def records() -> dict[int, feed.Record]:
    """What Higher Logic is to be told, of everybody."""
    db.session.expire_all()
    ids = list(db.session.scalars(select(Contact.id)))
    found = feed.build(ids, EVERYTHING)
    db.session.rollback()
    return found


def differing(before: dict[int, feed.Record], after: dict[int, feed.Record]) -> set[int]:
    """Of whom something else is to be told."""
    return {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)}


@dataclass
class World:
    """Somebody of everything that a record is made of."""

    person: Person
    other: Person
    company: Company
    second: Company
    outsider: Person
    text: CustomField
    choice: CustomField
    group: Group


@pytest.fixture
def world(heard: Heard) -> World:
    """A person and a company in a synced group, with values of synced fields."""
    company = factories.company(member_status="Current")
    second = factories.company()
    person = factories.person(account=True, company=company)
    other = factories.person(account=True)
    outsider = factories.person(account=True, member_status="Lapsed")
    text = fields.create("Note", "text", applies_to="both", in_members_section=True, sync=True)
    choice = fields.create(
        "Region",
        "one_of",
        applies_to="both",
        choices=["North", "South"],
        in_members_section=True,
        sync=True,
    )
    db.session.flush()
    for contact in (person, company):
        fields.set_value(contact, text, "a")
        fields.set_value(contact, choice, "north")
    db.session.commit()
    group = factories.group(type="community", sync=True, selects="both", name="Everybody")
    heard.ids.clear()
    return World(person, other, company, second, outsider, text, choice, group)


def walked(heard: Heard, write: Callable[[], object]) -> set[int]:
    """Write; whoever's record is another for it was announced. Gives whose that is."""
    before = records()
    heard.ids.clear()
    write()
    db.session.commit()
    changed = differing(before, records())
    assert changed, "it changed nothing that is told: it shows nothing"
    assert changed <= heard.ids, "written in silence"
    return changed


# What is nobody's to write, or says nothing about the contact.
NOT_WRITTEN = {"id", "kind", "key", "created_at", "updated_at", "email_key", "merged_into_id"}


def columns(model: type[Contact]) -> list[str]:
    """Every column of a person or a company that can be written; who is in use comes last."""
    names = {attribute.key for attribute in inspect(model).column_attrs} - NOT_WRITTEN
    return sorted(names, key=lambda name: (name == "active", name))


def another(contact: Contact, name: str) -> Any:
    """A value that the column does not have, and may have."""
    present = getattr(contact, name)
    if isinstance(present, bool):
        return not present
    if name.endswith("_on"):
        return dt.date(2031, 4, 5)
    if name.endswith("_id") and name != "member_id":
        return factories.company().id if name != "main_contact_id" else factories.person().id
    if name == "email":
        return "another@example.org"
    return "https://example.org/x" if name in WEB_ADDRESSES else "Another"


@pytest.mark.parametrize("model", [Person, Company])
def test_every_column_of_a_contact_is_announced(
    world: World, heard: Heard, model: type[Contact]
) -> None:
    contact = world.person if model is Person else world.company
    for name in columns(model):
        value = another(contact, name)
        before = records()
        heard.ids.clear()
        setattr(contact, name, value)
        db.session.commit()
        assert contact.id in heard.ids, name
        assert differing(before, records()) <= heard.ids, name


def _new_account(world: World) -> None:
    accounts.create(factories.person(member_status="Lapsed"))


ORM: dict[str, Callable[[World], object]] = {
    "value set": lambda w: fields.set_value(w.person, w.text, "b"),
    "value emptied": lambda w: fields.set_value(w.company, w.text, None),
    "choice taken": lambda w: fields.set_value(w.person, w.choice, "south"),
    "field renamed": lambda w: setattr(w.text, "label", "Remark"),
    "field's sync off": lambda w: setattr(w.text, "sync", False),
    "choice renamed": lambda w: setattr(w.choice.choices[0], "label", "The North"),
    "account made": lambda w: _new_account(w),
    "account off": lambda w: accounts.deactivate(_account(w.person)),
    "address": lambda w: accounts.change_email(w.person, "new@example.org"),
    "group renamed": lambda w: groups.change(w.group, name="All"),
    "community type": lambda w: groups.change(w.group, community_type="Chapter"),
    "condition": lambda w: groups.change(
        w.group, condition=conditions.parse({"field": "city", "op": "not_empty"})
    ),
    "selects": lambda w: groups.change(w.group, selects="people"),
    "sync off": lambda w: groups.switch_sync(w.group, False),
    "second group": lambda w: factories.group(type="security", sync=True),
    "company renamed": lambda w: setattr(w.company, "name", "Difference Engines"),
}


def _account(person: Person) -> accounts.Account:
    found = accounts.of_person(person)
    assert found is not None
    return found


def _dates(world: World) -> None:
    (addition,) = membership.additions_of(world.group, world.other)
    membership.change(addition, role="Chair", begin_on=None, end_on=dt.date(2999, 1, 1))


def _remove(world: World) -> None:
    (addition,) = membership.additions_of(world.group, world.other)
    membership.remove(addition)


def _delete_field(world: World) -> None:
    world.text.sync = False
    db.session.flush()
    field_deletion.delete(world.text)


def _photo(world: World) -> None:
    kept = io.BytesIO()
    Image.new("RGB", (300, 200), "navy").save(kept, "PNG")
    photos.keep(world.person, photos.made(kept.getvalue()))


# By name, so that what must be so before is written before the oracle looks.
BEFORE: dict[str, Callable[[World], object]] = {
    "role's dates": lambda w: membership.add(w.group, w.other, role="Chair"),
    "role taken back": lambda w: membership.add(w.group, w.other, role="Chair"),
    "let in": lambda w: membership.shut_out(w.group, w.person),
    "photo removed": _photo,
    "group's group": lambda w: factories.group(
        {"field": "group", "op": "is", "value": w.group.key},
        name="Those of the group",
        type="security",
        sync=True,
        selects="both",
    ),
    "company's people": lambda w: factories.group(
        {"field": "company.city", "op": "is", "value": "Bern"},
        name="In Bern",
        type="security",
        sync=True,
    ),
}
ORM |= {
    "added by hand": lambda w: membership.add(w.group, w.outsider),
    "role": lambda w: membership.add(w.group, w.person, role="Chair"),
    "role's dates": _dates,
    "role taken back": _remove,
    "shut out": lambda w: membership.shut_out(w.group, w.person),
    "let in": lambda w: membership.let_in(w.group, w.person),
    "photo": _photo,
    "photo removed": lambda w: photos.remove(w.person),
    "group's group": lambda w: membership.add(w.group, w.outsider),
    "company's people": lambda w: setattr(w.company, "city", "Bern"),
    "person out of use": lambda w: deactivation.deactivate(w.person),
    "company out of use": lambda w: deactivation.deactivate(w.company),
    "two people are one": lambda w: merging.merge(w.other, w.person, whose="kept"),
    "two companies are one": lambda w: merging.merge(w.second, w.company),
    "field deleted": _delete_field,
}


@pytest.mark.parametrize("path", ORM)
def test_what_the_models_write_is_announced(world: World, heard: Heard, path: str) -> None:
    if path in BEFORE:
        BEFORE[path](world)
        db.session.commit()
    walked(heard, lambda: ORM[path](world))


def _file(folder: Path, text: str) -> Path:
    path = folder / "members.csv"
    path.write_text(text)
    return path


def test_an_import_announces_what_it_made_and_changed(
    world: World, heard: Heard, tmp_path: Path
) -> None:
    rows = (
        "Key,First Name,Last Name,Email,Member Status,Has Account,Company Key,Note,Region\n"
        f"{world.person.key},Ada,Lovelace,{world.person.email},Current,Yes,,c,South\n"
        f"{world.other.key},Ada,B,{world.other.email},Lapsed,Yes,{world.company.key},,\n"
        "new-1,Grace,Hopper,grace@example.org,Current,Yes,,d,North\n"
    )
    report = None

    def load() -> None:
        nonlocal report
        report = importing.run("people", _file(tmp_path, rows))

    changed = walked(heard, load)
    assert report is not None
    assert (report.created, report.updated, report.refused) == (1, 2, [])
    assert {world.person.id, world.other.id} < changed
    heard.ids.clear()
    importing.run("people", _file(tmp_path, rows))
    assert heard.ids == set(), "the same again changes nothing, and says so"


def test_an_import_that_takes_away_announces_whom(
    world: World, heard: Heard, tmp_path: Path
) -> None:
    rows = f"Key,First Name,Last Name\n{world.person.key},Ada,Lovelace\n"
    path = _file(tmp_path, rows)

    def load() -> None:
        try:
            importing.run("people", path, absent="deactivate")
        except importing.GuardTripped as stopped:
            importing.run("people", path, absent="deactivate", allow=stopped.report.losses)

    assert world.other.id in walked(heard, load)


def test_an_import_of_companies_announces_their_people(
    world: World, heard: Heard, tmp_path: Path
) -> None:
    rows = (
        "Key,Name,Parent Key,Member Status\n"
        f"{world.company.key},Difference Engines,parent-1,Current\n"
        "parent-1,Holding,,Current\n"
    )
    changed = walked(heard, lambda: importing.run("companies", _file(tmp_path, rows)))
    assert {world.company.id, world.person.id} <= changed


def test_what_changes_with_the_day_is_announced(
    world: World, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = association.today()
    membership.add(world.group, world.outsider, role="Guest", end_on=today)
    db.session.commit()
    monkeypatch.setattr(association, "today", lambda: today + dt.timedelta(days=1))
    assert walked(heard, membership.turn_of_day) == {world.outsider.id}


def test_what_staff_save_in_the_panel_is_announced(
    world: World, heard: Heard, staff: FlaskClient
) -> None:
    person, company, group = world.person.key, world.company.key, world.group.key
    for path, form, changes_made in (
        (f"/panel/people/{person}/edit", "contact-form", {"job_title": "Analyst"}),
        (f"/panel/people/{person}/edit", "contact-form", {f"custom_{world.text.key}": "z"}),
        (f"/panel/companies/{company}/edit", "contact-form", {"name": "Engines"}),
        (f"/panel/fields/{world.text.key}", "field-form", {"label": "Remark"}),
        (f"/panel/groups/{group}", "group-form", {"name": "Everyone"}),
    ):

        def save(path: str = path, form: str = form, changed: Any = changes_made) -> None:
            answer = browsing.change(staff, path, form, **changed)
            assert answer.status_code == 303, answer.text

        walked(heard, save)


def test_what_members_save_on_their_own_page_is_announced(
    world: World, heard: Heard, sign_in: SignIn
) -> None:
    member = sign_in(_account(world.person))
    assert walked(
        heard, lambda: browsing.submit(member, "/profile", job_title="Chief Analyst", bio="Hi")
    ) == {world.person.id}


# Statements that write past the models, by file: each tells whom it changed, or follows what was
# told already, and a test above walks it. A new one is to be announced, walked, and counted here.
PAST_THE_MODELS = {
    "idp/directory/field_deletion.py": 1,
    "idp/directory/importing/absent.py": 1,
    "idp/directory/importing/inserting.py": 2,  # for write.py, which announces
    "idp/directory/importing/write.py": 4,
    "idp/directory/membership/catalogue.py": 2,  # the version of what groups ask
    "idp/directory/membership/days.py": 2,
    "idp/directory/membership/following.py": 4,
    "idp/directory/membership/setwise.py": 4,
    "idp/directory/merging/__init__.py": 2,
    "idp/directory/merging/belonging.py": 2,  # of two records that are told anyway; history
    "idp/directory/photos/kept.py": 1,
}
# Nothing of these is told: the runs of imports and their files, members' sessions.
NOT_TOLD = {
    "idp/directory/import_runs",
    "idp/directory/importing/under_way.py",
    "idp/signin/sessions.py",
}
WRITES = {"insert", "update", "delete"}


def test_every_statement_that_writes_past_the_models_is_known() -> None:
    found: dict[str, int] = {}
    for package in ("idp/directory", "idp/signin", "admin", "launch"):
        for path in sorted((ROOT / package).rglob("*.py")):
            imported = {
                name.asname or name.name
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
                for name in node.names
                if name.name in WRITES
            }
            number = sum(
                isinstance(node, ast.Call)
                and (
                    (isinstance(node.func, ast.Name) and node.func.id in imported)
                    or (
                        isinstance(node.func, ast.Attribute)
                        and node.func.attr in WRITES
                        and "__table__" in ast.unparse(node.func.value)
                    )
                )
                for node in ast.walk(ast.parse(path.read_text()))
            )
            name = str(path.relative_to(ROOT))
            if number and not any(name.startswith(one) for one in NOT_TOLD):
                found[name] = number
    assert found == PAST_THE_MODELS
