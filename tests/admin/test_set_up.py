"""The set-up: a checklist that ticks itself, decisions, the launch; and the logo."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from idp import association, audit
from idp.audit import AuditEvent
from idp.database import db, now
from idp.directory import fields
from idp.directory.accounts import Role
from idp.oauth import registration
from sync import connection, contact_tried, ledger, noting
from sync.contact_tried import Standing
from tests import browsing, factories, pictures

STEPS = [
    "look",
    "people",
    "connection",
    "properties",
    "test-contact",
    "sign-in",
    "fields",
    "group",
    "launch",
]


def ticked(client: FlaskClient) -> list[str]:
    """The steps that the page shows as done."""
    page = client.get("/panel/set-up/").text
    found = re.findall(r'<li id="([a-z-]+)" class="([a-z]*)"', page)
    assert [name for name, _ in found] == STEPS
    done = [name for name, state in found if state == "done"]
    assert f"<strong>{len(done)} of 9</strong> done" in page
    return done


def audited(beginning: str) -> list[str]:
    """The names of the events that begin so, the oldest first."""
    names = db.session.scalars(select(AuditEvent.name).order_by(AuditEvent.id))
    return [name for name in names if name.startswith(beginning)]


def test_each_step_ticks_itself_and_the_launch_gives_way_to_the_overview(
    app: Flask, owner: FlaskClient
) -> None:
    assert "<h1>Set-up</h1>" in owner.get("/panel/").text
    assert ticked(owner) == []
    association.change(name="Made-up Engineers")
    person = factories.person(account=True)
    connection.change(tenant_code="MADEUP", api_key="k" * 20)
    db.session.commit()
    assert ticked(owner) == STEPS[:2]
    assert "not tested yet" in owner.get("/panel/").text
    link = connection.get()
    link.last_test_ok, link.last_tested_at = True, now()
    connection.change(integrate_bio=True, integrate_profile_image=True, integrate_social_media=True)
    noting.begin([person.id])
    db.session.execute(update(ledger.table).values(accepted=1, accepted_at=now()))
    client, _secret = registration.create("Community", "higher-logic")
    db.session.commit()
    assert ticked(owner) == STEPS[:5]
    # Neither the test nor what was accepted is about another key.
    connection.change(api_key="x" * 20)
    db.session.commit()
    assert ticked(owner) == [one for one in STEPS[:5] if one != "connection"]
    db.session.execute(update(ledger.table).values(accepted_at=now()))
    db.session.commit()
    assert ticked(owner) == STEPS[:5]
    assert f'href="/panel/clients/{client.client_id}/worksheet"' in owner.get("/panel/").text
    registration.change(client, redirect_uris=["https://hl.example.org/cb"])
    audit.record(audit.Event.CLIENT_TESTED, client.client_id, result="failed")
    db.session.commit()
    assert "The self-test failed." in owner.get("/panel/").text
    audit.record(audit.Event.CLIENT_TESTED, client.client_id, result="passed")
    field = fields.create("Region", "text")
    field.in_members_section = field.sync = True
    db.session.commit()
    assert ticked(owner) == STEPS[:7]
    group = factories.group(name="Everybody", type="security", sync=True)
    assert ticked(owner) == STEPS[:7]
    assert "Everybody: Syncing: 0 of 2 sent." in owner.get("/panel/").text
    # The launch waits for the rest, also where somebody presses it nonetheless.
    browsing.submit(owner, "/panel/people/new", "/panel/set-up/launch")
    assert association.get().launched_at is None
    db.session.execute(update(ledger.table).values(accepted=ledger.table.c.wanted))
    db.session.commit()
    assert ticked(owner) == STEPS[:8]
    assert group.name in owner.get("/panel/").text
    answer = browsing.submit(owner, "/panel/set-up/", "/panel/set-up/launch")
    assert answer.location == "/panel/"
    page = owner.get("/panel/").text
    assert "<h1>Overview</h1>" in page
    assert 'href="/panel/set-up/"' in page
    assert ticked(owner) == STEPS


def test_a_step_that_is_a_decision_is_ticked_by_saying_so_and_that_can_be_taken_back(
    app: Flask, owner: FlaskClient, as_role: Callable[[Role], FlaskClient]
) -> None:
    for step in ("properties", "sign-in", "fields"):
        answer = browsing.submit(owner, "/panel/set-up/", f"/panel/set-up/{step}/decide")
        assert answer.status_code == 303
    assert ticked(owner) == ["properties", "sign-in", "fields"]
    page = owner.get("/panel/").text
    assert "Decided: “No custom fields”." in page
    assert "Photos: off" in page
    browsing.submit(owner, "/panel/people/new", "/panel/set-up/group/decide")
    assert "group" not in ticked(owner)
    # Whose page it is not decides nothing about it.
    staff = as_role("staff")
    token = browsing.csrf_token(staff.get("/panel/set-up/").text)
    given = {"csrf_token": token, "back": "1"}
    assert staff.post("/panel/set-up/sign-in/decide", data=given).status_code == 403
    assert staff.post("/panel/set-up/launch", data=given).status_code == 403
    assert "An owner does this." in staff.get("/panel/").text
    assert staff.post("/panel/set-up/fields/decide", data=given).status_code == 303
    assert ticked(owner) == ["properties", "sign-in"]
    assert audited("staff:set-up") == ["staff:set-up:decided"] * 3 + ["staff:set-up:reopened"]
    # What was decided gives way to the facts.
    fields.create("Region", "text", in_members_section=True, sync=True)
    db.session.commit()
    assert "1 field is sent along." in owner.get("/panel/").text


def test_one_test_contact_is_chosen_by_what_is_typed_and_the_answer_is_said(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = factories.person(account=True, key="ada", first_name="Zora", email="zora@example.org")
    path = "/panel/set-up/test-contact"
    found = staff.get("/panel/set-up/members?q=zora").json
    assert found == {"found": [{"value": "zora@example.org", "label": person.title}]}
    assert "nobody’s e-mail address" in browsing.submit(staff, path, member="nobody").text
    page = browsing.submit(staff, path, member="zora@example.org").text
    assert "Enter the tenant code and the API key first" in page
    monkeypatch.setattr(contact_tried, "send", lambda _person: None)
    answer = browsing.submit(staff, path, member="zora@example.org")
    assert answer.location == f"{path}?member=ada#answer"
    for standing, words in (
        (Standing("accepted"), f"Higher Logic accepted {person.title}"),
        (Standing("refused", "No first name."), "<strong>No first name.</strong>"),
        (Standing("waiting", "Slow down."), "is not at Higher Logic yet"),
    ):
        monkeypatch.setattr(contact_tried, "standing", lambda _person, found=standing: found)
        assert words in staff.get(f"{path}?member=ada").text


def test_the_logo_is_kept_anew_shown_on_every_page_and_removed(
    app: Flask, owner: FlaskClient
) -> None:
    path = "/panel/association/"

    def send(content: bytes) -> str:
        answer = browsing.send_file(owner, path, "logo", content, to=f"{path}logo")
        return answer.text if answer.status_code == 200 else ""

    assert "This is not a JPEG, PNG or WebP picture." in send(b"<svg/>")
    transparent = pictures.halves(1300, 200, "RGBA")
    transparent.putpixel((0, 0), (0, 0, 0, 0))
    transparent.paste((0, 0, 0, 0), (0, 0, 100, 200))
    assert send(pictures.file(transparent, "PNG", pnginfo=None)) == ""
    token = association.get().logo_token
    address = f"/logo/{token}.png"
    for browser, page in ((owner, "/panel/"), (owner, "/"), (app.test_client(), "/sign-in")):
        assert f'src="{address}"' in browser.get(page).text
    served = app.test_client().get(address)
    image = pictures.opened(served.data)
    assert image.size == (association.get().logo_width, association.get().logo_height)
    assert max(image.size) == 640
    assert image.convert("RGBA").getpixel((2, 2))[3] == 0
    assert served.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in served.headers
    again = app.test_client().get(address, headers={"If-None-Match": served.headers["ETag"]})
    assert again.status_code == 304
    # Another one has another address, and the old one is over.
    send(pictures.file(kind="PNG"))
    assert association.get().logo_token != token
    assert app.test_client().get(address).status_code == 404
    browsing.submit(owner, path, f"{path}logo/remove")
    assert association.get().logo_token is None
    assert "/logo/" not in app.test_client().get("/sign-in").text
    assert audited("staff:logo") == [
        "staff:logo:changed",
        "staff:logo:changed",
        "staff:logo:removed",
    ]
