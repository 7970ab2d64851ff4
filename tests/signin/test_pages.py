"""Signing in and out by the pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import accounts
from idp.signin.sessions import SignInSession
from tests import browsing, factories


def test_a_member_signs_in_with_any_spelling_of_the_address(app: Flask) -> None:
    account = factories.account(email="Ada@Example.org")
    client = app.test_client()
    response = browsing.sign_in(client, "aDA@example.ORG")
    assert response.status_code == 303
    assert account.person.title in client.get("/").text


@pytest.mark.compliance("S24")
def test_every_refusal_reads_the_same(app: Flask) -> None:
    factories.account(email="here@example.org")
    factories.account(email="invited@example.org", password=None)
    gone = factories.account(email="gone@example.org")
    accounts.deactivate(gone)
    db.session.commit()
    texts = set()
    for address, password in [
        ("here@example.org", "wrong password"),
        ("invited@example.org", factories.PASSWORD),
        ("gone@example.org", factories.PASSWORD),
        ("nobody@example.org", factories.PASSWORD),
    ]:
        response = browsing.sign_in(app.test_client(), address, password)
        assert response.status_code == 401
        texts.add(response.text.split('class="error"')[1].split("</p>")[0])
    assert len(texts) == 1


@pytest.mark.compliance("S22")
def test_the_session_token_changes_at_sign_in_and_is_kept_as_a_hash(app: Flask) -> None:
    factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    with client.session_transaction() as session:
        first = session["sid"]
    browsing.sign_in(client, "a@example.org", again="1")
    with client.session_transaction() as session:
        second = session["sid"]
    assert first != second
    hashes = set(db.session.scalars(select(SignInSession.token_hash)))
    assert len(hashes) == 2
    assert not {first, second} & hashes
    # the session before ended with the new one
    alive = select(func.count()).where(SignInSession.ended_at.is_(None))
    assert db.session.scalar(alive) == 1


@pytest.mark.compliance("S23")
def test_a_form_without_its_token_is_refused(app: Flask) -> None:
    response = app.test_client().post("/sign-in", data={"email": "a", "password": "b"})
    assert response.status_code == 400


@pytest.mark.compliance("S02")
@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_sign_in_goes_on_to_our_own_paths_only(app: Flask, target: str) -> None:
    factories.account(email="a@example.org")
    response = browsing.sign_in(app.test_client(), "a@example.org", next=target)
    assert response.headers["Location"] == "/"


def test_sign_in_goes_on_to_where_one_came_from(app: Flask) -> None:
    factories.account(email="a@example.org")
    client = app.test_client()
    start = client.get("/profile")
    assert start.status_code == 303
    page = client.get(start.headers["Location"])
    token = browsing.csrf_token(page.text)
    response = client.post(
        start.headers["Location"],
        data={"csrf_token": token, "email": "a@example.org", "password": factories.PASSWORD},
    )
    assert response.headers["Location"] == "/profile"


@pytest.mark.compliance("T18")
def test_deactivation_ends_the_running_session_at_once(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    assert client.get("/").status_code == 200
    accounts.deactivate(account)
    db.session.commit()
    assert client.get("/").status_code == 303
    accounts.reactivate(account)
    db.session.commit()
    assert client.get("/").status_code == 303, "what was ended stays ended"


def test_a_record_put_out_of_use_ends_the_session_for_good(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    account.person.active = False
    db.session.commit()
    account.person.active = True
    db.session.commit()
    assert client.get("/").status_code == 303


def test_signing_out_ends_the_session_on_the_server(app: Flask) -> None:
    factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    with client.session_transaction() as session:
        token = session["sid"]
    browsing.submit(client, "/", "/sign-out")
    with client.session_transaction() as session:
        session["sid"] = token
    assert client.get("/").status_code == 303


def test_the_eleventh_wrong_password_of_an_address_waits(app: Flask) -> None:
    factories.account(email="a@example.org")
    client = app.test_client()
    for _ in range(10):
        assert browsing.sign_in(client, "a@example.org", "wrong").status_code == 401
    assert browsing.sign_in(client, "a@example.org").status_code == 429
    other = factories.account(email="b@example.org")
    assert browsing.sign_in(client, other.person.email).status_code == 303


def wrong(client: FlaskClient, *, address: str) -> int:
    page = client.get("/sign-in").text
    data = {"csrf_token": browsing.csrf_token(page), "email": "a@example.org", "password": "wrong"}
    return client.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": address}).status_code


def test_a_stranger_who_fails_on_purpose_keeps_nobody_from_signing_in(app: Flask) -> None:
    factories.account(email="a@example.org")
    for _ in range(10):
        assert wrong(app.test_client(), address="192.0.2.1") == 401
    assert wrong(app.test_client(), address="192.0.2.1") == 429
    assert browsing.sign_in(app.test_client(), "a@example.org").status_code == 303


def test_many_strangers_are_stopped_at_the_fiftieth_failure_but_not_a_known_browser(
    app: Flask,
) -> None:
    factories.account(email="a@example.org")
    known = app.test_client()
    browsing.sign_in(known, "a@example.org")
    browsing.submit(known, "/", "/sign-out")
    answers = [wrong(app.test_client(), address=f"192.0.2.{n % 10}") for n in range(51)]
    assert answers == [401] * 50 + [429]
    assert browsing.sign_in(app.test_client(), "a@example.org").status_code == 429
    assert browsing.sign_in(known, "a@example.org").status_code == 303
    stranger = app.test_client()
    stranger.set_cookie("tessera-known", "made.up")
    assert browsing.sign_in(stranger, "a@example.org").status_code == 429


@pytest.mark.compliance("S12", "S16")
def test_the_sign_in_page_is_closed_to_frames_and_referrers(app: Flask) -> None:
    headers = app.test_client().get("/sign-in").headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_what_happened_is_in_the_audit_without_passwords(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    browsing.sign_in(app.test_client(), "a@example.org", "a wrong secret")
    browsing.sign_in(app.test_client(), "a@example.org")
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(row.name, row.subject) for row in rows[-2:]] == [
        ("member:session:refused", account.person.key),
        ("member:session:started", account.person.key),
    ]
    assert "a wrong secret" not in repr([row.detail for row in rows])
