"""A member's own photo: sent, seen, removed; and everything that is refused."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import photos
from idp.directory.accounts import Account
from idp.directory.photos import PicturesBusy
from idp.signin import sessions
from tests import browsing, factories, pictures

PATH = "/profile/photo"


@pytest.fixture
def account(app: Flask) -> Account:
    return factories.account(email="ada@example.org")


@pytest.fixture
def browser(app: Flask, account: Account) -> FlaskClient:
    browser = app.test_client()
    browsing.sign_in(browser, "ada@example.org")
    return browser


def send(browser: FlaskClient, content: bytes, name: str = "me.jpg") -> TestResponse:
    return browsing.send_file(browser, PATH, "photo", content, name)


def token_of(account: Account) -> str | None:
    return photos.token_of(account.person)


def test_a_member_sends_sees_and_removes_their_photo(
    browser: FlaskClient, account: Account
) -> None:
    assert "You have no photo yet" in browser.get(PATH).text
    answer = send(browser, pictures.file())
    assert (answer.status_code, answer.location) == (303, PATH)
    token = token_of(account)
    assert token is not None
    assert f'src="/photos/{token}/256.jpg"' in browser.get(PATH).text
    assert f'src="/photos/{token}/256.jpg"' in browser.get("/").text
    answer = browsing.submit(browser, PATH, f"{PATH}/remove")
    assert answer.status_code == 303
    assert token_of(account) is None
    assert browser.get(f"/photos/{token}/256.jpg").status_code == 404
    assert "/photos/" not in browser.get("/").text


@pytest.mark.compliance("A5")
def test_the_audit_says_that_it_changed_and_nothing_that_opens_it(
    browser: FlaskClient, account: Account
) -> None:
    send(browser, pictures.file())
    token = token_of(account)
    browsing.submit(browser, PATH, f"{PATH}/remove")
    browsing.submit(browser, PATH, f"{PATH}/remove")  # there is none: nothing happened
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.name.contains("photo")).order_by(AuditEvent.id)
    ).all()
    assert [(one.name, one.subject) for one in events] == [
        ("member:photo:changed", account.person.key),
        ("member:photo:removed", account.person.key),
    ]
    assert events[0].detail == {"width": 300, "height": 200}
    assert token is not None
    assert token not in str([one.detail for one in events])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose a picture first."),
        (b"<svg/>", "This is not a JPEG, PNG or WebP picture."),
        (pictures.file()[:-500], "The file is cut off"),
        (pictures.file() + b"<script>", "something besides the picture"),
        (b"\xff\xd8\xff" + b"\x00" * photos.LARGEST_FILE, "The file is larger than 10 MB."),
    ],
    ids=["nothing", "no picture", "cut off", "something else too", "large"],
)
def test_what_is_refused_is_said_at_the_field(
    browser: FlaskClient, account: Account, content: bytes, words: str
) -> None:
    kept = factories.photo(account.person).token
    answer = send(browser, content, "" if not content else "../../me.jpg")
    assert answer.status_code == 200
    assert words in answer.text
    assert 'id="photo-error"' in answer.text
    assert token_of(account) == kept


def test_no_file_at_all_and_a_text_in_its_place(browser: FlaskClient) -> None:
    for data in ({}, {"photo": "not a file"}):
        assert "Choose a picture first." in browsing.submit(browser, PATH, **data).text


def test_a_body_that_is_larger_than_any_photo_is_not_read(browser: FlaskClient) -> None:
    answer = send(browser, b"\xff" * (photos.LARGEST_FILE + 2**20))
    assert answer.status_code == 413
    assert "at most 10 MB" in answer.text


def test_a_photo_is_read_from_nobody_who_is_not_signed_in(app: Flask) -> None:
    stranger = app.test_client()
    token = browsing.csrf_token(stranger.get("/sign-in").text)
    boundary, body = encode_multipart(
        {"csrf_token": token, "photo": FileStorage(io.BytesIO(b"\xff" * 3 * 2**20), "me.jpg")}
    )
    for path in (PATH, "/panel/people/a/photo"):
        kind = f'multipart/form-data; boundary="{boundary}"'
        assert stranger.post(path, data=body, content_type=kind).status_code == 413


def test_no_other_form_takes_so_much(browser: FlaskClient) -> None:
    data = {"bio": "x" * 3 * 2**20}
    answer = browsing.submit(browser, "/profile", **data)
    assert answer.status_code == 413
    assert "at most 2 MB" in answer.text


@pytest.mark.compliance("S23")
def test_it_is_taken_from_ones_own_page_only(
    app: Flask, browser: FlaskClient, account: Account
) -> None:
    data = {"photo": (io.BytesIO(pictures.file()), "me.jpg")}
    assert browser.post(PATH, data=data).status_code == 400
    assert app.test_client().get(PATH).status_code == 303
    assert token_of(account) is None


def test_who_finds_no_place_is_told_to_come_again(
    browser: FlaskClient, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_data: bytes) -> Any:
        raise PicturesBusy

    monkeypatch.setattr(photos, "made", busy)
    answer = send(browser, pictures.file())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Try again in a few seconds" in answer.text


def test_no_transaction_is_open_while_a_picture_is_worked_on(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, open_then = photos.made, []

    def watched(data: bytes) -> Any:
        open_then.append(db.session().in_transaction())
        return made(data)

    monkeypatch.setattr(photos, "made", watched)
    assert send(browser, pictures.file()).status_code == 303
    assert open_then == [False]


def test_who_was_signed_out_meanwhile_changes_nothing(
    app: Flask, browser: FlaskClient, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, account_id = photos.made, account.id

    def signed_out_meanwhile(data: bytes) -> Any:
        with app.app_context():
            found = db.session.get(Account, account_id)
            assert found is not None
            sessions.end_everywhere(found)
            db.session.commit()
        return made(data)

    monkeypatch.setattr(photos, "made", signed_out_meanwhile)
    answer = send(browser, pictures.file())
    assert answer.location.startswith("/sign-in")
    assert token_of(account) is None


def test_one_sends_only_so_many(browser: FlaskClient) -> None:
    answers = [send(browser, b"no picture").status_code for _ in range(31)]
    assert answers[:30] == [200] * 30
    assert answers[30] == 429
