"""The audit's page: sentences, search, pages, export; and what changed of one record."""

import csv
import datetime as dt
import io
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from admin.audit_words import KINDS, SAID
from idp import association, audit
from idp.audit import AuditEvent, Event, Who, finding
from idp.database import db, now
from idp.directory import conditions, fields, groups
from idp.oauth import registration
from tests import browsing, factories
from tests.admin.test_lists import counted


def shown(browser: FlaskClient, query: str = "", path: str = "/panel/audit/") -> list[str]:
    """The sentences of the page, as texts."""
    page = browser.get(f"{path}{query}")
    assert page.status_code == 200, query
    heads = re.findall(
        r'<p class="event-head"><span>(.*?)</span> <span class="event-when', page.text
    )
    return [re.sub("<[^>]+>", "", head) for head in heads]


def event(name: Event, subject: str = "", at: dt.datetime | None = None, **more: Any) -> None:
    db.session.add(
        AuditEvent(
            **{
                "name": name.value,
                "subject": subject,
                "at": at or now(),
                "actor": "system",
                "actor_key": "",
                "also_about": "",
                "detail": {},
                "address": "",
                **more,
            }
        )
    )
    db.session.commit()


def test_every_event_has_its_words_and_its_kind() -> None:
    assert set(SAID) == set(Event)
    listed = [one for _label, events in KINDS.values() for one in events]
    assert sorted(listed) == sorted(Event), "each in one kind"


@pytest.mark.compliance("A5")
def test_what_was_done_is_told_in_staffs_words(app: Flask, owner: FlaskClient) -> None:
    bob = factories.person(first_name="Bob", last_name="Jones", key="bob", job_title="Chemist")
    browsing.change(
        owner, "/panel/people/bob/edit", "contact-form", job_title="Physicist", city="York"
    )
    group = factories.group(name="Board", key="board")
    with audit.acting_for(Who("gone@example.org", "gone")):
        groups.change(
            group, condition=conditions.parse({"field": "city", "op": "is", "value": "York"})
        )
    db.session.commit()
    page = owner.get("/panel/audit/").text
    assert shown(owner)[:3] == [
        "gone@example.org changed the condition of the group Board",
        "Tessera made the group Board",
        "Pat owner changed the address and the job title of Bob Jones",
    ]
    assert '<a href="/panel/people/bob">Bob Jones</a>' in page
    assert '<a href="/panel/groups/board">Board</a>' in page
    assert "<dt>Job title</dt><dd><del>Chemist</del>" in page
    assert "<ins>Physicist</ins>" in page
    assert "<ins>“City is York”</ins>" in page
    assert bob.key not in re.sub(r'href="[^"]*"', "", page)


def test_names_outlive_what_they_name(app: Flask, owner: FlaskClient) -> None:
    field = fields.create("Region", "text")
    group = factories.group(name="Board", key="board")
    audit.record(Event.FIELD_CREATED, field.key)
    db.session.commit()
    from idp.directory import field_deletion, group_deletion

    field_deletion.delete(field)
    group_deletion.delete(group)
    db.session.commit()
    event(Event.GROUP_CHANGED, "never-there", detail={"changed": {"name": ["a", "b"]}})
    assert shown(owner)[:2] == [
        "Tessera changed the name of the group never-there",
        "Tessera deleted the group Board",
    ]
    assert "Tessera made the custom field Region" in shown(owner)
    db.session.add(AuditEvent(name="a:thing:of-another-version", actor="system", subject="x"))
    db.session.commit()
    assert shown(owner)[0] == "Tessera: thing of another version (x)"


@pytest.mark.compliance("A5")
def test_events_are_found_by_who_whom_what_when_and_words(app: Flask, owner: FlaskClient) -> None:
    association.change(time_zone="America/New_York")
    db.session.commit()
    ann = factories.person(first_name="Ann", last_name="Smith", key="ann")
    émile = factories.person(first_name="Émile", last_name="Zola", key="emile")
    group = factories.group(name="Writers", key="writers")
    registration.create("Blog", "oidc", ["https://blog.example.org/a"])
    db.session.commit()
    long_ago = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)  # the evening of the 1st there
    event(Event.CONTACT_CHANGED, "ann", long_ago, detail={"changed": {"city": ["", "Orléans"]}})
    event(Event.MEMBER_ADDED, group.key, also_about="emile", actor="a@b.org", actor_key="ann")
    event(Event.SIGNED_IN, "emile", actor=émile.email, actor_key="emile", address="192.0.2.7")

    def found(**asked: str) -> list[str]:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return shown(owner, f"?{query}")

    changed = "Tessera changed the address of Ann Smith"
    added = "Ann Smith added Émile Zola to the group Writers"
    assert found(q="orléans") == found(q="ORLÉANS") == [changed]
    assert found(q="smith changed") == [changed]
    assert found(q="émile+added") == [added]
    assert found(q="writers added") == [added]
    assert found(person=ann.email) == [added, changed]
    assert found(person="Émile+Zola", kind="groups") == [added]
    assert found(**{"from": "2026-03-01", "to": "2026-03-01"}) == [changed]
    assert found(**{"from": "2026-03-02", "to": "2026-03-02"}) == []
    assert found(q="blog") == ["Tessera made the client Blog"]
    assert found(q="%25n%25") == [], "nothing is a pattern"
    for query, words in (
        ("?person=Nobody+Here", "There is no person"),
        ("?from=yesterday", "Write the day as"),
        ("?to=9999-12-31", "Write the day as"),
        ("?kind=nonsense&older=1-x&newer=99999999999999999-1", "Audit"),
        (f"?q={'zz+' * 150}", "Nothing found"),
    ):
        assert words in owner.get(f"/panel/audit/{query}").text, query
    assert "192.0.2.7" in owner.get("/panel/audit/?kind=sign-ins").text


def test_each_page_costs_the_same_and_shows_what_comes_next(
    app: Flask, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "PAGE", 10)
    monkeypatch.setattr(finding, "WINDOW", 30)
    factories.person(first_name="Ann", key="ann")
    start = now() - dt.timedelta(days=1)
    rows = [
        {
            "at": start + dt.timedelta(seconds=number // 3),
            "name": Event.SIGNED_IN.value if number % 2 else Event.CONTACT_CHANGED.value,
            "subject": "ann",
            "actor": "system",
            "actor_key": "",
            "also_about": "",
            "detail": {"note": f"needle {number}" if number < 5 else ""},
            "address": "",
        }
        for number in range(95)
    ]
    db.session.execute(insert(AuditEvent), rows)
    db.session.commit()

    def walk(query: str, way: str, start: str = "") -> tuple[list[int], int, str]:
        """The events of all pages that a way leads to, how many there were, and the last one."""
        ids: list[int] = []
        place, number, page = start, 0, ""
        while True:
            separator = "&" if "?" in query else "?"
            page = owner.get(f"/panel/audit/{query}{separator}{place}").text
            with app.test_request_context(f"/panel/audit/{query}{separator}{place}"):
                from admin.audit import turned
                from admin.audit_search import search

                ids += [one.id for one in turned(search().asked).events]
            db.session.rollback()
            number += 1
            link = re.search(rf'href="[^"]*?({way}=[0-9-]+)"', page)
            if link is None:
                return ids, number, place
            place = link[1]

    every, number, last = walk("", "older")
    assert len(every) == len(set(every)) >= 95
    back, _number, _place = walk("", "newer", last)
    assert set(back) == set(every)
    mine, number, _last = walk("?kind=sign-ins&person=Ann", "older")
    assert (len(mine), number) == (47, 5)
    needles, number, _last = walk("?q=needle", "older")
    assert len(needles) == 5
    assert 3 <= number <= 5, "in parts, each of which says how far it looked"
    assert "Look further back" in owner.get("/panel/audit/?q=needle").text
    counts = set()
    for query in ("", "?" + last, "?kind=records"):
        with counted() as asked:
            owner.get(f"/panel/audit/{query}")
        counts.add(len(asked))
    assert len(counts) == 1


@pytest.mark.compliance("A5")
def test_the_file_has_what_was_found_with_words_and_without_formulas(
    app: Flask, owner: FlaskClient
) -> None:
    factories.person(first_name="=cmd()", last_name="", key="ann")
    event(Event.CONTACT_CHANGED, "ann", detail={"changed": {"city": ["", "=HYPERLINK(1)"]}})
    event(Event.GROUP_DELETED, "board", detail={"name": "Board"})
    token = browsing.csrf_token(owner.get("/panel/audit/").text)
    answer = owner.post("/panel/audit/export?kind=records", data={"csrf_token": token})
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert row["What happened"] == "Tessera changed the address of =cmd()"
    assert row["What changed"] == "City: – → =HYPERLINK(1)"
    assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())
    made = db.session.scalars(
        select(AuditEvent.detail).where(AuditEvent.name == Event.EXPORTED)
    ).one()
    assert made == {"what": "audit", "rows": 1, "search": "kind records"}
    assert owner.post("/panel/audit/export?from=x", data={"csrf_token": token}).status_code == 303


def test_an_owner_says_how_long_the_audit_is_kept(app: Flask, owner: FlaskClient) -> None:
    answer = browsing.submit(owner, "/panel/audit/", "/panel/audit/keep", days="400")
    assert answer.status_code == 303
    assert association.get().audit_days == 400
    assert "changed the days that the audit is kept of the association" in shown(owner)[0]
    for days in ("5", "", "many", "9999999999"):
        answer = browsing.submit(owner, "/panel/audit/", "/panel/audit/keep", days=days)
        assert answer.status_code == 400, days
        assert "A number of days from 90" in answer.text or "Not a valid integer" in answer.text
    assert association.get().audit_days == 400


@pytest.mark.compliance("A5")
def test_what_changed_of_one_record_is_on_a_page_of_its_own(
    app: Flask, owner: FlaskClient, staff: FlaskClient
) -> None:
    bob = factories.person(first_name="Bob", key="bob")
    factories.company(name="Acme", key="acme")
    factories.group(name="Board", key="board")
    client, _secret = registration.create("Blog", "oidc", ["https://blog.example.org/a"])
    client_id = client.client_id
    db.session.commit()
    event(Event.CONTACT_CHANGED, "bob", detail={"changed": {"city": ["", "York"]}})
    event(Event.MEMBER_ADDED, "board", also_about="bob")
    event(Event.SIGNED_IN, "bob", actor_key="bob", address="192.0.2.7")
    event(Event.CONTACT_CHANGED, "acme", detail={"changed": {"name": ["", "Acme"]}})
    event(Event.CONTACT_CHANGED, "other", actor_key="bob")
    title = bob.title
    about_bob = [
        f"Tessera added {title} to the group Board",
        f"Tessera changed the address of {title}",
    ]
    path = "/panel/people/bob/changes"
    assert shown(staff, path=path) == about_bob
    assert shown(staff, "?all=1", path=path) == [f"{title} signed in", *about_bob]
    assert "192.0.2.7" not in staff.get(f"{path}?all=1").text
    for home, changes in (
        ("/panel/people/bob", path),
        ("/panel/companies/acme", "/panel/companies/acme/changes"),
        ("/panel/groups/board", "/panel/groups/board/changes"),
        (f"/panel/clients/{client_id}", f"/panel/clients/{client_id}/changes"),
    ):
        assert f'href="{changes}"' in owner.get(home).text, home
        assert shown(owner, path=changes), changes
    assert owner.get("/panel/people/nobody/changes").status_code == 404
