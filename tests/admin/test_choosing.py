"""Forms in which something of many is chosen: nothing is a list of all there is."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from idp.database import db, now
from idp.directory.contacts import Company, Contact, Person
from idp.directory.groups import Group
from tests import browsing
from tests.admin.test_access import PAGES, client_id

__all__ = ["client_id"]  # a fixture

MANY = 1_000
# Time zones are as many as there are in the world; else the most are the fields of a contact.
MOST_OPTIONS = 100
WORLD = {"time_zone"}


class Choices(HTMLParser):
    """How many options each select and each list of offers of a page has, by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.here = ""
        self.found: dict[str, int] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Count options where they are."""
        given = dict(attributes)
        if tag in ("select", "datalist"):
            self.here = given.get("name") or given.get("id") or tag
            self.found[self.here] = 0
        elif tag == "option":
            self.found[self.here] += 1
        elif tag == "input" and given.get("type") in ("radio", "checkbox"):
            name = given.get("name") or ""
            self.found[name] = self.found.get(name, 0) + 1


@pytest.mark.compliance("A3")
def test_no_page_has_all_groups_companies_or_people_to_choose_from(
    app: Flask, client_id: str, owner: FlaskClient
) -> None:
    def choices() -> dict[str, dict[str, int]]:
        found = {}
        for path, (looked_at, _sent) in PAGES.items():
            if not looked_at:
                continue
            response = owner.get(path.format(client=client_id))
            assert response.status_code == 200, path
            if response.mimetype == "text/html":
                read = Choices()
                read.feed(response.text)
                found[path] = read.found
        return found

    before = choices()
    _fill()
    after = choices()
    assert after == before
    for path, counted in after.items():
        for name, number in counted.items():
            assert number <= MOST_OPTIONS or name in WORLD, (path, name, number)


@pytest.mark.compliance("A3")
def test_what_is_chosen_of_many_is_found_by_typing(
    app: Flask, client_id: str, owner: FlaskClient
) -> None:
    _fill()
    for address, typed, found in (
        ("/panel/companies/search", "engine 77", "Engine 777"),
        ("/panel/people/search", "byron 77", "Ada Byron 777 (byron777@example.org)"),
        ("/panel/people/groups", "group 777", "Group 777"),
        ("/panel/clients/groups", "group 777", "Group 777"),
        ("/panel/groups/a-group/members/search", "byron 777", "Ada Byron 777"),
    ):
        offered = owner.get(address, query_string={"q": typed}).get_json()["found"]
        assert 0 < len(offered) <= 12
        assert any(str(one).startswith(found) for one in offered), (address, offered)
        assert owner.get(address).get_json()["found"] == []
    # And what was found is taken by the form, and by the filter.
    record = {"first_name": "Grace", "last_name": "Hopper"}
    browsing.submit(owner, "/panel/people/a-person/edit", **record, company="Engine 777")
    assert "Engine 777" in owner.get("/panel/people/a-person").text
    read = owner.get("/panel/people/", query_string={"company": "Engine 777"}).text
    assert "Grace Hopper" in read


def _fill() -> None:
    """A thousand of everything that is chosen somewhere."""
    made: list[tuple[type, Callable[[int], dict[str, object]]]] = [
        (Company, lambda n: {"name": f"Engine {n}"}),
        (
            Person,
            lambda n: {
                "first_name": "Ada", "last_name": f"Byron {n}",
                "email": f"byron{n}@example.org", "email_key": f"byron{n}@example.org",
            },
        ),
    ]  # fmt: skip
    for model, values in made:
        rows = [{"kind": model.__name__.lower(), **values(number)} for number in range(MANY)]
        db.session.execute(insert(Contact.__table__), rows)
    condition = {"version": 1, "all": [{"field": "city", "op": "is", "value": "York"}]}
    groups = [
        {"key": f"g{number}", "name": f"Group {number}", "condition": condition,
         "created_at": now()}
        for number in range(MANY)
    ]  # fmt: skip
    db.session.execute(insert(Group), groups)
    db.session.commit()
