"""Signing keys: one at first need, encrypted, replaced without anybody noticing."""

import datetime as dt
import threading

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import SecretStr
from sqlalchemy import select

from idp import audit
from idp.audit import AuditEvent
from idp.database import db, now
from idp.encryption import Unreadable
from idp.oauth import keys
from idp.oauth.keys import SigningKey
from idp.settings import Settings
from tests.oauth.conftest import sign_in, site_in
from wsgi import create_app


def test_the_first_question_makes_the_first_key_and_the_next(fresh_app: Flask) -> None:
    first = fresh_app.test_client().get("/oauth/jwks").json["keys"]
    assert len({key["kid"] for key in first}) == 2
    assert fresh_app.test_client().get("/oauth/jwks").json["keys"] == first


def test_two_processes_agree_on_the_first_key(fresh_app: Flask, settings: Settings) -> None:
    other = create_app(settings)
    start = threading.Barrier(2)
    found: list[str] = []

    def ask(app: Flask) -> None:
        with app.app_context():
            start.wait()
            found.append(keys.current().kid)
            db.session.remove()

    threads = [threading.Thread(target=ask, args=(app,)) for app in (fresh_app, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    with other.app_context():
        db.engine.dispose()


@pytest.mark.compliance("K1", "K2")
def test_a_rotation_keeps_the_old_key_published_while_it_is_needed(
    fresh_app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_in(fresh_app)
    sign_in(fresh_app, site.browser)
    before = site.tokens()["id_token"]
    known = [key["kid"] for key in fresh_app.test_client().get("/oauth/jwks").json["keys"]]
    other = create_app(settings)
    with other.app_context():
        assert keys.current().kid == known[0]
        rotated = keys.rotate()
        db.session.commit()
        db.engine.dispose()

    published = fresh_app.test_client().get("/oauth/jwks").json
    assert published["keys"][0]["kid"] == rotated
    assert rotated in known, "who fetched the keys before the rotation has the new one"
    assert len(published["keys"]) == 3
    jwt.decode(before, KeySet.import_key_set(published), ["RS256"])

    # The process that did not rotate notices within seconds.
    monkeypatch.setattr(keys, "FRESH_SECONDS", 0.0)
    after = jwt.decode(site.tokens()["id_token"], KeySet.import_key_set(published), ["RS256"])
    assert after.header["kid"] == rotated

    with fresh_app.app_context():
        old = db.session.scalar(select(SigningKey).where(SigningKey.kid == known[0]))
        assert old.retires_at > now() + dt.timedelta(hours=12)
        old.retires_at = now()
        events = select(AuditEvent.subject).where(AuditEvent.name == audit.Event.KEYS_ROTATED)
        assert db.session.scalars(events).all() == [rotated]
        db.session.commit()
    kids = [key["kid"] for key in fresh_app.test_client().get("/oauth/jwks").json["keys"]]
    assert kids[0] == rotated
    assert known[0] not in kids


@pytest.mark.compliance("K1")
def test_keys_that_leaked_are_published_no_more(fresh_app: Flask) -> None:
    site = site_in(fresh_app)
    sign_in(fresh_app, site.browser)
    site.tokens()
    before = [key["kid"] for key in fresh_app.test_client().get("/oauth/jwks").json["keys"]]
    with fresh_app.app_context():
        keys.rotate()
        keys.rotate(leaked=True)
        db.session.commit()
    published = fresh_app.test_client().get("/oauth/jwks").json
    kids = [key["kid"] for key in published["keys"]]
    assert len(kids) == 2
    assert not set(kids) & set(before)
    token = site.tokens()["id_token"]
    after = jwt.decode(token, KeySet.import_key_set(published), ["RS256"])
    assert after.header["kid"] == kids[0]


def test_a_schedule_counts_from_when_the_key_began_to_sign(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        assert keys.current_since() is None
        keys.current()
        for row in db.session.scalars(select(SigningKey)):
            row.created_at = now() - dt.timedelta(days=90)
        db.session.commit()
        assert keys.current_since() < now() - dt.timedelta(days=89)
        keys.rotate()
        db.session.commit()
        assert keys.current_since() > now() - dt.timedelta(minutes=5)


def test_two_rotations_at_once_make_one_current_key(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        keys.current()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def rotate() -> None:
        with fresh_app.app_context():
            start.wait()
            try:
                keys.rotate()
                db.session.commit()
                outcomes.append("rotated")
            except keys.RotationBusy:
                db.session.rollback()
                outcomes.append("busy")
            db.session.remove()

    threads = [threading.Thread(target=rotate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "rotated" in outcomes
    with fresh_app.app_context():
        current = select(SigningKey).where(SigningKey.is_current.is_(True))
        assert len(db.session.scalars(current).all()) == 1


@pytest.mark.compliance("K4")
def test_the_private_key_is_encrypted_at_rest(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        pem = keys.current().as_pem(private=True).decode()
        row = db.session.scalar(select(SigningKey))
        assert "PRIVATE" not in row.private_key
        assert pem.splitlines()[1] not in row.private_key
        assert row.public_jwk.keys() == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.compliance("K3")
def test_a_key_that_cannot_be_decrypted_is_a_clear_message(
    fresh_app: Flask, settings: Settings
) -> None:
    with fresh_app.app_context():
        keys.current()
    lost = settings.model_copy(
        update={"encryption_keys": (SecretStr(Fernet.generate_key().decode()),)}
    )
    other = create_app(lost)
    with other.app_context():
        with pytest.raises(Unreadable, match="TSR-C10"):
            keys.current()
        db.session.remove()
        db.engine.dispose()
