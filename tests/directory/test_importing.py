"""Importing a member system's export."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.database import db
from idp.directory import conditions, fields, importing
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, Person
from tests import factories

SAMPLE = Path(__file__).parents[2] / "launch" / "sample"
EXPECTED = json.loads((SAMPLE / "expected.json").read_text())


def count(*tests: Any, table: Any = Person) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(*tests)) or 0


def matching(**rule: Any) -> Any:
    return conditions.compile_condition(conditions.parse(rule))


def people_file(folder: Path, text: str) -> Path:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_sample_loads_exactly_as_expected_and_a_second_time_changes_nothing(app: Flask) -> None:
    companies = importing.run("companies", SAMPLE / "companies.csv")
    assert (companies.created, companies.refused) == (EXPECTED["companies"], [])
    dry = importing.run("people", SAMPLE / "people.csv", dry_run=True)
    assert count() == 0
    report = importing.run("people", SAMPLE / "people.csv")
    assert dry.as_json() | {"dry_run": False, "suggested_fields": []} == report.as_json() | {
        "suggested_fields": []
    }
    assert report.rows == EXPECTED["people_rows"]
    assert report.created == EXPECTED["people_imported"] == count()
    refused = [(refusal.row, refusal.reason) for refusal in report.refused]
    assert refused == [(row["row"], row["why"]) for row in EXPECTED["people_refused"]]
    assert all(refusal.column and refusal.message for refusal in report.refused)
    kinds = {suggested.column: suggested.kind for suggested in report.suggested_fields}
    assert kinds == {
        "Region": "one_of",
        "Areas of Interest": "several_of",
        "Years in Practice": "whole_number",
        "Volunteer": "yes_no",
        "Certified On": "date",
    }
    assert count(table=Account) == EXPECTED["accounts"]
    assert count(Account.password_hash.is_not(None), table=Account) == 0
    has_account = select(Account.person_id)
    in_feed = (Person.active, Person.id.in_(has_account))
    current = matching(field="member_status", op="is", value="Current")
    policy = matching(field="areas_of_interest", op="contains", value="Policy")
    northeast = matching(field="region", op="is", value="Northeast")
    assert count(current) == EXPECTED["current_members"]
    assert count(current, *in_feed) == EXPECTED["current_members_active_with_account"]
    assert count(policy) == EXPECTED["policy_area"]
    assert count(policy, *in_feed) == EXPECTED["policy_area_active_with_account"]
    assert (
        count(northeast, current, *in_feed)
        == EXPECTED["region_northeast_current_active_with_account"]
    )
    moments = set(db.session.scalars(select(Contact.updated_at)))
    for kind in ("companies", "people"):
        again = importing.run(kind, SAMPLE / f"{kind}.csv")  # type: ignore[arg-type]
        assert (again.created, again.updated) == (0, 0)
        assert len(again.refused) == (17 if kind == "people" else 0)
    assert set(db.session.scalars(select(Contact.updated_at))) == moments


def test_keys_are_kept_byte_for_byte_and_names_with_their_accents(
    app: Flask, tmp_path: Path
) -> None:
    path = people_file(
        tmp_path,
        '\ufeffKey,First Name,Last Name,Bio\r\nOld-KEY/7,Zoé,Łaszczyk,"<b>Hi</b>\nthere"\r\n',
    )
    importing.run("people", path)
    person = db.session.scalars(select(Person)).one()
    assert (person.key, person.title) == ("Old-KEY/7", "Zoé Łaszczyk")
    assert person.bio == "<b>Hi</b>\nthere"


def test_a_changed_cell_updates_its_row_alone(app: Flask, tmp_path: Path) -> None:
    importing.run("people", people_file(tmp_path, "Key,First Name,City\na,Ada,Bern\nb,Bob,Rome\n"))
    report = importing.run(
        "people", people_file(tmp_path, "Key,First Name,City\na,Ada,Basel\nb,Bob,Rome\n")
    )
    assert (report.created, report.updated, report.unchanged) == (0, 1, 1)


def test_every_phone_and_address_of_the_record_has_a_column(app: Flask, tmp_path: Path) -> None:
    header = (
        "Key,First Name,Phone 1,Phone 1 Type,Phone_2,Phone 3,Phone 3 Type,Phone 4,Address 3,"
        "Google Plus,Blogger,WordPress,Other Blog,In Directory\n"
    )
    row = (
        "a,Ada,+44 1,HOME,+44 2,+44 3,Lab,+44 4,Ring twice,https://g.example,https://b.example,"
        "https://w.example,https://o.example,No\n"
    )
    report = importing.run("people", people_file(tmp_path, header + row))
    assert (report.created, report.suggested_fields) == (1, [])
    person = db.session.scalars(select(Person)).one()
    assert person.phones == [
        ("Home", "+44 1"),
        ("Mobile", "+44 2"),
        ("Lab", "+44 3"),
        ("Phone", "+44 4"),
    ]
    assert (person.address_3, person.in_directory) == ("Ring twice", False)
    assert person.web == [
        ("Google Plus", "https://g.example"),
        ("Blogger", "https://b.example"),
        ("WordPress", "https://w.example"),
        ("Another blog", "https://o.example"),
    ]


def test_a_phone_and_a_mobile_are_the_first_and_the_second(app: Flask, tmp_path: Path) -> None:
    importing.run("people", people_file(tmp_path, "Key,First Name,Phone,Mobile\na,Ada,1,2\n"))
    person = db.session.scalars(select(Person)).one()
    assert person.phones == [("Office", "1"), ("Mobile", "2")]


def test_two_columns_of_one_field_are_refused(app: Flask, tmp_path: Path) -> None:
    path = people_file(tmp_path, "Key,First Name,Phone,Phone 1\na,Ada,1,2\n")
    with pytest.raises(importing.ImportFailed, match="“Phone” and “Phone 1” are the same field"):
        importing.run("people", path)


def test_the_type_of_a_phone_is_short(app: Flask, tmp_path: Path) -> None:
    report = importing.run(
        "people", people_file(tmp_path, f"Key,First Name,Phone 3 Type\na,Ada,{'x' * 31}\n")
    )
    assert [(one.column, one.reason) for one in report.refused] == [("Phone 3 Type", "too_long")]


def test_a_row_without_a_key_finds_its_person_by_address(app: Flask, tmp_path: Path) -> None:
    person = factories.person(email="ada@example.org", city="Bern")
    report = importing.run(
        "people", people_file(tmp_path, "First Name,Email,City\nAda,ADA@example.org,Basel\n")
    )
    assert (report.created, report.updated) == (0, 1)
    assert person.city == "Basel"


def test_an_account_is_made_once_and_never_taken_away(app: Flask, tmp_path: Path) -> None:
    header = "Key,First Name,Email,Has Account\n"
    for answer in ("Yes", "Yes", "No"):
        path = people_file(tmp_path, header + f"a,Ada,ada@example.org,{answer}\n")
        importing.run("people", path)
    account = db.session.scalars(select(Account)).one()
    assert account.state == "invited"


def test_unknown_columns_are_left_out_when_nobody_wants_new_fields(
    app: Flask, tmp_path: Path
) -> None:
    path = people_file(tmp_path, "First Name,Shoe Size\nAda,38\n")
    report = importing.run("people", path, new_fields=False)
    assert [(one.column, one.kind, one.created) for one in report.suggested_fields] == [
        ("Shoe Size", "whole_number", False)
    ]
    assert fields.all_fields() == []


def test_parents_may_come_later_in_the_file_and_an_unknown_one_is_named(
    app: Flask, tmp_path: Path
) -> None:
    path = tmp_path / "companies.csv"
    path.write_text("Key,Name,Parent Key\na,Leaf,b\nb,Root,\nc,Lost,nowhere\n")
    report = importing.run("companies", path)
    leaf = db.session.scalars(select(Company).where(Company.key == "a")).one()
    assert leaf.parent is not None
    assert leaf.parent.name == "Root"
    assert [(one.row, one.column, one.reason) for one in report.refused] == [
        (4, "Parent Key", "unknown_company")
    ]
    again = importing.run("companies", path)
    assert (again.created, again.updated) == (0, 0)


def test_a_company_key_cannot_be_a_persons(app: Flask, tmp_path: Path) -> None:
    company = factories.company()
    path = people_file(tmp_path, f"Key,First Name\n{company.key},Ada\n")
    report = importing.run("people", path)
    assert [one.reason for one in report.refused] == ["duplicate_key"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("City\nBern\n", "needs a column First Name"),
        ("First Name,City\nAda\n", "row 2 has 1 cells, the header has 2"),
        ("First Name,First Name\nAda,Ada\n", "two columns"),
        ('First Name\n"Ada', "unexpected end of data"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(
    app: Flask, tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(importing.ImportFailed, match=says):
        importing.run("people", people_file(tmp_path, text))


def test_two_rows_about_one_person_without_a_key_are_told_apart_the_first_time_already(
    app: Flask, tmp_path: Path
) -> None:
    path = people_file(
        tmp_path,
        "First Name,Email,Member ID\nAda,ada@example.org,\nBob,ADA@example.org,\nC,,7\nD,,7\n",
    )
    first, second = importing.run("people", path), importing.run("people", path)
    assert (first.created, first.updated, second.created, second.updated) == (2, 0, 0, 0)
    for report in (first, second):
        assert [(one.row, one.reason) for one in report.refused] == [
            (3, "duplicate_key"),
            (5, "duplicate_key"),
        ]


def test_a_new_parent_counts_as_an_update(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "companies.csv"
    path.write_text("Key,Name,Parent Key\na,Leaf,\nb,Root,\n")
    importing.run("companies", path)
    path.write_text("Key,Name,Parent Key\na,Leaf,b\nb,Root,\n")
    report = importing.run("companies", path)
    assert (report.created, report.updated, report.unchanged) == (0, 1, 1)


def test_numbers_that_would_lose_a_digit_are_texts(app: Flask, tmp_path: Path) -> None:
    report = importing.run("people", people_file(tmp_path, "First Name,Area\nAda,02139\nB,7\n"))
    assert [one.kind for one in report.suggested_fields] == ["text"]
