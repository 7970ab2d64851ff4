"""Exports: what they hold, that no cell is a formula, and that importing one changes nothing."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp import exporting as files
from idp.database import db
from idp.directory import accounts, exporting, fields, importing, membership
from idp.directory.contacts import Contact, Person
from idp.exporting import Table
from launch.sample import FOLDER
from tests import factories
from tests.admin.test_lists import counted

HOSTILE = [
    *("=1+1", "+1 234", "-5", "@SUM(A1)", "'=quoted", "''-twice"),
    *("a,b", 'say "x"', "line\nbreak"),
]


def content(table: Table) -> bytes:
    return b"".join(files.lines(table))


def read(table: Table) -> list[dict[str, str]]:
    text = content(table).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def reimported(kind: importing.Kind, table: Table, folder: Path) -> importing.Report:
    path = folder / f"{kind}.csv"
    path.write_bytes(content(table))
    return importing.run(kind, path)


def every_kind_of_field(applies_to: str) -> dict[str, fields.CustomField]:
    made = {
        kind: fields.create(
            kind.replace("_", " ").title(),
            kind,
            applies_to=applies_to,
            choices=["North, east", "South-west", "=South"] if kind in fields.WITH_CHOICES else (),
        )
        for kind in fields.KINDS
    }
    db.session.commit()
    return made


VALUES: dict[str, Any] = {
    "text": "=cmd()",
    "long_text": 'two\nlines, and "more"',
    "yes_no": "no",
    "whole_number": "-12",
    "decimal": "-12.5",
    "date": "2026-04-01",
    "one_of": "=South",
    "several_of": "North, east|=South",
    "email": "+ada@example.org",
    "web_address": "https://ada.example/?a=1,2",
    "key": "-a-key",
}


def filled(contact: Contact, made: dict[str, fields.CustomField]) -> None:
    for kind, given in VALUES.items():
        fields.set_value(contact, made[kind], fields.parsed(made[kind], given))
    db.session.commit()


@pytest.mark.compliance("A6")
def test_people_imported_again_are_what_they_were(app: Flask, tmp_path: Path) -> None:
    made = every_kind_of_field("person")
    fields.create("Title", "text")  # what an import takes for a job title …
    fields.create("Email", "text")  # … and for an address: these have their keys for names
    fields.create("Text", "text")
    company = factories.company(key="=engines")
    for number, text in enumerate(HOSTILE):
        person = factories.person(
            key=f"+key{number}", first_name=text, job_title=text, city=text, bio=text,
            company=company, account=number % 2 == 0, in_directory=number % 3 == 0,
            phone_1="+44 20", phone_3="-1", phone_3_type="=Lab", website="https://a.example",
            joined_on=fields.iso_date("x", "2019-04-01"), active=number != 5,
        )  # fmt: skip
        filled(person, made)
    factories.person(first_name="", last_name="Only", email="", phone_1_type="")
    factories.group()
    report = reimported("people", exporting.people(), tmp_path)
    assert report.refused == []
    assert report.suggested_fields == []
    assert (report.created, report.updated, report.unchanged) == (0, 0, len(HOSTILE) + 1)
    assert report.remarks == []


@pytest.mark.compliance("A6")
def test_companies_imported_again_are_what_they_were(app: Flask, tmp_path: Path) -> None:
    made = every_kind_of_field("both")
    parent = factories.company(name="=Parent")
    for text in HOSTILE:
        filled(factories.company(name=text, city=text, parent=parent, email="x@example.org"), made)
    report = reimported("companies", exporting.companies(), tmp_path)
    assert report.refused == []
    assert report.suggested_fields == []
    assert (report.created, report.updated, report.unchanged) == (0, 0, len(HOSTILE) + 1)


def test_the_sample_association_comes_back_as_it_was(app: Flask, tmp_path: Path) -> None:
    importing.run("companies", FOLDER / "companies.csv")
    importing.run("people", FOLDER / "people.csv")
    number = db.session.scalar(select(func.count()).select_from(Person))
    report = reimported("people", exporting.people(), tmp_path)
    assert (report.created, report.updated, report.refused) == (0, 0, [])
    assert report.unchanged == number
    report = reimported("companies", exporting.companies(), tmp_path)
    assert (report.created, report.updated, report.refused) == (0, 0, [])


@pytest.mark.compliance("A6")
def test_no_cell_is_a_formula(app: Flask) -> None:
    fields.create("=HYPERLINK(1)", "text")
    for text in HOSTILE:
        factories.group(name=text, description=text, selects="both")
        factories.company(name=text)
        factories.person(first_name=text, city=text)
    group = factories.group(selects="both")
    for table in (
        *(exporting.people(), exporting.companies(), exporting.groups()),
        *(exporting.members(group), exporting.custom_fields()),
    ):
        data = content(table)
        assert data.startswith(b"\xef\xbb\xbf")
        for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
            assert not [cell for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_people_are_told_with_account_company_and_groups(app: Flask) -> None:
    company = factories.company(name="Engines", key="engines")
    factories.group(name="Current")
    ada = factories.person(first_name="Ada", company=company, account=True)
    factories.account(first_name="Bob", member_status="Lapsed")
    gone = factories.account(first_name="Carol")
    accounts.deactivate(gone)
    factories.person(first_name="Dora", merged_into_id=ada.id, active=False)
    db.session.commit()
    rows = {row["First name"]: row for row in read(exporting.people())}
    assert rows.keys() == {"Ada", "Bob", "Carol"}
    states = {name: row["Account state (export only)"] for name, row in rows.items()}
    assert states == {"Ada": "invited", "Bob": "active", "Carol": "deactivated"}
    assert rows["Ada"]["Company key"] == "engines"
    assert rows["Ada"]["Company (export only)"] == "Engines"
    assert rows["Ada"]["Groups (export only)"] == "Current"
    assert rows["Bob"]["Groups (export only)"] == ""


def test_a_search_goes_for_the_export_as_well(app: Flask) -> None:
    factories.person(first_name="Ada")
    factories.person(first_name="Bob")
    table = exporting.people(Contact.__table__.c.first_name == "Bob")
    assert table.count() == 1
    assert [row["First name"] for row in read(table)] == ["Bob"]


@pytest.mark.compliance("A1")
def test_each_part_costs_the_same_number_of_statements(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 4)
    made = every_kind_of_field("person")

    def cost() -> int:
        table = exporting.people()
        with counted() as statements:
            for piece in files.lines(table):
                assert piece
        return len(statements)

    factories.group()
    for _ in range(3):
        filled(factories.person(account=True), made)
    one_part = cost()
    for _ in range(4):
        filled(factories.person(account=True, company=factories.company()), made)
    assert cost() == 2 * one_part
    assert one_part == 3


def test_what_is_long_is_read_in_order_and_whole(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 3)
    monkeypatch.setattr(files, "_PIECE", 100)
    keys = [factories.person().key for _ in range(9)]
    table = exporting.people()
    assert len(list(files.lines(table))) > 5
    assert [row["Key"] for row in read(table)] == keys
    assert table.count() == 9


def test_an_empty_list_is_its_header(app: Flask) -> None:
    assert content(exporting.groups()).decode("utf-8-sig").startswith("Key,Name,Description")
    assert exporting.groups().count() == 0
    assert read(exporting.groups()) == []


def test_fields_have_a_row_for_each_choice(app: Flask) -> None:
    fields.create("Region", "one_of", choices=["North", "South"])
    fields.create("Motto", "text")
    db.session.commit()
    rows = read(exporting.custom_fields())
    assert [(row["Name"], row["Choice"]) for row in rows] == [
        *(("Region", "North"), ("Region", "South"), ("Motto", ""))
    ]


def test_groups_say_their_condition_in_words_and_as_it_is_kept(app: Flask) -> None:
    factories.person()
    group = factories.group(name="Current", key="current", type="security", sync=True)
    (row,) = read(exporting.groups())
    assert (row["Key"], row["Type"], row["Sync"], row["Members"]) == (
        *("current", "security", "Yes", "1"),
    )
    assert row["Condition"] == "Member status is Current"
    assert '"member_status"' in row["Condition as JSON"]
    (member,) = read(exporting.members(group))
    assert (member["Kind"], member["Origin"]) == ("person", "rule")


def test_members_of_today_and_of_before_with_role_and_dates(app: Flask) -> None:
    group = factories.group({"field": "member_status", "op": "is", "value": "Nobody's"})
    ada = factories.person(first_name="Ada", last_name="Byron")
    begin = fields.iso_date("x", "2020-01-01")
    added = membership.add(group, ada, role="Chair", begin_on=begin)
    db.session.commit()
    (row,) = read(exporting.members(group))
    assert (row["Name"], row["Origin"], row["Role"]) == ("Ada Byron", "hand", "Chair")
    assert (row["Begins on"], row["Ends on"]) == ("2020-01-01", "")
    assert read(exporting.past_members(group)) == []
    membership.remove(added)
    db.session.commit()
    assert read(exporting.members(group)) == []
    (row,) = read(exporting.past_members(group))
    assert (row["Key"], row["Role"], row["Begins on"]) == (ada.key, "Chair", "2020-01-01")
    assert row["Left"] >= row["Since"]
