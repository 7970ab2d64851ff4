"""Mappings, the dry run, the guard, and what is written: announced and repeatable."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import Select, event, func, select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import accounts, changes, contacts, fields, importing, membership, merging
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, InvalidValue, Person
from idp.directory.importing import (
    ColumnMapping,
    Guard,
    GuardTripped,
    ImportFailed,
    InvalidMapping,
    Losses,
    Target,
    named,
)
from idp.directory.importing import load as load_module
from tests import factories

SAMPLE = Path(__file__).parents[2] / "launch" / "sample"
EXPECTED = json.loads((SAMPLE / "expected.json").read_text())


def people_file(folder: Path, text: str, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def count(table: Any = Person, *tests: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(*tests)) or 0


def people_mapping(**columns: Target) -> ColumnMapping:
    return ColumnMapping("people", {"First Name": Target("field", "first_name"), **columns})


def announced(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The ids of each announcement from now on."""
    heard: list[set[int]] = []

    def listener(ids: changes.Ids) -> None:
        heard.append(set(db.session.scalars(ids) if isinstance(ids, Select) else ids))

    monkeypatch.setattr(changes, "_listeners", [*changes._listeners, listener])
    return heard


def as_workbook(path: Path, folder: Path) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("People")
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            sheet.append(row)
    target = folder / f"{path.stem}.xlsx"
    book.save(target)
    return target


def as_separated(path: Path, folder: Path, separator: str, codec: str) -> Path:
    target = folder / path.name
    with (
        path.open(encoding="utf-8-sig", newline="") as file,
        target.open("w", encoding=codec, errors="replace", newline="") as out,
    ):
        csv.writer(out, delimiter=separator).writerows(csv.reader(file))
    return target


VARIANTS: dict[str, Callable[[Path, Path], Path]] = {
    "xlsx": as_workbook,
    "semicolon": lambda path, folder: as_separated(path, folder, ";", "utf-8"),
    "tab": lambda path, folder: as_separated(path, folder, "\t", "utf-16"),
    "windows-1252": lambda path, folder: as_separated(path, folder, ";", "cp1252"),
}


@pytest.mark.slow
@pytest.mark.compliance("A6")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_sample_gives_every_figure_whatever_the_file(
    app: Flask, tmp_path: Path, variant: str
) -> None:
    for kind in ("companies", "people"):
        report = importing.run(kind, VARIANTS[variant](SAMPLE / f"{kind}.csv", tmp_path))  # type: ignore[arg-type]
    refused = [(refusal.row, refusal.reason) for refusal in report.refused]
    assert refused == [(row["row"], row["why"]) for row in EXPECTED["people_refused"]]
    assert report.created == EXPECTED["people_imported"]
    assert count(Company) == EXPECTED["companies"]
    assert count(Account) == EXPECTED["accounts"]
    current = (Person.member_status == "Current", Person.active)
    assert count(Person, current[0]) == EXPECTED["current_members"]
    with_account = Person.id.in_(select(Account.person_id))
    assert count(Person, *current, with_account) == EXPECTED["current_members_active_with_account"]


def test_columns_are_known_by_the_names_that_other_systems_use(app: Flask, tmp_path: Path) -> None:
    header = "Given Name,Surname,E-mail Address,Company ID,Zip,Cell Phone,Membership Status,Shoe\n"
    path = people_file(tmp_path, header + "Ada,Byron,ada@example.org,,02139,1,Current,38\n")
    seen = importing.inspect("people", path)
    assert {name: target.name for name, target in seen.mapping.columns.items()} == {
        "Given Name": "first_name",
        "Surname": "last_name",
        "E-mail Address": "email",
        "Company ID": "company_key",
        "Zip": "postal_code",
        "Cell Phone": "phone_2",
        "Membership Status": "member_status",
        "Shoe": "Shoe",
    }
    assert (seen.rows, seen.columns[-1].suggestion.kind) == (1, "whole_number")
    assert seen.columns[4].samples == ["02139"]
    assert json.loads(json.dumps(seen.as_json()))["mapping"]["columns"]["Zip"]["to"] == "field"


def test_the_associations_own_field_is_meant_before_another_name_of_ours(app: Flask) -> None:
    from idp.directory.importing import mapping

    own = fields.create("Surname", "text")
    db.session.commit()
    found = mapping.suggested("people", ["Last Name", "Surname"], [own])
    assert found.columns["Surname"] == Target("custom", own.key)


def test_a_mapping_comes_back_from_json(app: Flask) -> None:
    mapping = people_mapping(
        Size=Target("new", "Shoe size", kind="one_of", choices=("a", "b")),
        Area=Target("custom", "area", new_choices=True),
        Other=importing.IGNORE,
    )
    assert ColumnMapping.from_json(json.loads(json.dumps(mapping.as_json()))) == mapping


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {"version": 2, "kind": "people", "columns": {}},
        {"version": 1, "kind": "cats", "columns": {}},
        {"version": 1, "kind": "people", "columns": []},
        {"version": 1, "kind": "people", "columns": {"a": {"to": "nowhere"}}},
        {"version": 1, "kind": "people", "columns": {"a": {"to": "new", "kind": "blob"}}},
        {"version": 1, "kind": "people", "columns": {"a": {"to": "field", "name": 1}}},
        {"version": 1, "kind": "people", "columns": {"a": {"to": "field", "x": 1}}},
        {"version": 1, "kind": "people", "columns": {"a": {"to": "new", "choices": ["x" * 300]}}},
        {"version": 1, "kind": "people", "columns": {str(n): {} for n in range(301)}},
    ],
)
def test_what_is_no_mapping_is_refused(given: Any) -> None:
    with pytest.raises(InvalidMapping):
        ColumnMapping.from_json(given)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"a": Target("field", "planet")}, "unknown_field"),
        ({"a": Target("custom", "planet")}, "unknown_field"),
        ({"a": Target("field", "first_name")}, "mapped_twice"),
        (
            {"a": Target("new", "X", kind="text"), "b": Target("new", "x", kind="text")},
            "mapped_twice",
        ),
        ({"a": Target("new", "X")}, "missing_kind"),
        ({"a": Target("new", " ", kind="text")}, "invalid_label"),
        ({"a": Target("custom", "motto", new_choices=True)}, "no_choices"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_which_column_is_wrong(
    app: Flask, columns: dict[str, Target], reason: str
) -> None:
    fields.create("Motto", "text")
    db.session.commit()
    problems = people_mapping(**columns).problems()
    assert [(problem.field, problem.reason) for problem in problems] == [
        (list(columns)[-1], reason)
    ]


def test_what_a_file_must_have_is_asked_of_the_mapping_and_of_the_file(
    app: Flask, tmp_path: Path
) -> None:
    assert [one.reason for one in ColumnMapping("people").problems()] == ["missing_column"]
    assert [one.reason for one in ColumnMapping("companies").problems()] == ["missing_column"]
    path = people_file(tmp_path, "Nick\nAda\n")
    with pytest.raises(ImportFailed, match="needs a column First Name"):
        importing.run("people", path, mapping=people_mapping())
    with pytest.raises(ImportFailed, match="mapping is for people"):
        importing.run("companies", path, mapping=people_mapping())


def test_a_mapping_sends_columns_where_it_says_and_leaves_out_the_rest(
    app: Flask, tmp_path: Path
) -> None:
    size = fields.create("Size", "one_of", choices=["Small", "Large"])
    db.session.commit()
    path = people_file(
        tmp_path, "Nick,S,Note,City,Score\nAda,small,x,Bern,3\nBob,huge,y,Rome,4\nCy,Huge,,,\n"
    )
    mapping = ColumnMapping(
        "people",
        {
            "Nick": Target("field", "first_name"),
            "S": Target("custom", size.key, new_choices=True),
            "Score": Target("new", "Test score", kind="whole_number"),
            "City": importing.IGNORE,
            "Absent": Target("field", "state"),
        },
    )
    dry = importing.run("people", path, mapping=mapping, dry_run=True)
    assert (count(), len(fields.all_fields())) == (0, 1)
    report = importing.run("people", path, mapping=mapping)
    assert (dry.created, dry.refused) == (report.created, report.refused) == (3, [])
    assert report.ignored_columns == ["Note", "City"]
    choices = [choice.label for choice in fields.all_fields()[0].choices]
    assert choices == ["Small", "Large", "huge"]
    ada, bob, cy = db.session.scalars(select(Person).order_by(Person.first_name))
    assert ada.city == ""
    of_bob = fields.values_of(bob)
    assert fields.value_of(of_bob["size"]) == fields.value_of(fields.values_of(cy)["size"])
    assert fields.value_of(of_bob["test_score"]) == 4
    again = importing.run("people", path, mapping=mapping)
    assert [one.created for one in report.suggested_fields] == [True]
    assert (again.created, again.refused_count, len(fields.all_fields())) == (3, 0, 2)


def test_without_new_choices_a_value_that_is_none_is_refused(app: Flask, tmp_path: Path) -> None:
    size = fields.create("Size", "one_of", choices=["Small"])
    db.session.commit()
    mapping = people_mapping(S=Target("custom", size.key))
    path = people_file(tmp_path, "First Name,S\nAda,small\nBob,huge\n")
    report = importing.run("people", path, mapping=mapping)
    assert [(one.row, one.column, one.value, one.reason) for one in report.refused] == [
        (3, "S", "huge", "invalid_choice")
    ]


def test_a_mapping_is_kept_under_a_name_renamed_used_and_deleted(app: Flask) -> None:
    kept = named.save("Novi export", people_mapping())
    other = named.save("Anders", people_mapping(City=Target("field", "city")))
    named.save("Novi export", ColumnMapping("companies", {"N": Target("field", "name")}))
    db.session.commit()
    assert [one.name for one in named.all_of("people")] == ["Anders", "Novi export"]
    assert named.last_used("people") is None
    named.used(kept)
    db.session.commit()
    assert named.last_used("people") is kept
    assert kept.mapping == people_mapping()
    with pytest.raises(InvalidValue, match="Another mapping"):
        named.rename(other, " Novi export ")
    for wrong in ("", "x" * 101, "a\nb"):
        with pytest.raises(InvalidValue, match="1 to 100"):
            named.rename(other, wrong)
    named.rename(other, "Members")
    changed = people_mapping(Town=Target("field", "city"))
    assert named.save("Members", changed) is other
    db.session.commit()
    assert other.mapping == changed
    with pytest.raises(InvalidMapping):
        named.save("Wrong", people_mapping(City=Target("field", "planet")))
    named.delete(other)
    db.session.commit()
    assert named.find("people", "Members") is None
    events = list(db.session.scalars(select(AuditEvent.name).order_by(AuditEvent.id)))
    assert events == ["staff:mapping:changed"] * 5 + ["staff:mapping:deleted"]


def test_a_dry_run_writes_nothing_at_all(app: Flask, tmp_path: Path) -> None:
    path = people_file(tmp_path, "Key,First Name,Email,Has Account,Size\na,Ada,a@x.org,Yes,3\n")
    written: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_more: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
            written.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    report = importing.run("people", path, dry_run=True)
    event.remove(db.engine, "before_cursor_execute", note)
    assert (report.created, [one.created for one in report.suggested_fields]) == (1, [False])
    assert written == []


@pytest.mark.compliance("A6")
def test_a_dry_run_says_all_that_a_real_run_would(app: Flask, tmp_path: Path) -> None:
    factories.person(key="old", email="old@example.org", city="Bern", account=True)
    factories.company(key="firm")
    db.session.commit()
    path = people_file(
        tmp_path,
        "Key,First Name,Email,Has Account,City,Company Key,Join Date\n"
        "old,Ada,new@example.org,Yes,Basel,firm,\n"  # moves away from its address
        "b,Bob,OLD@example.org,Yes,,firm,\n"  # which is free by then
        "c,Cy,new@example.org,,,,\n"  # taken by row 2
        "d,Di,,Yes,,,\n"
        "e,Ed,,,,nowhere,\n"
        "b,Bo,,,,,\n"
        "f,Fi,,,,,2020-13-01\n"
        "firm,Gi,,,,,\n",
    )
    dry = importing.run("people", path, dry_run=True)
    real = importing.run("people", path)
    assert [(one.row, one.column, one.value, one.reason) for one in real.refused] == [
        (4, "Email", "new@example.org", "duplicate_email"),
        (5, "Email", "", "account_without_email"),
        (6, "Company Key", "nowhere", "unknown_company"),
        (7, "Key", "b", "duplicate_key"),
        (8, "Join Date", "2020-13-01", "invalid_date"),
        (9, "Key", "firm", "duplicate_key"),
    ]
    same = {"dry_run": False}
    assert dry.as_json() | same == real.as_json()
    assert (real.created, real.updated) == (1, 1)
    assert accounts.find("new@example.org").person.key == "old"  # type: ignore[union-attr]
    assert accounts.find("old@example.org").person.key == "b"  # type: ignore[union-attr]


def test_every_refusal_and_remark_is_in_the_findings_and_the_first_are_in_the_report(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.directory.importing import report as report_module

    monkeypatch.setattr(report_module, "MOST_KEPT", 2)
    factories.person(key="k", email="k@example.org", account=True)
    db.session.commit()
    rows = "".join(f"{n},Ada,no address,\n" for n in range(5)) + "k,Ada,k@example.org,No\n"
    findings = tmp_path / "findings"
    report = importing.run(
        "people",
        people_file(tmp_path, "Key,First Name,Email,Has Account\n" + rows),
        findings=findings,
    )
    assert (report.refused_count, len(report.refused)) == (5, 2)
    found = list(importing.read_findings(findings))
    assert [(what, one.row, one.reason) for what, one in found] == [
        *(("refused", row, "invalid_email") for row in range(2, 7)),
        ("remark", 7, "account_stays"),
    ]
    assert count(Account) == 1


def test_a_row_that_empties_the_address_of_an_account_is_refused(
    app: Flask, tmp_path: Path
) -> None:
    factories.person(key="a", email="a@example.org", account=True)
    factories.person(key="b", email="b@example.org")
    path = people_file(tmp_path, "Key,First Name,Email\na,Ada,\nb,Bob,\n")
    report = importing.run("people", path)
    assert [(one.row, one.column, one.reason) for one in report.refused] == [
        (2, "Email", "account_without_email")
    ]
    assert report.updated == 1


def test_the_last_owner_stays_in_use(app: Flask, tmp_path: Path) -> None:
    owner = factories.account(role="owner")
    path = people_file(
        tmp_path, f"Key,First Name,Last Name,Active\n{owner.person.key},Ada,Byron,No\n"
    )
    report = importing.run("people", path, owners=True)
    assert [one.reason for one in report.refused] == ["last_owner"]
    assert db.session.get_one(Person, owner.person_id).active


@pytest.mark.parametrize("by", ["key", "alias", "member_id"])
def test_no_import_gives_an_owner_another_address_or_puts_them_out_of_use(
    app: Flask, tmp_path: Path, by: str
) -> None:
    """A link to choose a password goes to the address: whoever sets it would be an owner."""
    factories.account(role="owner")
    owner = factories.account(role="owner", member_id="77", email="owner@example.org").person
    key = owner.key
    if by == "alias":
        other = factories.person()
        key = other.key
        merging.merge(owner, other)
        db.session.commit()
    column, named = ("Member ID", "77") if by == "member_id" else ("Key", key)
    moved = f"{column},First Name,Email\n{named},Ada,thief@example.org\n"
    ended = f"{column},First Name,Active\n{named},Ada,No\n"
    for text, where in ((moved, "Email"), (ended, "Active")):
        for dry_run in (True, False):
            report = importing.run("people", people_file(tmp_path, text), dry_run=dry_run)
            assert [(one.column, one.reason) for one in report.refused] == [(where, "owner")]
    db.session.expire_all()
    assert (owner.email, owner.active) == ("owner@example.org", True)
    assert accounts.find("thief@example.org") is None
    # The rest of their record comes as everybody's does; the command line may all.
    renamed = f"{column},First Name,Email,Active\n{named},Augusta,owner@example.org,Yes\n"
    assert importing.run("people", people_file(tmp_path, renamed)).updated == 1
    assert importing.run("people", people_file(tmp_path, moved), owners=True).updated == 1
    db.session.expire_all()
    assert owner.email == "thief@example.org"


@pytest.mark.parametrize("role", ["staff", "reader", "help-desk"])
def test_no_import_of_the_panel_gives_staff_another_address(
    app: Flask, tmp_path: Path, role: accounts.Role
) -> None:
    key = factories.account(role=role, email="staff@example.org").person.key
    moved = f"Key,First Name,Email\n{key},Ada,thief@example.org\n"
    report = importing.run("people", people_file(tmp_path, moved))
    assert [(one.column, one.reason) for one in report.refused] == [("Email", "staff")]
    assert accounts.find("thief@example.org") is None
    assert importing.run("people", people_file(tmp_path, moved), owners=True).updated == 1


def test_a_record_put_out_of_use_ends_its_sessions(app: Flask, tmp_path: Path) -> None:
    account = factories.account()
    epoch, key = account.epoch, account.person.key
    importing.run(
        "people", people_file(tmp_path, f"Key,First Name,Last Name,Active\n{key},A,B,No\n")
    )
    account = db.session.scalars(select(Account)).one()
    assert (account.epoch, account.person.active) == (epoch + 1, False)


def forty(**values: Any) -> list[Person]:
    rows = [
        Person(first_name="P", last_name=str(n), key=f"p{n}", member_status="Current", **values)
        for n in range(40)
    ]
    db.session.add_all(rows)
    db.session.commit()
    return rows


def lines(header: str, line: str, numbers: range) -> str:
    return header + "".join(line.format(n=n) + "\n" for n in numbers)


@pytest.mark.compliance("Y01")
@pytest.mark.parametrize(
    ("header", "line", "kind", "says"),
    [
        ("Key,First Name,Active\n", "p{n},P,No", "deactivated", "25 records would no longer"),
        ("Key,First Name,Member Status\n", "p{n},P,", "emptied:member_status", "25 would lose"),
        ("Key,First Name,Status\n", "p{n},P,Lapsed", "status", "25 would have another"),
        ("Key,First Name,City\n", "p{n},P,", "emptied:city", "25 would lose their City"),
        ("Key,First Name,Company Key\n", "p{n},P,", "company", "25 people would lose"),
        ("Key,First Name,Motto\n", "p{n},P,", "emptied:motto", "25 would lose their Motto"),
    ],
)
def test_a_file_that_takes_away_more_than_the_guards_share_stops_before_it_writes(
    app: Flask, tmp_path: Path, header: str, line: str, kind: str, says: str
) -> None:
    motto = fields.create("Motto", "text")
    company = factories.company()
    for person in forty(city="Bern", company=company):
        fields.set_value(person, motto, "Onwards")
    db.session.commit()
    path = people_file(tmp_path, lines(header, line, range(25)))
    moments = list(db.session.scalars(select(Contact.updated_at).order_by(Contact.id)))
    dry = importing.run("people", path, dry_run=True)
    assert (dry.guard_tripped, dry.losses.counts[kind]) == (True, 25)
    with pytest.raises(GuardTripped, match=says) as stopped:
        importing.run("people", path)
    losses = stopped.value.report.losses
    assert losses.records == 40
    assert losses.samples[kind] == ["p0", "p1", "p2", "p3", "p4"]
    assert list(db.session.scalars(select(Contact.updated_at).order_by(Contact.id))) == moments
    # Allowed is what was seen, and no more.
    allowed = Losses.from_json(json.loads(json.dumps(losses.as_json())))
    more = people_file(tmp_path, lines(header, line, range(26)), "more.csv")
    with pytest.raises(GuardTripped):
        importing.run("people", more, allow=allowed)
    report = importing.run("people", path, allow=allowed)
    assert (report.updated, report.guard_tripped) == (25, False)
    assert importing.run("people", path).updated == 0


def test_few_losses_pass_without_asking(app: Flask, tmp_path: Path) -> None:
    forty(city="Bern")
    path = people_file(tmp_path, lines("Key,First Name,City\n", "p{n},P,", range(20)))
    assert importing.run("people", path).updated == 20
    app.config["TESSERA"] = app.config["TESSERA"].model_copy(update={"import_guard_least": 19})
    path = people_file(tmp_path, lines("Key,First Name,Member Status\n", "p{n},P,", range(20)))
    with pytest.raises(GuardTripped):
        importing.run("people", path)
    assert Guard().lets(100, 1000)
    assert not Guard().lets(101, 1000)
    assert not Guard(least=0).lets(1, 9)


def test_who_is_not_in_the_file_is_left_or_put_out_of_use(app: Flask, tmp_path: Path) -> None:
    forty()
    staff = factories.account(role="staff")
    member = factories.account()
    member_key, staff_id, epoch = member.person.key, staff.person_id, member.epoch
    # p0 is refused, and is in the file all the same.
    text = "Key,First Name,Email\np0,P,no address\n" + "".join(f"p{n},P,\n" for n in range(1, 35))
    path = people_file(tmp_path, text)
    assert importing.run("people", path).losses.counts == {}
    dry = importing.run("people", path, absent="deactivate", dry_run=True)
    report = importing.run("people", path, absent="deactivate")
    assert dry.losses.counts == report.losses.counts == {"absent": 6}
    out_of_use = set(db.session.scalars(select(Person.key).where(~Person.active)))
    assert out_of_use == {member_key, *(f"p{n}" for n in range(35, 40))}
    assert db.session.get_one(Person, staff_id).active
    assert db.session.scalars(select(Account).where(Account.role == "member")).one().epoch > epoch
    few = people_file(tmp_path, "Key,First Name\np1,P\n", "few.csv")
    with pytest.raises(GuardTripped, match="are not in the file"):
        importing.run("people", few, absent="deactivate")
    assert db.session.get_one(Person, staff_id).active


def test_what_is_written_is_announced_and_what_is_not_is_not(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = factories.group({"field": "city", "op": "is", "value": "Bern"})
    text = "Key,First Name,Email,City,Has Account,Size\n" + "".join(
        f"k{n},P,k{n}@example.org,{'Bern' if n < 3 else 'Rome'},Yes,{n}\n" for n in range(5)
    )
    heard = announced(monkeypatch)
    importing.run("people", people_file(tmp_path, text))
    ids = {person.key: person.id for person in db.session.scalars(select(Person))}
    assert set().union(*heard) == set(ids.values())
    in_group = membership.contact_ids_of(group.id)
    assert set(db.session.scalars(in_group)) == {ids["k0"], ids["k1"], ids["k2"]}
    heard.clear()
    assert importing.run("people", people_file(tmp_path, text)).unchanged == 5
    assert heard == []
    for change, who in {
        "k0,P,k0@example.org,Rome,Yes,0": "k0",
        "k1,P,k1@example.org,Bern,Yes,9": "k1",
    }.items():
        importing.run("people", people_file(tmp_path, text.splitlines()[0] + "\n" + change + "\n"))
        assert set().union(*heard) == {ids[who]}
        heard.clear()
    assert set(db.session.scalars(in_group)) == {ids["k1"], ids["k2"]}


def test_the_people_of_a_company_hear_of_its_new_name(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = factories.company(key="c", name="Old")
    person = factories.person(company=company)
    expected = {company.id, person.id}
    heard = announced(monkeypatch)
    importing.run("companies", people_file(tmp_path, "Key,Name\nc,New\n"))
    assert set().union(*heard) == expected


def test_a_cancelled_import_keeps_whole_chunks_and_can_be_run_again(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.directory.importing import spool

    monkeypatch.setattr(spool, "CHUNK", 10)
    monkeypatch.setattr(load_module, "CHUNK", 10)
    path = people_file(tmp_path, lines("Key,First Name\n", "k{n},P", range(45)))
    done: list[tuple[int, int]] = []
    report = importing.run(
        "people",
        path,
        progress=lambda *numbers: done.append(numbers),
        cancelled=lambda: bool(done) and done[-1][0] >= 20,
    )
    assert (report.cancelled, report.rows_done, report.created, count()) == (True, 20, 20, 20)
    assert done == [(0, 10), (0, 20), (0, 30), (0, 40), (10, 45), (20, 45)]
    again = importing.run("people", path)
    assert (again.created, again.unchanged, again.cancelled) == (25, 20, False)
    while_reading = importing.run("people", path, cancelled=lambda: True)
    assert (while_reading.cancelled, while_reading.rows_done) == (True, 0)


def test_an_import_that_dies_between_two_chunks_has_kept_the_first_and_can_be_run_again(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.directory.importing import spool, write

    monkeypatch.setattr(spool, "CHUNK", 10)
    path = people_file(tmp_path, lines("Key,First Name,Size\n", "k{n},P,{n}", range(25)))
    whole, times = write.Writer._write_values, []

    def dies(self: Any, plans: Any) -> None:
        times.append(1)
        if len(times) == 2:
            raise KeyboardInterrupt
        whole(self, plans)

    monkeypatch.setattr(write.Writer, "_write_values", dies)
    with pytest.raises(KeyboardInterrupt):
        importing.run("people", path)
    db.session.rollback()
    assert count() == 10
    again = importing.run("people", path)
    assert (again.created, again.unchanged) == (15, 10)


def test_a_company_without_a_key_is_found_by_its_name(app: Flask, tmp_path: Path) -> None:
    path = people_file(tmp_path, "Name,City\nEngines,Bern\nEngines,Rome\nWheels,Rome\n")
    first, second = importing.run("companies", path), importing.run("companies", path)
    assert (first.created, second.created, second.unchanged) == (2, 0, 2)
    assert [one.reason for one in second.refused] == ["duplicate_key"]


def test_a_circle_of_parents_is_refused_also_where_the_file_has_only_half_of_it(
    app: Flask, tmp_path: Path
) -> None:
    importing.run("companies", people_file(tmp_path, "Key,Name,Parent Key\na,A,\nb,B,a\nc,C,b\n"))
    report = importing.run(
        "companies", people_file(tmp_path, "Key,Name,Parent Key\na,A,c\nb,B,b\n")
    )
    assert [(one.row, one.reason) for one in report.refused] == [
        (2, "circle_of_parents"),
        (3, "circle_of_parents"),
    ]
    # Turned round as a whole it is none.
    turned = importing.run(
        "companies", people_file(tmp_path, "Key,Name,Parent Key\na,A,b\nb,B,c\nc,C,\n")
    )
    assert turned.refused == []
    parents = {
        one.key: one.parent and one.parent.key for one in db.session.scalars(select(Company))
    }
    assert parents == {"a": "b", "b": "c", "c": None}


def test_a_main_contact_is_a_person_who_is_there(app: Flask, tmp_path: Path) -> None:
    text = "Key,Name,Main Contact Key\nc,C,p\nd,D,c\ne,E,\n"
    first = importing.run("companies", people_file(tmp_path, text))
    assert (first.created, first.refused) == (3, [])
    assert [(one.row, one.column, one.reason) for one in first.remarks] == [
        (2, "Main Contact Key", "unknown_person"),
        (3, "Main Contact Key", "unknown_person"),
    ]
    person = factories.person(key="p")
    again = importing.run("companies", people_file(tmp_path, text))
    assert (again.updated, again.unchanged) == (1, 2)
    assert [one.row for one in again.remarks] == [3]
    company = contacts.find("c")
    assert isinstance(company, Company)
    assert company.main_contact is person
    importing.run("companies", people_file(tmp_path, "Key,Name,Main Contact Key\nc,C,\n"))
    db.session.refresh(company)
    assert company.main_contact is None


@pytest.mark.parametrize("rows", ["c,C,p\nd,D,later\n", "d,D,later\nc,C,p\n"])
def test_new_companies_some_of_whose_main_contacts_are_still_to_come(
    app: Flask, tmp_path: Path, rows: str
) -> None:
    person = factories.person(key="p")
    db.session.commit()
    report = importing.run("companies", people_file(tmp_path, f"Key,Name,Main Contact Key\n{rows}"))
    assert report.created == 2
    found = {
        company.key: company.main_contact_id for company in db.session.scalars(select(Company))
    }
    assert found == {"c": person.id, "d": None}


def test_two_keys_of_one_record_are_one_record(app: Flask, tmp_path: Path) -> None:
    kept, *others = (factories.person(key=key) for key in ("kept", "a", "b"))
    for other in others:
        merging.merge(kept, other)
    db.session.commit()
    report = importing.run("people", people_file(tmp_path, "Key,First Name\nb,Bea\na,Ann\n"))
    assert (report.created, report.updated) == (0, 1)
    assert [(one.row, one.reason) for one in report.refused] == [(3, "duplicate_key")]


def test_a_company_that_is_merged_while_its_people_are_imported_is_the_one_that_was_kept(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.directory.importing import spool

    monkeypatch.setattr(spool, "CHUNK", 2)
    monkeypatch.setattr(load_module, "CHUNK", 2)
    kept_id, other_id = factories.company(key="kept").id, factories.company(key="gone").id

    def merge(done: int, _rows: int) -> None:
        if done == 2:  # the first chunk is kept
            merging.merge(*(db.session.get_one(Company, one) for one in (kept_id, other_id)))
            db.session.commit()

    text = lines("Key,First Name,Company Key\n", "p{n},Ada,gone", range(4))
    report = importing.run("people", people_file(tmp_path, text), progress=merge)
    assert report.created == 4
    assert set(db.session.scalars(select(Person.company_id))) == {kept_id}


def test_the_key_of_a_record_that_was_merged_finds_the_one_that_was_kept(
    app: Flask, tmp_path: Path
) -> None:
    kept = factories.person(key="kept", city="Rome")
    factories.person(key="alias", active=False, merged_into_id=kept.id, email="")
    report = importing.run(
        "people", people_file(tmp_path, "Key,First Name,City\nalias,Ada,Bern\nkept,Ada,Oslo\n")
    )
    assert (report.created, report.updated) == (0, 1)
    assert [(one.row, one.reason) for one in report.refused] == [(3, "duplicate_key")]
    assert db.session.scalars(select(Person).where(Person.key == "kept")).one().city == "Bern"


def test_an_error_that_a_spreadsheet_shows_is_no_value(app: Flask, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["First Name", "City", "Note"], ["Ada", "#N/A", "x"], ["Bob", "Bern", "#REF!"]):
        book.active.append(row)  # type: ignore[union-attr]
    path = tmp_path / "people.xlsx"
    book.save(path)
    mapping = people_mapping(City=Target("field", "city"))
    report = importing.run("people", path, mapping=mapping)
    assert [(one.row, one.column, one.reason) for one in report.refused] == [
        (2, "City", "cell_error")
    ]
    assert report.created == 1


def test_what_one_record_loses_is_said_of_one() -> None:
    losses = importing.Losses(records=9)
    for kind in ("absent", "company", "deactivated"):
        losses.add(kind, "p")
    assert losses.sentence() == (
        "Of 9 records 1 record is not in the file and would no longer be in use; "
        "1 person would lose their company; 1 record would no longer be in use."
    )
