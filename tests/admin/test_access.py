"""Who may open which page, and what every page has in common."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_admin import expose

from admin import roles_document
from admin.access import TABLE, PanelView, page
from idp.database import db
from idp.directory import accounts, fields, import_runs
from idp.directory.accounts import Role
from idp.oauth import registration
from tests import factories
from tests.browsing import submit

# Every page of the panel, and which roles may look at it and send it a form: o(wner), s(taff),
# r(eader), h(elp desk). Nothing: the page takes no such request. Written out by hand, so that a
# slip in the table of admin/access.py shows here.
PAGES: dict[str, tuple[str, str]] = {
    "/panel/": ("osrh", ""),
    "/panel/overview": ("osrh", ""),
    "/panel/standing": ("osrh", ""),
    "/panel/set-up/": ("osr", ""),
    "/panel/set-up/a-step/decide": ("", "os"),
    "/panel/set-up/launch": ("", "o"),
    "/panel/set-up/members": ("os", ""),
    "/panel/set-up/test-contact": ("os", "os"),
    "/panel/compare": ("", "os"),
    "/panel/waiting/export": ("", "osr"),
    "/panel/people/": ("osrh", ""),
    "/panel/people/export": ("", "osr"),
    "/panel/people/new": ("os", "os"),
    "/panel/people/search": ("osrh", ""),
    "/panel/people/groups": ("osrh", ""),
    "/panel/people/values/region": ("osrh", ""),
    "/panel/people/a-person": ("osrh", ""),
    "/panel/people/a-person/account": ("", "osh"),
    "/panel/people/a-person/changes": ("osrh", ""),
    "/panel/people/a-person/deactivate": ("", "os"),
    "/panel/people/a-person/edit": ("os", "os"),
    "/panel/people/a-person/higher-logic": ("osrh", ""),
    "/panel/people/a-person/higher-logic/now": ("osrh", ""),
    "/panel/people/a-person/in-use": ("", "os"),
    "/panel/people/a-person/link": ("", "osh"),
    "/panel/people/a-person/merge": ("os", "os"),
    "/panel/people/a-person/out-of-use": ("", "os"),
    "/panel/people/a-person/sign-out": ("", "osh"),
    "/panel/people/a-person/photo": ("osrh", "os"),
    "/panel/people/a-person/photo/remove": ("", "os"),
    "/panel/people/a-person/reactivate": ("", "os"),
    "/panel/people/a-person/resend": ("", "os"),
    "/panel/people/a-person/role": ("o", "o"),
    "/panel/companies/": ("osrh", ""),
    "/panel/companies/export": ("", "osr"),
    "/panel/companies/new": ("os", "os"),
    "/panel/companies/search": ("osrh", ""),
    "/panel/companies/a-company": ("osrh", ""),
    "/panel/companies/a-company/changes": ("osrh", ""),
    "/panel/companies/a-company/edit": ("os", "os"),
    "/panel/companies/a-company/higher-logic": ("osrh", ""),
    "/panel/companies/a-company/higher-logic/now": ("osrh", ""),
    "/panel/companies/a-company/in-use": ("", "os"),
    "/panel/companies/a-company/merge": ("os", "os"),
    "/panel/companies/a-company/out-of-use": ("", "os"),
    "/panel/companies/a-company/photo": ("osrh", "os"),
    "/panel/companies/a-company/photo/remove": ("", "os"),
    "/panel/companies/a-company/resend": ("", "os"),
    "/panel/imports/": ("osr", ""),
    "/panel/imports/export": ("", "osr"),
    "/panel/imports/new": ("os", "os"),
    "/panel/imports/an-import": ("osr", ""),
    "/panel/imports/an-import/allow": ("", "os"),
    "/panel/imports/an-import/cancel": ("", "os"),
    "/panel/imports/an-import/columns": ("os", "os"),
    "/panel/imports/an-import/progress": ("osr", ""),
    "/panel/imports/an-import/refused.csv": ("osr", ""),
    "/panel/imports/an-import/start": ("", "os"),
    "/panel/fields/": ("osr", ""),
    "/panel/fields/export": ("", "osr"),
    "/panel/fields/new": ("os", "os"),
    "/panel/fields/region": ("osr", "os"),
    "/panel/fields/region/delete": ("os", "os"),
    "/panel/fields/region/move": ("", "os"),
    "/panel/groups/": ("osrh", ""),
    "/panel/groups/export": ("", "osr"),
    "/panel/groups/new": ("os", "os"),
    "/panel/groups/preview": ("", "os"),
    "/panel/groups/preview/rule": ("", "os"),
    "/panel/groups/search": ("osrh", ""),
    "/panel/groups/values": ("osrh", ""),
    "/panel/groups/a-group": ("osrh", "os"),
    "/panel/groups/a-group/conditions": ("osrh", "os"),
    "/panel/groups/a-group/changes": ("osrh", ""),
    "/panel/groups/a-group/delete": ("os", "os"),
    "/panel/groups/a-group/held": ("osrh", ""),
    "/panel/groups/a-group/held/allow": ("o", "o"),
    "/panel/groups/a-group/held/export": ("", "osr"),
    "/panel/groups/a-group/held/refuse": ("o", "o"),
    "/panel/groups/a-group/held/refused": ("osrh", ""),
    "/panel/groups/a-group/held/waiting": ("osrh", ""),
    "/panel/groups/a-group/member/a-person": ("osrh", "os"),
    "/panel/groups/a-group/member/a-person/change/1": ("", "os"),
    "/panel/groups/a-group/member/a-person/let-in": ("", "os"),
    "/panel/groups/a-group/member/a-person/remove/1": ("", "os"),
    "/panel/groups/a-group/member/a-person/shut-out": ("", "os"),
    "/panel/groups/a-group/members": ("osrh", ""),
    "/panel/groups/a-group/members/add": ("os", "os"),
    "/panel/groups/a-group/members/added": ("osrh", ""),
    "/panel/groups/a-group/members/added/export": ("", "osr"),
    "/panel/groups/a-group/members/export": ("", "osr"),
    "/panel/groups/a-group/members/past": ("osrh", ""),
    "/panel/groups/a-group/members/past/export": ("", "osr"),
    "/panel/groups/a-group/members/search": ("osrh", ""),
    "/panel/groups/a-group/members/shut-out": ("osrh", ""),
    "/panel/groups/a-group/members/shut-out/export": ("", "osr"),
    "/panel/groups/a-group/resend": ("", "os"),
    "/panel/groups/a-group/status.json": ("osrh", ""),
    "/panel/groups/a-group/sync": ("osrh", ""),
    "/panel/groups/a-group/sync/history": ("osrh", ""),
    "/panel/groups/a-group/sync/left-out": ("osrh", ""),
    "/panel/groups/a-group/sync/retry": ("", "os"),
    "/panel/groups/a-group/sync/standing": ("osrh", ""),
    "/panel/staff/": ("osrh", ""),
    "/panel/association/": ("o", "o"),
    "/panel/association/logo": ("", "o"),
    "/panel/association/logo/remove": ("", "o"),
    "/panel/integrations/": ("o", "o"),
    "/panel/integrations/test": ("", "o"),
    "/panel/clients/": ("o", ""),
    "/panel/clients/export": ("", "o"),
    "/panel/clients/groups": ("o", ""),
    "/panel/clients/members": ("o", ""),
    "/panel/clients/new": ("o", "o"),
    "/panel/clients/{client}": ("o", "o"),
    "/panel/clients/{client}/changes": ("o", ""),
    "/panel/clients/{client}/end-old-secret": ("", "o"),
    "/panel/clients/{client}/secret": ("o", "o"),
    "/panel/clients/{client}/self-test": ("o", "o"),
    "/panel/clients/{client}/self-test/progress": ("o", ""),
    "/panel/clients/{client}/in-use": ("", "o"),
    "/panel/clients/{client}/out-of-use": ("", "o"),
    "/panel/clients/{client}/worksheet": ("o", "o"),
    "/panel/clients/{client}/secret/document": ("", "o"),
    "/panel/clients/{client}/worksheet/document": ("o", ""),
    "/panel/clients/{client}/worksheet/print": ("o", ""),
    "/panel/audit/": ("o", ""),
    "/panel/audit/export": ("", "o"),
    "/panel/audit/keep": ("", "o"),
}
LETTERS: dict[Role, str] = {
    "owner": "o",
    "staff": "s",
    "reader": "r",
    "help-desk": "h",
    "member": "m",
}


@pytest.fixture
def client_id(app: Flask, tmp_path: Path) -> str:
    """One of each thing that has a page; gives the client's."""
    factories.account(key="a-person", password=None)
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
def test_the_table_above_names_every_page_and_every_form(app: Flask) -> None:
    keys = re.compile("a-person|a-step|a-company|region|a-group|an-import|{client}|(?<=/)1$")
    written = {
        (keys.sub("<>", path), method)
        for path, roles in PAGES.items()
        for method, letters in zip(("GET", "POST"), roles, strict=True)
        if letters
    }
    assert written == {
        (re.sub("<[^>]+>", "<>", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in TABLE
        for method in ("GET", "POST")
        if method in (rule.methods or set())
    }


@pytest.mark.compliance("A4")
@pytest.mark.parametrize("role", [None, *LETTERS])
def test_each_role_may_do_on_each_page_what_the_table_says_and_nothing_else(
    app: Flask,
    as_role: Callable[[Role], FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    role: Role | None,
) -> None:
    # Who gets as far as the page's own code; it is not run, so that nothing is changed by asking.
    monkeypatch.setattr(PanelView, "_run_view", lambda *_, **__: "reached")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    client = as_role(role) if role else app.test_client()
    for path, roles in PAGES.items():
        for method, letters in zip(("GET", "POST"), roles, strict=True):
            if not letters:
                continue
            response = client.open(path.format(client="a-client"), method=method)
            if role is None:
                assert response.status_code == 303, (method, path)
                assert response.location.startswith("/sign-in?next=")
            elif LETTERS[role] in letters:
                assert response.text == "reached", (method, path)
            else:
                assert response.status_code == 403, (method, path)


class Ways(HTMLParser):
    """What a page leads to: addresses of links, and of forms and their buttons."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self.here = here
        self.form: str | None = None
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.found.add(("GET", given.get("href", "")))
        if tag == "form" and given.get("method") == "post":
            self.form = given.get("action", self.here)
        if tag == "form" and given.get("method") != "post":
            self.found.add(("GET", given.get("action", self.here)))
        if tag in {"button", "input"} and given.get("type", "submit") == "submit" and self.form:
            self.found.add(("POST", given.get("formaction", "").partition("#")[0] or self.form))


@pytest.mark.compliance("A4")
@pytest.mark.parametrize("role", ["staff", "reader", "help-desk", "owner"])
def test_a_page_opens_for_who_may_and_offers_nothing_that_they_may_not(
    app: Flask, client_id: str, as_role: Callable[[Role], FlaskClient], role: Role
) -> None:
    client = as_role(role)
    nobody = factories.person().key
    for path in (*PAGES, f"/panel/people/{nobody}"):
        letters = PAGES.get(path, ("osrh", ""))[0]
        if LETTERS[role] not in letters:
            continue
        path = path.format(client=client_id)
        response = client.get(path)
        assert response.status_code == 200, path
        if response.mimetype != "text/html":
            continue
        ways = Ways(path)
        ways.feed(response.text)
        offered = {way for way in ways.found if way[1].startswith("/panel/")}
        with app.test_request_context():
            adapter = app.create_url_adapter(request)
            assert adapter is not None
            for method, address in offered:
                name, _ = adapter.match(unquote(urlsplit(address).path), method=method)
                needs = app.view_functions[name].needs  # type: ignore[attr-defined]
                action = needs.of(method)
                assert role in TABLE[name.partition(".")[0]][action], (path, method, address)


@pytest.mark.compliance("A4")
def test_the_document_is_what_the_table_says() -> None:
    made = roles_document.text(roles_document.views())
    assert roles_document.DOCUMENT.read_text() == made, "make roles"
    assert "| Put a record out of use: who it is about cannot sign in any more. | send |" in made


@pytest.mark.compliance("A4")
@pytest.mark.parametrize(
    ("role", "whose"),
    [
        ("owner", {"owner", "staff", "reader", "help-desk", "member"}),
        ("staff", {"staff", "reader", "help-desk", "member"}),
        ("help-desk", {"help-desk", "member"}),
        ("reader", set()),
        ("member", set()),
    ],
)
def test_how_somebody_signs_in_is_looked_after_by_who_may_do_no_less_than_they(
    app: Flask, as_role: Callable[[Role], FlaskClient], role: Role, whose: set[Role]
) -> None:
    client = as_role(role)
    for theirs in LETTERS:
        person = factories.account(role=theirs, password=None).person
        page = client.get(f"/panel/people/{person.key}")
        assert ("Send the invitation" in page.text) == (theirs in whose), theirs
        sent = submit(client, "/", f"/panel/people/{person.key}/link")
        assert sent.status_code == (303 if theirs in whose else 403), theirs
        for path in ("deactivate", "out-of-use"):
            if theirs not in whose:
                done = submit(client, "/", f"/panel/people/{person.key}/{path}")
                assert done.status_code == 403, (theirs, path)
    person = factories.person()
    made = submit(client, "/", f"/panel/people/{person.key}/account")
    assert made.status_code == (303 if "member" in whose else 403)
    account = accounts.of_person(person)
    assert (account.role if account else None) == ("member" if "member" in whose else None)


def test_staff_and_roles_are_listed_with_the_owners_first(
    app: Flask, staff: FlaskClient, owner: FlaskClient
) -> None:
    factories.account(role="help-desk", first_name="Henry", last_name="Desk", password=None)
    factories.account(first_name="Maria", last_name="Alvarez")
    shown = staff.get("/panel/staff/").text
    names = re.findall('<th scope="row"><a[^>]*>([^<]+)', shown)
    assert names == ["Pat owner", "Pat staff", "Henry Desk"]
    assert "Invited" in shown
    assert "/role" not in shown
    assert "Change the role of Henry Desk" in owner.get("/panel/staff/").text
    assert "Change the role of Pat owner" not in owner.get("/panel/staff/").text


def test_what_changes_something_is_refused_without_its_token(
    app: Flask, staff: FlaskClient
) -> None:
    for path, (_, letters) in PAGES.items():
        if letters:
            assert staff.post(path.format(client="a-client")).status_code == 400, path


def test_a_view_that_is_not_in_the_table_cannot_be_made() -> None:
    class Plain(PanelView):
        @page("/")
        def index(self) -> str:
            return ""

    with pytest.raises(ValueError, match="panel_new is not in the table"):
        Plain("New", endpoint="panel_new")

    class Undeclared(PanelView):
        @page("/", post="launch", methods=("GET", "POST"))
        def index(self) -> str:
            return ""

    with pytest.raises(ValueError, match="launch"):
        Undeclared("New", endpoint="panel_people")

    class Unsaid(PanelView):
        @expose("/")
        def index(self) -> str:
            return ""

    with pytest.raises(ValueError, match="what it needs"):
        Unsaid("New", endpoint="panel_people")


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
    for name in (
        *("panel.css", "panel.js", "conditions.js", "pick.js", "set_up.css", "worksheet.css"),
    ):
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
    for path in ("people/~00", "people/a~00/changes", "groups/~00", "fields/~00", "imports/~00"):
        assert staff.get(f"/panel/{path}").status_code == 404, path
