"""What is said of a contact, read from the database as it is now."""

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import update

from idp.database import db, now
from idp.directory import accounts, fields, membership
from sync import ledger
from sync.records import entries, feed
from tests import factories
from tests.sync.conftest import Statements, member, members, synced

NOTHING = feed.Wanted(bio=False, photo=False, web=False, member_statuses=frozenset({"current"}))
EVERYTHING = feed.Wanted(bio=True, photo=True, web=True, member_statuses=frozenset({"current"}))


def test_only_groups_with_sync_on_are_told(app: Flask) -> None:
    shown = synced(name="Shown", type="community", community_type="Chapter")
    factories.group(name="Hidden", type="community")
    person = member()
    record = feed.build([person.id], NOTHING)[person.id]
    assert [(one.key, one.name, one.type, one.community_type) for one in record.groups] == [
        (shown.key, "Shown", "community", "Chapter")
    ]
    assert record.groups[0].begin_on == now().date()


def test_of_whom_nothing_is_told(app: Flask) -> None:
    without, inactive, barred = factories.person(), member(), member()
    inactive.active = False
    account = accounts.of_person(barred)
    assert account is not None
    accounts.deactivate(account)
    closed = factories.company(active=False)
    invited, company = member(), factories.company()
    db.session.commit()
    ids = [one.id for one in (without, inactive, barred, closed, invited, company)]
    assert set(feed.build(ids, NOTHING)) == {invited.id, company.id}


def test_the_switches(app: Flask) -> None:
    person = member(bio="Counts.", website="https://ada.example", other_blog="https://blog.example")
    off, on = (feed.build([person.id], wanted)[person.id] for wanted in (NOTHING, EVERYTHING))
    assert (off.bio, off.photo, off.web) == (None, None, None)
    assert on.bio == "Counts."
    assert on.web is not None
    assert (on.web.website, on.web.other_blog) == ("https://ada.example", "https://blog.example")
    assert on.photo == ""


def test_every_phone_with_its_type_and_the_whole_address_are_told(app: Flask) -> None:
    person = member(phone_1="1", phone_4="4", phone_4_type="Lab", address_3="Ring twice")
    record = feed.build([person.id], NOTHING)[person.id]
    assert (record.phone_1, record.phone_1_type) == ("1", "OFFICE")
    assert (record.phone_2, record.phone_2_type) == ("", "MOBILE")
    assert (record.phone_4, record.phone_4_type) == ("4", "Lab")
    assert record.address_3 == "Ring twice"


def test_custom_fields_marked_for_sync_by_their_kind(app: Flask) -> None:
    switches = {"in_members_section": True, "sync": True}
    person = member()
    values = {
        ("Region", "one_of"): "north",
        ("Areas", "several_of"): ["south", "north"],
        ("Volunteer", "yes_no"): False,
        ("Years", "whole_number"): 12,
        ("Certified", "date"): fields.iso_date("x", "2026-04-01"),
        ("Motto", "text"): "ad astra",
        ("Story", "long_text"): "One.\n\nTwo.",
        ("Rate", "decimal"): Decimal("0.500"),
        ("Second e-mail", "email"): "Ada@Example.org",
        ("Blog", "web_address"): "https://ada.example/?q=1",
        ("Old key", "key"): "A-00/7é",
    }
    for (label, kind), value in values.items():
        choices = ["North", "South"] if kind in fields.WITH_CHOICES else []
        field = fields.create(label, kind, choices=choices, **switches)  # type: ignore[arg-type]
        db.session.flush()
        fields.set_value(person, field, value)  # type: ignore[arg-type]
    private = fields.create("Private", "text", in_members_section=True)
    fields.set_value(person, private, "not told")
    db.session.commit()

    record = feed.build([person.id], NOTHING)[person.id]
    north, south = entries.ChoiceEntry("north", "North"), entries.ChoiceEntry("south", "South")
    assert {entry.label: entry.value for entry in record.fields} == {
        "Region": (north,),
        "Areas": (north, south),
        "Volunteer": False,
        "Years": 12,
        "Certified": values["Certified", "date"],
        "Motto": "ad astra",
        "Story": "One.\n\nTwo.",
        "Rate": Decimal("0.5"),
        "Second e-mail": "Ada@Example.org",
        "Blog": "https://ada.example/?q=1",
        "Old key": "A-00/7é",
    }


def test_a_new_order_of_fields_and_choices_tells_higher_logic_nothing(app: Flask) -> None:
    switches = {"in_members_section": True, "sync": True}
    person = member()
    motto = fields.create("Motto", "text", **switches)
    areas = fields.create("Areas", "several_of", choices=["North", "South"], **switches)
    db.session.flush()
    fields.set_value(person, motto, "ad astra")
    fields.set_value(person, areas, ["north", "south"])
    db.session.commit()
    before = feed.build([person.id], NOTHING)[person.id]
    assert fields.move(areas, -1)
    assert fields.move_choice(areas.choices[0], 1)
    db.session.commit()
    assert feed.build([person.id], NOTHING)[person.id] == before


def test_the_company_is_pointed_to_once_higher_logic_has_it(app: Flask) -> None:
    synced()
    company = factories.company(name="Engines Ltd")
    person = member(company=company)
    company.main_contact = person
    db.session.commit()

    record = feed.build([person.id], NOTHING)[person.id]
    assert (record.company_name, record.company_key) == ("Engines Ltd", "")
    db.session.execute(update(ledger.table).values(accepted_at=now()))
    records = feed.build([person.id, company.id], NOTHING)
    assert records[person.id].company_key == company.key
    assert records[company.id].main_contact_key == person.key
    assert records[company.id].is_company
    assert records[company.id].company_name == "Engines Ltd"


def test_who_is_a_member_goes_by_the_status(app: Flask) -> None:
    current, lapsed = member(member_status="CURRENT"), member(member_status="Lapsed")
    records = feed.build([current.id, lapsed.id], NOTHING)
    assert records[current.id].is_member
    assert not records[lapsed.id].is_member


@pytest.mark.parametrize("number", [10, 100])
def test_statements_do_not_grow_with_the_batch(app: Flask, number: int) -> None:
    synced()
    people = members(number)
    ids = [person.id for person in people]
    with Statements() as statements:
        assert len(feed.build(ids, EVERYTHING)) == number
    assert statements.number == 3


def test_a_community_has_an_entry_for_each_role_and_a_security_group_has_one(app: Flask) -> None:
    community, security = synced(type="community", key="a"), synced(type="security", key="b")
    today, person = now().date(), member()
    days = [today + dt.timedelta(days=number) for number in (-9, -3, 5, 7)]
    for group in (community, security):
        membership.add(group, person, role="Chair", begin_on=days[0], end_on=days[2])
        membership.add(group, person, role="Speaker", begin_on=days[1])
        membership.add(
            group, person, role="chair", begin_on=days[1], end_on=days[3], origin="import"
        )
    db.session.commit()
    record = feed.build([person.id], NOTHING)[person.id]
    told = [(one.key, one.role, one.begin_on, one.end_on) for one in record.groups]
    assert told == [
        ("a", "Chair", days[0], days[3]),
        ("a", "Speaker", days[1], None),
        ("b", "", days[0], None),
    ]


def test_who_has_no_role_has_one_entry_that_ends_when_nothing_keeps_them_in(app: Flask) -> None:
    nobody = {"field": "member_status", "op": "is", "value": "x"}
    group = synced(condition=nobody, type="community")
    person, today = member(), now().date()
    addition = membership.add(group, person, end_on=today)
    membership.add(group, person, end_on=today + dt.timedelta(days=1), origin="import")
    db.session.commit()
    (entry,) = feed.build([person.id], NOTHING)[person.id].groups
    assert (entry.role, entry.begin_on, entry.end_on) == ("", today, today + dt.timedelta(days=1))
    membership.change(addition, role="", begin_on=None, end_on=None)
    db.session.commit()
    (entry,) = feed.build([person.id], NOTHING)[person.id].groups
    assert entry.end_on is None
