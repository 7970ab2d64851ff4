"""Imports in the panel: uploaded, checked, started, watched, reported."""

import csv
import dataclasses
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from admin import import_words
from admin.imports import ImportsView
from idp import jobs, web
from idp.audit import AuditEvent
from idp.database import db
from idp.directory import fields
from idp.directory.accounts import Role
from idp.directory.contacts import Contact, Person
from idp.directory.import_runs import ImportRun, work
from idp.directory.import_runs.runs import ImportPart
from idp.directory.importing import IGNORE, ColumnMapping, Target, named
from tests import browsing, factories

PEOPLE = "Key,First Name,Email\na,Ada,ada@example.org\nb,Bob,bob at home\nc,Cy,=1+1\n"


def upload(
    browser: FlaskClient, content: str | bytes, name: str = "people.csv", kind: str = "people"
) -> TestResponse:
    """Send the upload form."""
    token = browsing.csrf_token(browser.get("/panel/imports/new").text)
    return send(browser, content, name, {"csrf_token": token, "kind": kind})


def send(
    browser: FlaskClient, content: str | bytes, name: str, fields: dict[str, str]
) -> TestResponse:
    """Send a file as a browser does."""
    given = content.encode() if isinstance(content, str) else content
    boundary, body = encode_multipart(
        fields | {"file": FileStorage(io.BytesIO(given), filename=name, name="file")}
    )
    kind = f"multipart/form-data; boundary={boundary}"
    return browser.post("/panel/imports/new", data=body, content_type=kind)


def uploaded(browser: FlaskClient, content: str | bytes, **more: str) -> str:
    """Upload a file that is taken; the path of its import."""
    answer = upload(browser, content, **more)
    assert answer.status_code == 303, answer.text
    return answer.location


def press(browser: FlaskClient, path: str, button: str) -> None:
    """Press a button of an import's page."""
    token = browsing.csrf_token(browser.get(path, follow_redirects=True).text)
    answer = browser.post(f"{path}/{button}", data={"csrf_token": token})
    assert answer.status_code == 303
    assert answer.location == path


def check(browser: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Send the page of columns as it stands, but for some fields."""
    return browsing.change(browser, f"{path}/columns", "columns", **fields)


def run_worker(app: Flask) -> None:
    """Let a worker do what is waiting."""
    db.session.rollback()
    jobs.worker(app, [work.QUEUE]).work(burst=True)
    db.session.expire_all()


def the_run(path: str = "") -> ImportRun:
    db.session.expire_all()
    query = select(ImportRun)
    if path:
        query = query.where(ImportRun.key == path.rpartition("/")[2])
    return db.session.scalars(query).one()


def numbers(page: str) -> dict[str, str]:
    """The numbers of a page, by what they are of."""
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))


def count(table: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_file_is_checked_first_and_then_imported(app: Flask, staff: FlaskClient) -> None:
    path = uploaded(staff, PEOPLE)
    before = count(Contact)
    assert check(staff, path).status_code == 303
    assert "Waiting its turn" in staff.get(path).text
    run_worker(app)
    page = staff.get(path).text
    assert "Checked: nothing is changed yet" in page
    assert numbers(page) == {
        "Rows in the file": "3",
        "Would be new": "1",
        "Would change": "0",
        "Stay as they are": "0",
        "Would not be taken": "2",
    }
    assert count(Contact) == before
    press(staff, path, "start")
    run_worker(app)
    page = staff.get(path).text
    assert numbers(page)["New"] == "1"
    assert count(Contact) == before + 1
    assert count(ImportPart) == 0, "the file goes when it is over"
    listed = staff.get("/panel/imports/").text
    assert "people.csv" in listed
    assert "1 new, 0 changed, 2 not taken" in listed


def test_the_refused_rows_are_shown_and_downloaded_without_formulas(
    app: Flask, staff: FlaskClient
) -> None:
    path = uploaded(staff, PEOPLE)
    assert check(staff, path).status_code == 303
    run_worker(app)
    assert "bob at home" in staff.get(path).text
    answer = staff.get(f"{path}/refused.csv")
    assert answer.mimetype == "text/csv"
    assert "filename=people-refused.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row[:5] for row in rows] == [
        ["Row", "Column", "Value", "Taken", "Reason"],
        ["3", "Email", "bob at home", "no", "invalid_email"],
        ["4", "Email", "'=1+1", "no", "invalid_email"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("people.csv", b"", "This file is empty."),
        ("people.pdf", b"%PDF", "Choose a CSV file (.csv) or an Excel file (.xlsx)."),
        ("people.XLS", b"\xd0\xcf\x11\xe0", "save it as .xlsx or as CSV first"),
        ("", b"", "Choose a file."),
    ],
)
def test_what_is_no_file_to_import_is_said_at_the_field(
    app: Flask, staff: FlaskClient, name: str, content: bytes, words: str
) -> None:
    answer = upload(staff, content, name)
    assert answer.status_code == 200
    assert re.search(rf'id="file-error">[^<]*{re.escape(words)}', answer.text)
    assert count(ImportRun) == 0


def test_a_file_that_is_too_large_is_refused_in_words(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ImportsView.new
    monkeypatch.setattr(view, "upload", dataclasses.replace(view.upload, largest=web.LARGEST_BODY))
    uploaded(staff, PEOPLE)
    answer = upload(staff, b"x" * web.LARGEST_BODY)
    assert answer.status_code == 413
    assert "Send something of at most 2 MB." in answer.text


def test_a_file_of_several_megabytes_is_taken_from_staff_alone(
    app: Flask, staff: FlaskClient, as_role: Callable[[Role], FlaskClient]
) -> None:
    large = "Key,First Name\n" + "a,Ada\n" * 500_000
    assert len(large) > web.LARGEST_BODY
    path = uploaded(staff, large)
    assert the_run().size == len(large)
    assert "500,000 rows" in staff.get(f"{path}/columns").text
    for browser in (as_role("member"), app.test_client()):
        assert send(browser, large, "a.csv", {"csrf_token": "x"}).status_code == 413


@pytest.mark.compliance("A4")
def test_staff_cannot_become_an_owner_by_an_import(app: Flask, staff: FlaskClient) -> None:
    owner = factories.account(role="owner", email="owner@example.org").person
    path = uploaded(staff, f"Key,First Name,Email\n{owner.key},Ada,thief@example.org\n")
    check(staff, path)
    run_worker(app)
    assert "are changed on their own page, by an owner" in staff.get(path).text
    press(staff, path, "start")
    run_worker(app)
    assert the_run().state == "done"
    assert db.session.get_one(Person, owner.id).email == "owner@example.org"


@pytest.mark.compliance("A4")
def test_nobody_else_presses_its_buttons(
    app: Flask, staff: FlaskClient, as_role: Callable[[Role], FlaskClient]
) -> None:
    path = uploaded(staff, PEOPLE)
    member = as_role("member")
    token = browsing.csrf_token(member.get("/profile").text)
    for button in ("columns", "start", "allow", "cancel"):
        answer = member.post(f"{path}/{button}", data={"csrf_token": token})
        assert answer.status_code == 403, button
        assert staff.post(f"{path}/{button}").status_code == 400, button
    for page in ("", "/progress", "/refused.csv"):
        assert member.get(path + page).status_code == 403, page
    assert the_run().state == "uploaded"


def test_a_button_that_comes_too_late_says_so(app: Flask, staff: FlaskClient) -> None:
    path = uploaded(staff, PEOPLE)
    press(staff, path, "start")
    assert "has gone on in the meantime" in staff.get(path, follow_redirects=True).text
    press(staff, path, "cancel")
    for button in ("start", "allow", "cancel"):
        press(staff, path, button)
        assert the_run().state == "cancelled"
    assert staff.get("/panel/imports/nothing").status_code == 404


def test_a_file_that_cannot_be_read_is_refused_at_once(app: Flask, staff: FlaskClient) -> None:
    answer = upload(staff, "Name,Name\na,b\n", "members.csv")
    assert "members.csv has two columns" in answer.text
    assert count(ImportRun) == 0


def test_columns_are_suggested_chosen_and_kept_for_the_next_time(
    app: Flask, staff: FlaskClient
) -> None:
    table = "Key;Given Name;Club;Notes\na;Ada;North;x\nb;Bob;South;y\n"
    path = uploaded(staff, table.encode("cp1252"))
    page = staff.get(f"{path}/columns").text
    assert "separated by semicolon" in page
    form = browsing.form_of(page, "columns")
    assert (form["to_0"], form["to_1"]) == (["field:key"], ["field:first_name"])
    assert form["label_2"] == ["Club"]
    answer = check(staff, path, to_1="field:key", to_2="new", kind_2="one_of", to_3="")
    assert answer.status_code == 200
    assert "go to the same field" in answer.text
    assert "A file of people needs a column First Name or Last Name." in answer.text
    assert check(
        staff, path, to_2="new", label_2="Home club", kind_2="one_of", to_3="", keep_as="Our CRM"
    ).status_code == 303  # fmt: skip
    run_worker(app)
    press(staff, path, "start")
    run_worker(app)
    field = fields.all_fields("person")[-1]
    assert (field.label, field.kind) == ("Home club", "one_of")
    assert sorted(choice.label for choice in field.choices) == ["North", "South"]
    again = browsing.form_of(staff.get(f"{uploaded(staff, table)}/columns").text, "columns")
    assert again["to_3"] == [""]
    assert again["kept"] == again["keep_as"] == ["Our CRM"]


def test_a_kept_choice_is_filled_in_and_a_file_is_read_in_another_way(
    app: Flask, staff: FlaskClient
) -> None:
    named.save(
        "Old system", ColumnMapping("people", {"A": Target("field", "last_name"), "B": IGNORE})
    )
    db.session.commit()
    path = uploaded(staff, "A;B\nByron;x\n")
    assert check(staff, path, apply="1", kept="Old system").location == f"{path}/columns"
    assert browsing.form_of(staff.get(f"{path}/columns").text, "columns")["to_0"] == [
        "field:last_name"
    ]
    assert check(staff, path, read="1", separator=",").status_code == 303
    assert "A;B" in staff.get(f"{path}/columns").text
    wrong = check(staff, path, read="1", encoding="utf-7")
    assert "The encoding is utf-8, utf-16 or windows-1252." in wrong.text
    refused = check(staff, path, apply="1", kept="nothing")
    assert "not kept any more" in refused.text


def test_a_file_that_takes_much_away_asks_first_and_waits_for_the_answer(
    app: Flask, staff: FlaskClient
) -> None:
    rows = [f"k{number},Ada{number},Current\n" for number in range(60)]
    header = "Key,First Name,Member Status\n"
    first = uploaded(staff, header + "".join(rows))
    check(staff, first)
    run_worker(app)
    press(staff, first, "start")
    run_worker(app)
    gone = header + "".join(row.replace("Current", "") for row in rows[:40])
    for answer, left in (("cancel", 60), ("allow", 20)):
        path = uploaded(staff, gone)
        check(staff, path)
        run_worker(app)
        page = staff.get(path).text
        assert "Before anything is changed: is this meant?" in page
        assert "<li>40 would lose their Member status</li>" in page
        assert "Start the import" not in page
        press(staff, path, "start")
        assert the_run(path).state == "asking", "nobody starts it without an answer"
        press(staff, path, answer)
        run_worker(app)
        assert the_run(path).state == {"cancel": "cancelled", "allow": "done"}[answer]
        current = select(func.count()).where(Person.member_status == "Current", Person.key != "")
        assert db.session.scalar(current.where(Person.key.startswith("k"))) == left
        db.session.rollback()
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.name.endswith("import:allowed"))
    )
    assert "40 would" in str(events.one().detail)


def test_a_worker_that_is_not_there_is_missed(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = uploaded(staff, PEOPLE)
    assert check(staff, path).status_code == 303
    assert "tessera worker --imports" not in staff.get(path).text
    monkeypatch.setattr(import_words, "PATIENCE_SECONDS", -1)
    page = staff.get(path).text
    assert "tessera worker --imports" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "<html" not in staff.get(f"{path}/progress").text


def test_the_audit_says_who_imported_what(app: Flask, staff: FlaskClient) -> None:
    path = uploaded(staff, PEOPLE)
    assert check(staff, path).status_code == 303
    run_worker(app)
    press(staff, path, "start")
    run_worker(app)
    press(staff, uploaded(staff, PEOPLE, name="again.csv"), "cancel")
    events = [event for event in db.session.scalars(select(AuditEvent)) if ":import:" in event.name]
    assert [event.name.rpartition(":")[2] for event in events] == [
        "uploaded",
        "started",
        "finished",
        "uploaded",
        "cancelled",
    ]
    assert len({event.actor for event in events}) == 1
    assert events[0].detail["file"] == "people.csv"
    assert (events[2].detail["created"], events[2].detail["refused"]) == (1, 2)
    made = select(AuditEvent).where(AuditEvent.name == "import:contact:created")
    assert db.session.scalars(made).one().actor == events[0].actor
