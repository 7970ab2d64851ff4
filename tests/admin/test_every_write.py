"""Every form of the panel and of the member's pages leaves its event in the audit.

The walk goes by the app's own map of addresses: a page that takes a form and is not in ``FORMS``
fails the test, and so does one whose form leaves no event. What is asked for by a form but changes
nothing is in ``READS``.
"""

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from admin import set_up
from idp import jobs
from idp.audit import AuditEvent, Event
from idp.database import db, now
from idp.directory import groups
from idp.directory.accounts import Account
from idp.directory.import_runs import ImportRun
from idp.directory.membership import Addition
from idp.oauth import client_secrets, clients, consents, registration
from idp.oauth.self_test import job
from idp.signin import recovery
from sync import contact_tried
from sync.removals import held
from tests import browsing, factories, pictures
from tests.admin import test_imports as imports

API_KEY = "sk-of-higher-logic-0123456789"
PASSWORD, NEXT_PASSWORD = "a brand new passphrase", "and one more passphrase"
EMAIL = "member@example.org"
CLIENTS = "/panel/clients"
RULE = {"p0.kind": "all"}
SETTINGS = {
    "base_url": "http://127.0.0.1:9",
    "tenant_code": "T1",
    "api_key": API_KEY,
}
# Asked for by a form since it is long; it changes nothing.
READS = {"panel_groups.preview", "panel_groups.rule"}
# What other sites' servers and browsers ask by the protocols (tests/oauth has their events).
PROTOCOL = "/oauth/"


class World:
    """An association with what the forms are about, its owner's browser and a member's.

    ``secrets`` are those that the forms were given and those that their answers showed.
    """

    def __init__(self, app: Flask, owner: FlaskClient) -> None:
        self.app, self.owner, self.member = app, owner, app.test_client()
        self.secrets = {API_KEY, PASSWORD, NEXT_PASSWORD, factories.PASSWORD}
        site, _secret = registration.create("Site", "higher-logic", ["https://a.example/cb"])
        self.site_id = site.client_id
        factories.account(email=EMAIL, key="member")
        factories.person(key="other")
        factories.company(key="acme", name="Acme")
        factories.company(key="apex", name="Apex")
        factories.group(key="board", name="Board")

    def press(self, path: str, **data: Any) -> TestResponse:
        """Send a form of the panel that is nothing but a button and some fields."""
        token = browsing.csrf_token(self.owner.get("/panel/people/").text)
        answer = self.owner.post(f"/panel/{path}", data={"csrf_token": token, **data})
        answer.get_data()  # a file is written while it is read
        return answer

    def change(self, path: str, form: str, **changes: Any) -> TestResponse:
        """Change some fields of a form of the panel."""
        return browsing.change(self.owner, f"/panel/{path}", form, **changes)

    def photo(self, browser: FlaskClient, path: str) -> TestResponse:
        """Send a photo."""
        return browsing.send_file(browser, path, "photo", pictures.file(), "a.png")

    def own(self, path: str, to: str | None = None, **data: Any) -> TestResponse:
        """Send a form of the member's pages."""
        return browsing.submit(self.member, path, to, **data)

    def addition(self) -> int:
        """The number of an addition to the group."""
        found = db.session.scalars(select(Addition.id)).first()
        db.session.rollback()
        assert found
        return found

    def run(self, state: str = "") -> str:
        """The path of the newest import, put into a state."""
        run = db.session.scalars(select(ImportRun).order_by(ImportRun.id.desc())).first()
        assert run is not None
        if state:
            run.state = state  # type: ignore[assignment]
            run.question = {"says": {"status": "40 would lapse"}} if state == "asking" else None
        db.session.commit()
        return f"imports/{run.key}"

    def reset_link(self) -> str:
        """A mailed link to choose a password."""
        account = db.session.scalars(select(Account).where(Account.email_key == EMAIL)).one()
        token = recovery.make_token(account)
        db.session.rollback()
        self.secrets.add(token)
        return f"/set-password/{token}"

    def sign_in(self) -> TestResponse:
        """Sign the member in."""
        return browsing.sign_in(self.member, EMAIL, PASSWORD)

    def withdraw(self) -> TestResponse:
        """Have the member take back what they allowed a site."""
        account = db.session.scalars(select(Account).where(Account.email_key == EMAIL)).one()
        site = clients.find(self.site_id)
        assert site is not None
        consents.give(account.id, site, "openid")
        number = str(site.id)
        db.session.commit()
        token = browsing.csrf_token(self.member.get("/profile").text)
        data = {"csrf_token": token, "client": number}
        return self.member.post("/profile/sites", data=data)

    def self_test(self) -> None:
        """Start the self-test, and have a worker play it."""
        path = f"{CLIENTS}/{self.site_id}/self-test"
        browsing.submit(self.owner, path, member=EMAIL)
        db.session.rollback()
        jobs.worker(self.app, [job.QUEUE]).work(burst=True)

    def test_contact(self) -> TestResponse:
        """Send one contact to a Higher Logic that does not answer."""
        with mock.patch.object(contact_tried, "SECONDS", 0):
            return self.press("set-up/test-contact", member=EMAIL)

    def launch(self) -> TestResponse:
        """Launch, as if every step of the set-up were done."""
        with mock.patch.object(set_up, "view", return_value={"ready": True}):
            return self.press("set-up/launch")

    def merge(self, kind: str, kept: str, other: str) -> TestResponse:
        """Merge two records."""
        path = f"/panel/{kind}/{kept}/merge"
        page = self.owner.get(f"{path}?other={other}").text
        hidden = re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', page)
        form = {name: value for name, value in hidden if name != "csrf_token"}
        form |= dict.fromkeys(re.findall(r'type="radio" name="([^"]+)"', page), "kept")
        return browsing.submit(self.owner, f"{path}?other={other}", path, **form)


def hold() -> None:
    """Have a removal of the group held."""
    group, person = groups.find("board"), factories.person(account=True)
    assert group is not None
    group.type, group.sync = "security", True
    db.session.flush()
    moment, about = now(), {"group_key": "board", "contact_id": person.id}
    db.session.execute(held.removals.insert(), about | {"standing": "held", "at": moment})
    db.session.execute(
        held.holds.insert(), {"group_key": "board", "since": moment, "reason": "too many"}
    )
    db.session.commit()


Step = tuple[str, Callable[[World], Any], Event]
MEMBER_OF = "groups/board/member/other"

# In the order in which they are sent: one makes what the next one changes.
FORMS: list[Step] = [
    ("panel_people.new", lambda w: w.press("people/new", first_name="New", email="n@example.org",
     key="new", active="y"), Event.CONTACT_CREATED),
    ("panel_people.create_account", lambda w: w.press("people/new/account"), Event.ACCOUNT_CREATED),
    ("panel_people.edit", lambda w: w.change("people/new/edit", "contact-form", city="York"),
     Event.CONTACT_CHANGED),
    ("panel_people.role", lambda w: w.press("people/new/role", role="reader"),
     Event.ROLE_CHANGED),
    ("panel_people.send_link", lambda w: w.press("people/new/link"), Event.RESET_ASKED),
    ("panel_people.deactivate", lambda w: w.press("people/new/deactivate"),
     Event.ACCOUNT_DEACTIVATED),
    ("panel_people.reactivate", lambda w: w.press("people/new/reactivate"),
     Event.ACCOUNT_REACTIVATED),
    ("panel_people.sign_out", lambda w: w.press("people/new/sign-out"),
     Event.SIGNED_OUT_EVERYWHERE),
    ("panel_people.resend", lambda w: w.press("people/new/resend"), Event.RESENT),
    ("panel_people.put_out_of_use", lambda w: w.press("people/new/out-of-use"),
     Event.CONTACT_DEACTIVATED),
    ("panel_people.put_in_use", lambda w: w.press("people/new/in-use"), Event.CONTACT_REACTIVATED),
    ("panel_people.photo", lambda w: w.photo(w.owner, "/panel/people/new/photo"),
     Event.PHOTO_CHANGED),
    ("panel_people.remove_photo", lambda w: w.press("people/new/photo/remove"),
     Event.PHOTO_REMOVED),
    ("panel_people.merge", lambda w: w.merge("people", "other", "new"), Event.CONTACT_MERGED),
    ("panel_people.export", lambda w: w.press("people/export"), Event.EXPORTED),
    ("panel_companies.new", lambda w: w.press("companies/new", name="New Ltd", key="new-ltd"),
     Event.CONTACT_CREATED),
    ("panel_companies.edit", lambda w: w.change("companies/acme/edit", "contact-form", city="York"),
     Event.CONTACT_CHANGED),
    ("panel_companies.resend", lambda w: w.press("companies/acme/resend"), Event.RESENT),
    ("panel_companies.put_out_of_use", lambda w: w.press("companies/acme/out-of-use"),
     Event.CONTACT_DEACTIVATED),
    ("panel_companies.put_in_use", lambda w: w.press("companies/acme/in-use"),
     Event.CONTACT_REACTIVATED),
    ("panel_companies.photo", lambda w: w.photo(w.owner, "/panel/companies/acme/photo"),
     Event.PHOTO_CHANGED),
    ("panel_companies.remove_photo", lambda w: w.press("companies/acme/photo/remove"),
     Event.PHOTO_REMOVED),
    ("panel_companies.merge", lambda w: w.merge("companies", "acme", "apex"),
     Event.CONTACT_MERGED),
    ("panel_companies.export", lambda w: w.press("companies/export"), Event.EXPORTED),
    ("panel_fields.new", lambda w: w.press("fields/new", label="Region", kind="text",
     applies_to="person"), Event.FIELD_CREATED),
    ("panel_fields.field", lambda w: w.press("fields/region", label="Area", kind="text",
     applies_to="person"), Event.FIELD_CHANGED),
    ("panel_fields.move", lambda w: (w.press("fields/new", label="Motto", kind="text",
     applies_to="person"), w.press("fields/motto/move", to="up")), Event.FIELD_CHANGED),
    ("panel_fields.delete", lambda w: w.press("fields/motto/delete"), Event.FIELD_DELETED),
    ("panel_fields.export", lambda w: w.press("fields/export"), Event.EXPORTED),
    ("panel_groups.new", lambda w: w.press("groups/new", name="New", selects="people", type="",
     key="new-group", **RULE), Event.GROUP_CREATED),
    ("panel_groups.group", lambda w: w.press("groups/new-group", name="Newer", type=""),
     Event.GROUP_CHANGED),
    ("panel_groups.conditions", lambda w: w.press("groups/new-group/conditions",
     selects="companies", **RULE), Event.GROUP_CHANGED),
    ("panel_groups.delete", lambda w: w.press("groups/new-group/delete", confirm="y"),
     Event.GROUP_DELETED),
    ("panel_groups.add_member", lambda w: w.press("groups/board/members/add", contact="other"),
     Event.MEMBER_ADDED),
    ("panel_groups.member", lambda w: w.press(MEMBER_OF, **{"new-role": "Chair"}),
     Event.MEMBER_ADDED),
    ("panel_groups.change_addition", lambda w: w.press(
     f"{MEMBER_OF}/change/{w.addition()}",
     **{f"a{w.addition()}-role": "Treasurer"}), Event.MEMBER_CHANGED),
    ("panel_groups.remove_addition", lambda w: w.press(f"{MEMBER_OF}/remove/{w.addition()}"),
     Event.MEMBER_REMOVED),
    ("panel_groups.shut_out", lambda w: w.press(f"{MEMBER_OF}/shut-out"), Event.MEMBER_SHUT_OUT),
    ("panel_groups.let_in", lambda w: w.press(f"{MEMBER_OF}/let-in"), Event.MEMBER_LET_IN),
    ("panel_groups.resend", lambda w: w.press("groups/board/resend"), Event.RESENT),
    ("panel_groups.retry", lambda w: w.press("groups/board/sync/retry"), Event.RESENT),
    ("panel_groups.export", lambda w: w.press("groups/export"), Event.EXPORTED),
    ("panel_groups.export_members", lambda w: w.press("groups/board/members/export"),
     Event.EXPORTED),
    ("panel_groups.export_past_members", lambda w: w.press("groups/board/members/past/export"),
     Event.EXPORTED),
    ("panel_groups.export_added_members", lambda w: w.press("groups/board/members/added/export"),
     Event.EXPORTED),
    ("panel_groups.export_shut_out_members",
     lambda w: w.press("groups/board/members/shut-out/export"), Event.EXPORTED),
    ("panel_imports.export", lambda w: w.press("imports/export"), Event.EXPORTED),
    ("panel_groups.export_held", lambda w: w.press("groups/board/held/export?list=held"),
     Event.EXPORTED),
    ("panel_groups.allow_held", lambda w: (hold(), w.press("groups/board/held/allow",
     number="1")), Event.REMOVALS_ALLOWED),
    ("panel_groups.refuse_held", lambda w: (hold(), w.press("groups/board/held/refuse",
     number="1")), Event.REMOVALS_REFUSED),
    ("panel_imports.new", lambda w: imports.uploaded(w.owner, imports.PEOPLE),
     Event.IMPORT_UPLOADED),
    ("panel_imports.columns", lambda w: w.change(f"{w.run()}/columns", "columns",
     absent="deactivate"), Event.IMPORT_CHOSEN),
    ("panel_imports.start", lambda w: w.press(f"{w.run('checked')}/start"), Event.IMPORT_STARTED),
    ("panel_imports.allow", lambda w: w.press(f"{w.run('asking')}/allow"), Event.IMPORT_ALLOWED),
    ("panel_imports.cancel", lambda w: w.press(f"{w.run()}/cancel"), Event.IMPORT_CANCELLED),
    ("panel_integrations.index", lambda w: browsing.change(
     w.owner, "/panel/integrations/", "settings", **SETTINGS), Event.CONNECTION_CHANGED),
    ("panel_set_up.test_contact", World.test_contact, Event.TEST_CONTACT_SENT),
    ("panel_set_up.decide", lambda w: w.press("set-up/fields/decide"), Event.SET_UP_DECIDED),
    ("panel_set_up.launch", World.launch, Event.LAUNCHED),
    ("panel_association.index", lambda w: w.change("association/", "settings", name="Guild"),
     Event.ASSOCIATION_CHANGED),
    ("panel_association.logo", lambda w: browsing.send_file(w.owner, "/panel/association/", "logo",
     pictures.file(), to="/panel/association/logo"), Event.LOGO_CHANGED),
    ("panel_association.remove_logo", lambda w: w.press("association/logo/remove"),
     Event.LOGO_REMOVED),
    ("panel_integrations.test", lambda w: w.press("integrations/test"), Event.CONNECTION_TESTED),
    ("panel_clients.new", lambda w: w.press("clients/new", name="New", template="oidc",
     redirect_uris="https://new.example/cb"), Event.CLIENT_CREATED),
    ("panel_clients.client", lambda w: w.change(f"clients/{w.site_id}", "client-form",
     name="Renamed"), Event.CLIENT_CHANGED),
    ("panel_clients.worksheet", lambda w: w.change(f"clients/{w.site_id}/worksheet",
     "addresses-form", redirect_uris="https://b.example/cb"), Event.CLIENT_CHANGED),
    ("panel_clients.secret_document", lambda w: w.press(f"clients/{w.site_id}/secret/document"),
     Event.CLIENT_SECRET_CHANGED),
    ("panel_clients.secret", lambda w: w.press(f"clients/{w.site_id}/secret"),
     Event.CLIENT_SECRET_CHANGED),
    ("panel_clients.end_old_secret", lambda w: w.press(f"clients/{w.site_id}/end-old-secret"),
     Event.CLIENT_SECRET_CHANGED),
    ("panel_clients.self_test", World.self_test, Event.CLIENT_TEST_STARTED),
    ("panel_clients.put_out_of_use", lambda w: w.press(f"clients/{w.site_id}/out-of-use"),
     Event.CLIENT_CHANGED),
    ("panel_clients.put_in_use", lambda w: w.press(f"clients/{w.site_id}/in-use"),
     Event.CLIENT_CHANGED),
    ("panel_clients.export", lambda w: w.press("clients/export"), Event.EXPORTED),
    ("panel.compare", lambda w: w.press("compare"), Event.RECONCILE_ASKED),
    ("panel.export_waiting", lambda w: w.press("waiting/export"), Event.EXPORTED),
    ("panel_audit.export", lambda w: w.press("audit/export"), Event.EXPORTED),
    ("panel_audit.keep", lambda w: w.press("audit/keep", days="500"), Event.ASSOCIATION_CHANGED),
    ("recovery.forgot", lambda w: w.own("/forgot", email=EMAIL), Event.RESET_ASKED),
    ("recovery.set_password", lambda w: w.own(w.reset_link(), password=PASSWORD, again=PASSWORD),
     Event.PASSWORD_SET),
    ("signin.sign_out", lambda w: w.own("/", "/sign-out"), Event.SIGNED_OUT),
    ("signin.sign_in", World.sign_in, Event.SIGNED_IN),
    ("confirmation.confirm", lambda w: browsing.submit(
     w.owner, "/profile", "/confirm", password=factories.PASSWORD), Event.CONFIRMED),
    ("profile.edit", lambda w: w.own("/profile", first_name="Mary", last_name="Somerville"),
     Event.PROFILE_CHANGED),
    ("own_photo.photo", lambda w: w.photo(w.member, "/profile/photo"), Event.OWN_PHOTO_CHANGED),
    ("own_photo.remove", lambda w: w.own("/profile/photo", "/profile/photo/remove"),
     Event.OWN_PHOTO_REMOVED),
    ("oauth.sites", lambda w: w.withdraw(),
     Event.CONSENT_WITHDRAWN),
    ("profile.security", lambda w: w.own("/security", current=PASSWORD, password=NEXT_PASSWORD,
     again=NEXT_PASSWORD), Event.PASSWORD_SET),
    ("profile.sign_out_everywhere", lambda w: w.own("/security", "/security/sign-out-everywhere"),
     Event.SIGNED_OUT_EVERYWHERE),
]  # fmt: skip


def last(app: Flask) -> int:
    """The id of the newest event."""
    found = db.session.scalar(select(func.max(AuditEvent.id))) or 0
    db.session.rollback()
    return found


@pytest.mark.compliance("A5")
def test_every_form_leaves_its_event_and_no_secret(
    app: Flask, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.rule.startswith(PROTOCOL)
    }
    assert {endpoint for endpoint, _walk, _event in FORMS} == taken - READS
    made = collected(monkeypatch)
    world = World(app, owner)
    silent = []
    for endpoint, walk, event in FORMS:
        before = last(app)
        answer = walk(world)
        left = db.session.scalars(
            select(AuditEvent).where(AuditEvent.id > before).order_by(AuditEvent.id)
        ).all()
        if event.value not in {one.name for one in left}:
            silent.append((endpoint, event.value, [one.name for one in left], said(answer)))
        db.session.rollback()
    assert silent == []
    kept = text("SELECT name, actor, subject, also_about, detail, address FROM audit_event")
    everything = [str(tuple(row)) for row in db.session.execute(kept)]
    assert len(made) >= 4
    found = [
        (row, secret) for row in everything for secret in {*world.secrets, *made} if secret in row
    ]
    assert found == []


def collected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The secrets of clients that are made from now on."""
    make, found = client_secrets.new, []

    def noted(*given: Any) -> Any:
        row, secret = make(*given)
        found.append(secret)
        return row, secret

    monkeypatch.setattr(client_secrets, "new", noted)
    return found


def said(answer: Any) -> str:
    """What an answer says is wrong, for a test that fails."""
    if isinstance(answer, tuple):
        answer = answer[-1]
    if not isinstance(answer, TestResponse):
        return str(answer)
    wrong = re.findall(r'class="(?:error|note danger)"[^>]*>([^<]+)<', answer.text)
    return f"{answer.status_code} {answer.headers.get('Location', '')} {wrong}"
