"""Photos of people and companies in the panel."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import contacts, photos
from tests import browsing, factories, pictures

PAGES = {"people": "a-person", "companies": "a-company"}


@pytest.fixture(autouse=True)
def _contacts(app: Flask) -> None:
    factories.person(key="a-person", first_name="Ada", last_name="Byron")
    factories.company(key="a-company", name="Engines")


def send(staff: FlaskClient, path: str, content: bytes) -> TestResponse:
    return browsing.send_file(staff, path, "photo", content, "x.png")


def token_of(key: str) -> str | None:
    contact = contacts.find(key)
    assert contact is not None
    return photos.token_of(contact)


@pytest.mark.parametrize("kind", PAGES)
def test_staff_send_see_and_remove_a_photo(staff: FlaskClient, kind: str) -> None:
    key = PAGES[kind]
    here = f"/panel/{kind}/{key}"
    assert f'href="{here}/photo"' in staff.get(here).text
    answer = send(staff, f"{here}/photo", pictures.file(kind="PNG"))
    assert (answer.status_code, answer.location) == (303, f"{here}/photo")
    token = token_of(key)
    assert token is not None
    for page in (here, f"{here}/photo"):
        assert f'src="/photos/{token}/256.jpg"' in staff.get(page).text
    assert "300 × 200 pixels" in staff.get(f"{here}/photo").text
    answer = browsing.submit(staff, f"{here}/photo", f"{here}/photo/remove")
    assert answer.status_code == 303
    assert token_of(key) is None
    assert staff.get(f"/photos/{token}/256.jpg").status_code == 404
    names = db.session.scalars(
        select(AuditEvent.name).where(AuditEvent.subject == key).order_by(AuditEvent.id)
    ).all()
    assert names == ["staff:photo:changed", "staff:photo:removed"]


def test_what_is_no_picture_is_said_at_the_field(staff: FlaskClient) -> None:
    answer = send(staff, "/panel/people/a-person/photo", b"%PDF-1.7")
    assert answer.status_code == 200
    assert "This is not a JPEG, PNG or WebP picture." in answer.text
    assert token_of("a-person") is None


def test_each_kind_has_its_own_pages(staff: FlaskClient) -> None:
    for path in ("people/a-company", "companies/a-person", "people/nobody"):
        assert staff.get(f"/panel/{path}/photo").status_code == 404
        token = browsing.csrf_token(staff.get("/panel/people/a-person/photo").text)
        answer = staff.post(f"/panel/{path}/photo/remove", data={"csrf_token": token})
        assert answer.status_code == 404


def test_the_audit_reads_well(owner: FlaskClient) -> None:
    send(owner, "/panel/people/a-person/photo", pictures.file())
    page = owner.get("/panel/audit/").text
    assert "changed the photo of" in page
    assert "width: 300" in page
