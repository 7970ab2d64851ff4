"""The public address of a photo: for everybody who was told it, and for nobody else."""

import pytest
from flask import Flask

from idp.database import db
from idp.directory import photos
from idp.directory.contacts import Person
from tests import browsing, factories, pictures


@pytest.fixture
def token(app: Flask) -> str:
    return factories.photo(factories.person(key="ada")).token


def test_everybody_who_was_told_gets_it_without_signing_in(app: Flask, token: str) -> None:
    for size in photos.SIZES:
        answer = app.test_client().get(f"/photos/{token}/{size}.jpg")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert pictures.opened(answer.data).width == min(size, 300)
    headers = answer.headers
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Set-Cookie" not in headers
    assert "Vary" not in headers


def test_a_browser_that_has_it_is_told_so(app: Flask, token: str) -> None:
    browser, path = app.test_client(), f"/photos/{token}/256.jpg"
    etag = browser.get(path).headers["ETag"]
    again = browser.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert browser.get(f"/photos/{token}/64.jpg").headers["ETag"] != etag
    head = browser.head(path)
    assert (head.status_code, head.data) == (200, b"")


def test_a_member_who_is_signed_in_gets_no_cookie_with_it(app: Flask, token: str) -> None:
    factories.account(email="a@example.org")
    browser = app.test_client()
    browsing.sign_in(browser, "a@example.org")
    assert "Set-Cookie" not in browser.get(f"/photos/{token}/64.jpg").headers


@pytest.mark.parametrize(
    "path",
    [
        "/photos/{token}/65.jpg",
        "/photos/{token}/064.jpg",
        "/photos/{token}/64.png",
        "/photos/{token}/64",
        "/photos/{token}/",
        "/photos/{token}",
        "/photos/",
        "/photos",
        "/photos/{other}/64.jpg",
        "/photos/%00/64.jpg",
        "/photos/../64.jpg",
        "/photos/" + "x" * 5000 + "/64.jpg",
        "/photos/1/64.jpg",
        "/photos/ada/64.jpg",
    ],
)
def test_of_anything_else_nothing_is_told(app: Flask, token: str, path: str) -> None:
    other = token[:-1] + ("A" if token[-1] != "A" else "Q")
    answer = app.test_client().get(path.format(token=token, other=other))
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_removed_photo_is_gone_at_once_also_for_who_has_it(app: Flask, token: str) -> None:
    browser, path = app.test_client(), f"/photos/{token}/256.jpg"
    etag = browser.get(path).headers["ETag"]
    person = db.session.query(Person).filter_by(key="ada").one()
    photos.remove(person)
    db.session.commit()
    answer = browser.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
