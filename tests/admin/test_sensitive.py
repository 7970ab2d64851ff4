"""What a session alone is not enough for: the password is asked for again."""

import datetime as dt
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy import select, update

from admin.access import PanelView
from idp.audit import AuditEvent
from idp.database import db, now
from idp.directory import groups
from idp.oauth import registration
from idp.signin import passwords
from idp.signin.sessions import SignInSession
from tests import factories
from tests.admin.conftest import SignIn
from tests.admin.test_access import PAGES
from tests.browsing import change, submit

SENSITIVE = {
    ("POST", "/panel/waiting/export"),
    ("POST", "/panel/people/export"),
    ("GET", "/panel/people/a-person/role"),
    ("POST", "/panel/people/a-person/role"),
    ("GET", "/panel/fields/region/delete"),
    ("POST", "/panel/fields/region/delete"),
    ("GET", "/panel/groups/a-group/delete"),
    ("POST", "/panel/groups/a-group/delete"),
    ("POST", "/panel/groups/a-group/held/export"),
    ("GET", "/panel/groups/a-group/held/allow"),
    ("POST", "/panel/groups/a-group/held/allow"),
    ("POST", "/panel/groups/a-group/members/export"),
    ("POST", "/panel/groups/a-group/members/past/export"),
    ("POST", "/panel/groups/a-group/members/added/export"),
    ("POST", "/panel/groups/a-group/members/shut-out/export"),
    ("GET", "/panel/integrations/"),
    ("POST", "/panel/integrations/"),
    ("GET", "/panel/clients/new"),
    ("POST", "/panel/clients/new"),
    ("GET", "/panel/clients/{client}/secret"),
    ("POST", "/panel/clients/{client}/secret"),
    ("POST", "/panel/clients/{client}/end-old-secret"),
    ("POST", "/panel/clients/{client}/secret/document"),
    ("POST", "/panel/audit/export"),
    ("POST", "/panel/audit/keep"),
}


@pytest.fixture
def long_ago(app: Flask, owner: FlaskClient) -> FlaskClient:
    """The browser of an owner who signed in a while ago."""
    passed(minutes=16)
    return owner


def passed(minutes: int) -> None:
    """Time goes by for everybody who is signed in."""
    before = dt.timedelta(minutes=minutes)
    for row in db.session.scalars(select(SignInSession)):
        row.started_at -= before
        if row.confirmed_at is not None:
            row.confirmed_at -= before
    db.session.commit()


def events() -> list[str]:
    """What the audit has of confirmations."""
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
    return [row.name for row in rows if "confirmed" in row.name]


@pytest.mark.compliance("A4")
def test_what_is_sensitive_wants_the_password_and_nothing_else_does(
    app: Flask, long_ago: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PanelView, "_run_view", lambda *_, **__: "reached")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    for path, roles in PAGES.items():
        for method, letters in zip(("GET", "POST"), roles, strict=True):
            if not letters:
                continue
            response = long_ago.open(path.format(client="a-client"), method=method)
            if (method, path) in SENSITIVE:
                assert response.status_code == 303, (method, path)
                assert response.location.startswith("/confirm?next="), (method, path)
            else:
                assert response.text == "reached", (method, path)
    assert {path for _, path in SENSITIVE} <= PAGES.keys()


def test_a_page_is_gone_on_to_with_the_password_and_in_that_browser_alone(
    app: Flask, long_ago: FlaskClient
) -> None:
    key = factories.group().key
    stolen = app.test_client()
    with long_ago.session_transaction() as mine, stolen.session_transaction() as theirs:
        theirs.update(mine)
    asked = long_ago.get(f"/panel/groups/{key}/delete")
    assert parse_qs(urlsplit(asked.location).query) == {"next": [f"/panel/groups/{key}/delete"]}
    wrong = submit(long_ago, asked.location, password="not the password")
    assert wrong.status_code == 401
    assert "not the password of your account" in wrong.text
    assert long_ago.get(f"/panel/groups/{key}/delete").status_code == 303
    right = submit(long_ago, asked.location, password=factories.PASSWORD)
    assert (right.status_code, right.location) == (303, f"/panel/groups/{key}/delete")
    assert long_ago.get(right.location).status_code == 200
    assert events() == ["member:session:not-confirmed", "member:session:confirmed"]
    # Whoever copied the cookie before is where they were.
    assert stolen.get("/panel/groups/").status_code == 200
    assert stolen.get(f"/panel/groups/{key}/delete").status_code == 303
    tried = submit(stolen, "/panel/groups/", f"/panel/groups/{key}/delete")
    assert tried.location.startswith("/confirm?")
    assert groups.find(key) is not None
    passed(minutes=16)
    assert long_ago.get(f"/panel/groups/{key}/delete").location.startswith("/confirm?")


def test_a_form_comes_back_to_its_page_and_says_that_nothing_was_done(
    app: Flask, long_ago: FlaskClient
) -> None:
    factories.person(last_name="Lovelace")
    sent = submit(long_ago, "/panel/people/?q=Lovelace", "/panel/people/export?q=Lovelace")
    asked = parse_qs(urlsplit(sent.location).query)
    assert asked == {"next": ["/panel/people/?q=Lovelace"], "repeat": ["1"]}
    back = submit(long_ago, sent.location, password=factories.PASSWORD)
    assert back.location == "/panel/people/?q=Lovelace"
    shown = long_ago.get(back.location).text
    assert "Nothing was done yet: please do it once more." in shown
    names = list(db.session.scalars(select(AuditEvent.name)))
    assert "staff:export:made" not in names
    file = submit(long_ago, "/panel/people/?q=Lovelace", "/panel/people/export?q=Lovelace")
    assert file.mimetype == "text/csv"
    assert "Lovelace" in file.text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_it_leads_to_no_other_site(app: Flask, long_ago: FlaskClient, target: str) -> None:
    with app.test_request_context():
        address = app.url_for("confirmation.confirm", next=target)
    assert "evil" not in long_ago.get(address).text
    assert submit(long_ago, address, password=factories.PASSWORD).location == "/"


def test_the_password_is_not_guessed_there(app: Flask, sign_in: SignIn) -> None:
    account = factories.account(role="owner")
    client = sign_in(account)
    passed(minutes=16)
    for _ in range(10):
        assert submit(client, "/confirm?next=/panel/", password="a guess").status_code == 401
    right = submit(client, "/confirm?next=/panel/", password=factories.PASSWORD)
    assert right.status_code == 429
    assert events() == ["member:session:not-confirmed"] * 10


def test_a_session_that_ends_while_the_password_is_looked_at_confirms_nothing(
    app: Flask, long_ago: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends_meanwhile(*_: object) -> bool:
        db.session.rollback()
        db.session.execute(update(SignInSession).values(ended_at=now()))
        db.session.commit()
        return True

    monkeypatch.setattr(passwords, "verify", ends_meanwhile)
    answer = submit(long_ago, "/confirm?next=/panel/", password=factories.PASSWORD)
    assert answer.location == "/sign-in?next=/panel/"
    assert events() == []


def test_nobody_who_is_not_signed_in_is_asked(app: Flask) -> None:
    answer = app.test_client().get("/confirm?next=/panel/groups/")
    assert answer.location == "/sign-in?next=/panel/groups/"


def test_a_session_alone_brings_no_account_of_staff_to_another_address(
    app: Flask, sign_in: SignIn
) -> None:
    owner = factories.account(role="owner", email="owner@example.org")
    thief = factories.person(email="thief@example.org")
    member = factories.account(email="member@example.org")
    here, other, members = owner.person.key, thief.key, member.person.key
    client = sign_in(owner)
    passed(minutes=16)

    def edited(key: str, **fields: str) -> str:
        return submit(client, "/panel/", f"/panel/people/{key}/edit", **fields).location or ""

    named = {"first_name": "Ada", "last_name": "Byron"}
    assert edited(here, email="thief@example.org", **named).startswith("/confirm?")
    merged = client.get(f"/panel/people/{here}/merge?other={other}")
    assert merged.location.startswith("/confirm?")
    merged = submit(client, "/panel/", f"/panel/people/{here}/merge?other={other}")
    assert merged.location.startswith("/confirm?")
    assert owner.person.email == "owner@example.org"
    # What is no key to the panel is changed as ever, and so is the rest of the record.
    assert edited(here, email="owner@example.org", **named) == f"/panel/people/{here}"
    assert edited(members, email="new@example.org", **named) == f"/panel/people/{members}"
    submit(client, f"/confirm?next=/panel/people/{here}/edit", password=factories.PASSWORD)
    assert edited(here, email="better@example.org", **named) == f"/panel/people/{here}"
    assert owner.person.email == "better@example.org"


def test_a_session_alone_lets_no_other_site_be_a_client(app: Flask, long_ago: FlaskClient) -> None:
    site, _ = registration.create("A site", "oidc", ["https://site.example.org/"])
    phone, _ = registration.create("An app", "app", ["org.example.app:/back"])
    db.session.commit()
    pages = [f"/panel/clients/{one.client_id}" for one in (site, phone)]
    keys = json.dumps(ECKey.generate_key("P-256").as_dict(private=False))

    def changed(path: str, **fields: str) -> str:
        return change(long_ago, path, "client-form", **fields).location or ""

    proved = changed(pages[0], authentication="private_key_jwt", jwks=keys)
    assert proved.startswith("/confirm?")
    assert changed(pages[0], jwks=keys).startswith("/confirm?")
    assert changed(pages[1], redirect_uris="org.example.other:/back").startswith("/confirm?")
    db.session.expire_all()
    assert (site.authentication, site.jwks) == ("client_secret", None)
    assert phone.redirect_uris == ["org.example.app:/back"]
    # The rest is changed as ever.
    assert changed(pages[0], name="Another name") == pages[0]
    assert changed(pages[1], name="Another name") == pages[1]
    submit(long_ago, f"/confirm?next={pages[0]}", password=factories.PASSWORD)
    assert changed(pages[0], authentication="private_key_jwt", jwks=keys) == pages[0]
