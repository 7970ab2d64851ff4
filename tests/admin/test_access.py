"""Who may open which page, and what every page has in common."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin.access import ROLES
from idp.database import db
from idp.directory import fields, import_runs
from idp.directory.accounts import Role
from idp.oauth import registration
from tests import factories

FOR_STAFF = [
    "/panel/",
    "/panel/standing",
    "/panel/people/",
    "/panel/people/new",
    "/panel/people/search",
    "/panel/people/a-person",
    "/panel/people/a-person/edit",
    "/panel/people/a-person/photo",
    "/panel/people/a-person/higher-logic",
    "/panel/people/a-person/merge",
    "/panel/companies/",
    "/panel/companies/new",
    "/panel/companies/search",
    "/panel/companies/a-company",
    "/panel/companies/a-company/edit",
    "/panel/companies/a-company/photo",
    "/panel/companies/a-company/higher-logic",
    "/panel/imports/",
    "/panel/imports/new",
    "/panel/imports/an-import",
    "/panel/imports/an-import/columns",
    "/panel/imports/an-import/progress",
    "/panel/imports/an-import/refused.csv",
    "/panel/companies/a-company/merge",
    "/panel/fields/",
    "/panel/fields/new",
    "/panel/fields/region",
    "/panel/fields/region/delete",
    "/panel/groups/",
    "/panel/groups/new",
    "/panel/groups/values",
    "/panel/groups/a-group",
    "/panel/groups/a-group/members",
    "/panel/groups/a-group/members/past",
    "/panel/groups/a-group/members/added",
    "/panel/groups/a-group/members/shut-out",
    "/panel/groups/a-group/members/search",
    "/panel/groups/a-group/members/add",
    "/panel/groups/a-group/member/a-person",
    "/panel/groups/a-group/status.json",
    "/panel/groups/a-group/delete",
    "/panel/groups/a-group/held",
    "/panel/groups/a-group/held/waiting",
    "/panel/groups/a-group/held/refused",
]
FOR_OWNERS = [
    "/panel/groups/a-group/held/allow",
    "/panel/groups/a-group/held/refuse",
    "/panel/integrations/",
    "/panel/clients/",
    "/panel/clients/new",
    "/panel/clients/groups",
    "/panel/clients/members",
    "/panel/clients/{client}",
    "/panel/clients/{client}/secret",
    "/panel/clients/{client}/worksheet",
    "/panel/clients/{client}/worksheet/print",
    "/panel/clients/{client}/worksheet/document",
    "/panel/clients/{client}/self-test",
    "/panel/clients/{client}/self-test/progress",
    "/panel/audit/",
]


@pytest.fixture
def client_id(app: Flask, tmp_path: Path) -> str:
    """One of each thing that has a page; gives the client's."""
    factories.person(key="a-person")
    factories.company(key="a-company")
    factories.group(key="a-group")
    fields.create("Region", "text")
    db.session.commit()
    file = tmp_path / "people.csv"
    file.write_text("First Name\nAda\n")
    run = import_runs.make("people", file, "people.csv", "pat@example.org")
    run.key, run.state = "an-import", "checked"
    made, _secret = registration.create("Community", "higher-logic", ["https://hl.example.org/cb"])
    db.session.commit()
    return made.client_id


@pytest.mark.compliance("A4")
@pytest.mark.parametrize(
    ("role", "staff_pages", "owner_pages"),
    [(None, 303, 303), ("member", 403, 403), ("staff", 200, 403), ("owner", 200, 200)],
)
def test_every_page_asks_who_it_is(
    app: Flask,
    client_id: str,
    as_role: Callable[[Role], FlaskClient],
    role: Role | None,
    staff_pages: int,
    owner_pages: int,
) -> None:
    client = as_role(role) if role else app.test_client()
    for paths, wanted in ((FOR_STAFF, staff_pages), (FOR_OWNERS, owner_pages)):
        for path in paths:
            response = client.get(path.format(client=client_id))
            assert response.status_code == wanted, path
            if wanted == 303:
                assert response.location.startswith("/sign-in?next=")


@pytest.mark.compliance("A4")
def test_the_tables_above_name_every_page(app: Flask) -> None:
    rules = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in ROLES and "GET" in (rule.methods or set())
    }
    keys = re.compile("a-person|a-company|region|a-group|an-import|{client}")
    assert {keys.sub("<>", path) for path in (*FOR_STAFF, *FOR_OWNERS)} == {
        re.sub("<[^>]+>", "<>", rule) for rule in rules
    }


def test_what_changes_something_is_refused_to_members_and_without_its_token(
    app: Flask, client_id: str, as_role: Callable[[Role], FlaskClient]
) -> None:
    member, staff = as_role("member"), as_role("staff")
    token = re.search(r'name="csrf_token" value="([^"]+)"', member.get("/").text)
    assert token
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] not in ROLES or "POST" not in (rule.methods or set()):
            continue
        path = re.sub("<[^>]+>", "a-person", re.sub("<int:[^>]+>", "1", rule.rule))
        assert member.post(path, data={"csrf_token": token[1]}).status_code == 403, path
        assert staff.post(path).status_code == 400, path


def test_the_menu_shows_what_one_may_open(owner: FlaskClient, staff: FlaskClient) -> None:
    assert 'href="/panel/integrations/"' in owner.get("/panel/").text
    page = staff.get("/panel/people/").text
    assert 'href="/panel/people/" aria-current="page"' in page
    assert "/panel/integrations/" not in page
    assert "/panel/audit/" not in page


def test_pages_bring_everything_themselves(owner: FlaskClient) -> None:
    response = owner.get("/panel/")
    nonce = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert nonce
    assert f'<style nonce="{nonce[1]}">' in response.text
    for path in ("/panel/", "/panel/groups/new", "/panel/people/", "/panel/integrations/"):
        page = owner.get(path).text
        assert not re.search(r'(src|href)="(https?:)?//', page)
        assert not re.search(r"\son[a-z]+=|\sstyle=", page)
    for name in ("panel.css", "panel.js", "conditions.js", "worksheet.css"):
        with owner.get(f"/panel/static/{name}") as response:
            assert response.status_code == 200


def test_a_key_of_any_shape_has_a_page(app: Flask, staff: FlaskClient) -> None:
    for number, key in enumerate(["a/b", "..", "new", "ü?#%&", "~7E", "x" * 100]):
        name = f"Zora{number}"
        factories.person(key=key, first_name=name, last_name="Nightingale")
        listed = staff.get(f"/panel/people/?q={name}").text
        path = re.search(rf'href="(/panel/people/[^"?]+)">{name}', listed)
        assert path, key
        assert f"<h1>{name} Nightingale" in staff.get(path[1]).text
