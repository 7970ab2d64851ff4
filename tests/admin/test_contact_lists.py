"""The lists of people and of companies: found as one types, filtered, sorted, walked through."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update

from admin import walking
from idp.database import db, now
from idp.directory import fields
from idp.directory.contacts import Company, Contact, Person
from idp.folding import words
from tests import browsing, factories
from tests.sync.conftest import Statements

ROW = re.compile(r'<th scope="row"><a href="[^"]+">([^<]+)</a>')


def names(client: FlaskClient, path: str, **asked: str) -> list[str]:
    """The names that a list shows."""
    response = client.get(path, query_string=asked)
    assert response.status_code == 200
    return ROW.findall(response.text)


def people(client: FlaskClient, **asked: str) -> list[str]:
    """The names that the list of people shows."""
    return names(client, "/panel/people/", **asked)


def test_a_search_finds_by_the_beginnings_of_words_as_one_types(
    app: Flask, staff: FlaskClient
) -> None:
    factories.person(
        first_name="Émilie", last_name="du Châtelet", email="e@cirey.example", member_id="M-77",
        key="the-key",
    )  # fmt: skip
    factories.person(
        first_name="ΣΊΣΥΦΟΣ", last_name="O’Brien-Smith", email="İstan@example.org", member_id="X77"
    )
    factories.person(first_name="Somebody", last_name="Else", member_id="M 9", email="")
    db.session.commit()
    found = ["Émilie du Châtelet"]
    for text in ("é", "châ", "ÉMILIE chât", "cirey", "m-77", "the-key", "e@cirey.example", "du ém"):
        assert people(staff, q=text) == found, text
    other = ["ΣΊΣΥΦΟΣ O’Brien-Smith"]
    for text in ("σίσυφος", "σίσυφοσ", "brien", "o'brien-s", "smi", "istan", "x77"):
        assert people(staff, q=text) == other, text
    # Nobody's word begins so: it is looked for within.
    for text in ("telet", "irey.ex", "-77", "e-key"):
        assert people(staff, q=text) == found, text
    assert "hold it somewhere within" in staff.get("/panel/people/?q=telet").text
    for text in ("100%_", "' OR 1=1", "\\", "\"'", "😀", "m-78", "&|!():*", "a" * 300):
        assert people(staff, q=text) == [], text
    assert "Nobody found" in staff.get("/panel/people/?q=100%25_").text


def test_more_words_than_anybody_types_cost_no_more(app: Flask, staff: FlaskClient) -> None:
    factories.person(first_name="Émilie", last_name="du Châtelet", email="e@cirey.example")

    def longest(path: str, word: str, number: int) -> int:
        with Statements() as asked:
            assert staff.get(path, query_string={"q": f"{word} " * number}).status_code == 200
        return max(map(len, asked.seen))

    for path in ("/panel/people/", "/panel/people/search", "/panel/groups/"):
        for word in ("telet", "@c"):
            assert longest(path, word, 60) == longest(path, word, 12), (path, word)
    assert people(staff, q="châ " * 60) == ["Émilie du Châtelet"]


def test_the_index_follows_whatever_writes(app: Flask, staff: FlaskClient) -> None:
    person = factories.person(first_name="Ada", last_name="Byron", email="")
    db.session.execute(
        update(Contact.__table__)
        .where(Contact.__table__.c.id == person.id)
        .values(last_name="Lovelace", updated_at=now())
    )
    db.session.commit()
    assert "Ada Lovelace" not in people(staff, q="byron")
    assert people(staff, q="lovel") == ["Ada Lovelace"]
    db.session.delete(db.session.get(Person, person.id))
    db.session.commit()
    assert people(staff, q="lovel") == []


def test_filters_narrow_the_list_and_its_export_and_say_what_is_wrong(
    app: Flask, staff: FlaskClient
) -> None:
    company = factories.company(name="Rand", city="York")
    region = fields.create("Region", "one_of", choices=["North", "South"])
    years = fields.create("Years", "whole_number")
    notes = fields.create("Notes", "text")
    region.in_lists = True
    db.session.commit()
    ada = factories.person(first_name="Ada", last_name="Byron", account=True, company=company)
    factories.account(
        first_name="Bob", last_name="Cole", member_status="LAPSED", member_type="Gold"
    )
    gone = factories.person(first_name="Cy", last_name="Dee", active=False, email="")
    for field, value in ((region, "north"), (years, 7), (notes, "Reads Ärger")):
        fields.set_value(ada, field, value)
    factories.group({"field": "member_status", "op": "is", "value": "Current"}, name="Everybody")
    db.session.commit()
    everybody = people(staff)
    assert {"Ada Byron", "Bob Cole", "Cy Dee"} < set(everybody)
    for asked, found in (
        ({"status": "lapsed"}, ["Bob Cole"]),
        ({"type": "gold"}, ["Bob Cole"]),
        ({"status": "lap"}, ["Bob Cole"]),
        ({"company": "ra"}, ["Ada Byron"]),
        ({"group": "everyb", "account": "invited"}, ["Ada Byron"]),
        ({"company": "rand"}, ["Ada Byron"]),
        ({"account": "invited"}, ["Ada Byron"]),
        ({"account": "none"}, ["Cy Dee"]),
        ({"active": "no"}, ["Cy Dee"]),
        ({"field": "region"}, ["Ada Byron"]),
        ({"field": "region", "value": "north"}, ["Ada Byron"]),
        ({"field": "region", "value": "South"}, []),
        ({"field": "years", "value": "7"}, ["Ada Byron"]),
        ({"field": "notes", "value": "ÄRG"}, ["Ada Byron"]),
        ({"account": "any", "q": "bob"}, ["Bob Cole"]),
        ({"group": "everybody", "account": "invited"}, ["Ada Byron"]),
        ({"group": "everybody", "account": "none", "status": "lapsed"}, []),
    ):
        assert people(staff, **asked) == found, asked
    assert "Bob Cole" in people(staff, account="active")
    assert people(staff, account="deactivated") == []
    for asked, problem in (
        ({"company": "Nowhere"}, "There is no company “Nowhere”."),
        ({"group": "Nobody"}, "There is no group “Nobody”."),
        ({"field": "years", "value": "many"}, "Not a whole number."),
        ({"field": "gone"}, "This field is no longer there."),
        ({"account": "x"}, "Nobody found"),
    ):
        assert people(staff, **asked) == []
        assert problem in staff.get("/panel/people/", query_string=asked).text
    # The column that the association chose, and an export of what the filters show.
    page = staff.get("/panel/people/?status=current").text
    assert '<th scope="col">Region</th>' in page
    assert '<td data-label="Region">North</td>' in page
    assert "Years" not in re.sub("<option.*?</option>", "", page)
    file = browsing.submit(
        staff, "/panel/people/?field=region", "/panel/people/export?field=region"
    ).text
    assert "Byron" in file
    assert "Cole" not in file
    # Companies have the same.
    assert names(staff, "/panel/companies/", q="yor") == ["Rand"]
    assert names(staff, "/panel/companies/", active="no") == []
    assert gone.key not in file


def test_a_list_is_walked_from_end_to_end_and_back_whatever_changes(
    app: Flask, staff: FlaskClient
) -> None:
    db.session.add_all(Person(first_name="Zz", last_name=f"{number:03}") for number in range(120))
    db.session.add_all(Company(name=f"c {number % 2}") for number in range(60))
    db.session.commit()

    def walk(path: str, way: str) -> list[list[str]]:
        pages = []
        while path:
            page = staff.get(path).text
            pages.append(ROW.findall(page))
            link = re.search(rf'href="([^"]+)" rel="{way}"', page)
            path = link[1].replace("&amp;", "&") if link else ""
        return pages

    forth = walk("/panel/people/?q=zz", "next")
    assert [len(page) for page in forth] == [50, 50, 20]
    assert [name for page in forth for name in page] == [f"Zz {number:03}" for number in range(120)]
    last = staff.get("/panel/people/?q=zz&page=last").text
    assert ROW.findall(last) == [f"Zz {number:03}" for number in range(70, 120)]
    assert "120 people" in last
    assert 'rel="next"' not in last
    back = walk("/panel/people/?q=zz&page=last", "prev")
    assert [page[0] for page in back] == ["Zz 070", "Zz 020", "Zz 000"]
    # Whoever is gone or new meanwhile moves nobody from one page to another.
    address = re.search(r'href="([^"]+)" rel="next"', staff.get("/panel/people/?q=zz").text)
    assert address
    db.session.add(Person(first_name="Zz", last_name="000 new"))
    db.session.commit()
    assert ROW.findall(staff.get(address[1].replace("&amp;", "&")).text)[0] == "Zz 050"
    for nonsense in ("after=nobody", "before=nobody", "page=99", "sort=nothing", "after=%00"):
        assert len(people(staff, **dict([nonsense.split("=")]))) == 50
    # Those that are sorted alike are all there.
    for sort in ("name", "newest", "oldest"):
        pages = walk(f"/panel/companies/?sort={sort}", "next")
        assert sum(map(len, pages)) == 60
    # More than so many that a filter finds are not counted.
    assert "121 people" in staff.get("/panel/people/?q=zz").text
    walking_most = walking.MOST_COUNTED
    walking.MOST_COUNTED = 100
    try:
        assert "More than 100 people" in staff.get("/panel/people/?q=zz").text
    finally:
        walking.MOST_COUNTED = walking_most


@pytest.mark.compliance("A2")
def test_every_page_of_a_list_and_a_search_are_read_off_an_index(
    app: Flask, staff: FlaskClient
) -> None:
    """So that a hundred thousand people cost what a hundred do; ``make bench-panel`` measures."""
    db.session.add_all(
        Person(first_name="P", last_name=f"N{number:03}", email=f"p{number}@example.org")
        for number in range(300)
    )
    db.session.commit()
    middle = db.session.query(Person).filter_by(last_name="N150").one().key
    sqlite = db.engine.dialect.name == "sqlite"
    found: dict[str, int] = {}
    for asked in ("", "page=last", f"after={middle}", f"before={middle}"):
        for sort, index in (("name", "name"), ("email", "email"), ("status", "status")):
            with planned() as plans:
                assert staff.get(f"/panel/people/?sort={sort}&{asked}").status_code == 200
            plan = next(plan for statement, plan in plans if "LIMIT" in statement)
            assert f"ix_contact_people_by_{index}" in plan, (asked, sort, plan)
            assert "TEMP B-TREE" not in plan
            assert "Sort" not in plan
            found[f"{asked} {sort}"] = len(plans)
    with planned() as plans:
        assert staff.get("/panel/people/?q=n15").status_code == 200
    searches = [plan for statement, plan in plans if "MATCH" in statement or "@@" in statement]
    assert len(searches) == 3  # is there anybody, who, and how many
    for plan in searches:
        assert ("contact_words VIRTUAL TABLE INDEX" if sqlite else "ix_contact_words") in plan
    assert max(found.values()) <= 9, found


@contextmanager
def planned() -> Iterator[list[tuple[str, str]]]:
    """The statements that ask something, each with how the database reads it."""
    found: list[tuple[str, str]] = []
    explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "

    def note(_c: Any, cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if not statement.lstrip().startswith(("SELECT", "WITH")):
            return
        own = cursor.connection.cursor()
        if explain == "EXPLAIN ":
            # What Postgres would choose for a long list: it reads a short one as a whole.
            for way in ("seqscan", "sort", "hashjoin", "mergejoin"):
                own.execute(f"SET LOCAL enable_{way} = off")
        rows = own.execute(explain + statement, parameters).fetchall()
        found.append((statement, "\n".join(str(row[-1]) for row in rows)))
        if explain == "EXPLAIN ":
            for way in ("seqscan", "sort", "hashjoin", "mergejoin"):
                own.execute(f"SET LOCAL enable_{way} = on")
        own.close()

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_words_are_parted_where_people_part_them() -> None:
    assert words("O’Brien-Smith, M_77 (Ärger)") == ["o", "brien", "smith", "m", "77", "ärger"]
    assert words(" – ") == []
