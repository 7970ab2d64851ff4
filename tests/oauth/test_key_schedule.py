"""New keys on schedule: once, whoever comes first, and seen by every process within seconds."""

import datetime as dt
import threading
import time

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, select, update

from idp import audit
from idp.audit import AuditEvent
from idp.database import db, now
from idp.oauth import key_schedule, keys
from idp.oauth.keys import SigningKey
from idp.settings import Settings
from tests.oauth.conftest import claims_of, sign_in, site_in
from wsgi import create_app


def aged(app: Flask, days: float) -> None:
    """The keys are so old, and both algorithms are in use."""
    with app.app_context():
        keys.current()
        keys.current("ES256")
        db.session.execute(update(SigningKey).values(created_at=now() - dt.timedelta(days=days)))
        db.session.commit()


def signing(app: Flask) -> dict[str, str]:
    """The kid that signs, by algorithm."""
    with app.app_context():
        rows = select(SigningKey.alg, SigningKey.kid).where(SigningKey.is_current.is_(True))
        return dict(tuple(row) for row in db.session.execute(rows))


def rotations(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        named = select(AuditEvent.actor, AuditEvent.subject)
        rows = db.session.execute(named.where(AuditEvent.name == audit.Event.KEYS_ROTATED))
        return [tuple(row) for row in rows]


def tick(app: Flask) -> bool:
    with app.app_context():
        return key_schedule.tick()


@pytest.mark.compliance("K1")
def test_old_keys_give_way_to_those_that_were_published_before_them(fresh_app: Flask) -> None:
    aged(fresh_app, 91)
    before = signing(fresh_app)
    published = {key["kid"] for key in fresh_app.test_client().get("/oauth/jwks").json["keys"]}
    assert tick(fresh_app)
    after = signing(fresh_app)
    assert not set(after.values()) & set(before.values())
    assert set(after.values()) <= published
    still = {key["kid"] for key in fresh_app.test_client().get("/oauth/jwks").json["keys"]}
    assert published < still
    assert sorted(rotations(fresh_app)) == sorted(("system", kid) for kid in after.values())
    assert not tick(fresh_app), "they are new"


@pytest.mark.parametrize(("age", "days"), [(89, 90), (400, 0), (1, 2)])
def test_keys_that_are_young_enough_stay(
    fresh_app: Flask, settings: Settings, age: float, days: int
) -> None:
    fresh_app.config["TESSERA"] = settings.model_copy(update={"key_rotation_days": days})
    aged(fresh_app, age)
    before = signing(fresh_app)
    assert not tick(fresh_app)
    assert signing(fresh_app) == before


def test_before_the_first_key_there_is_nothing_to_rotate(fresh_app: Flask) -> None:
    assert not tick(fresh_app)
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SigningKey)) == 0


def test_of_several_clocks_one_rotates(fresh_app: Flask, settings: Settings) -> None:
    aged(fresh_app, 91)
    others = [create_app(settings) for _ in range(3)]
    start = threading.Barrier(4)
    rotated: list[bool] = []

    def beat(app: Flask) -> None:
        with app.app_context():
            start.wait()
            rotated.append(key_schedule.tick())
            db.session.remove()

    threads = [threading.Thread(target=beat, args=(app,)) for app in (fresh_app, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rotated) == [False, False, False, True]
    assert len(rotations(fresh_app)) == 2, "one of each algorithm"
    for app in others:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.compliance("K1", "K2")
def test_a_second_web_process_signs_with_the_new_key_within_seconds(
    fresh_app: Flask, settings: Settings
) -> None:
    site = site_in(fresh_app)
    sign_in(fresh_app, site.browser)
    before = site.tokens()["id_token"]
    aged(fresh_app, 91)
    other = create_app(settings)
    assert tick(other)
    new = signing(other)["RS256"]
    published = KeySet.import_key_set(fresh_app.test_client().get("/oauth/jwks").json)

    deadline = time.monotonic() + 10 * keys.FRESH_SECONDS
    signed = jwt.decode(before, published, ["RS256"])
    while signed.header["kid"] != new:
        assert time.monotonic() < deadline
        signed = jwt.decode(site.tokens()["id_token"], published, ["RS256"])
        time.sleep(0.1)

    # What was signed before is good to its end, here as well (as a hint).
    jwt.decode(before, published, ["RS256"])
    answer = site.browser.get("/oauth/logout", query_string={"id_token_hint": before})
    assert "signed out" in answer.text.lower()
    with other.app_context():
        old = db.session.scalar(
            select(SigningKey).where(
                SigningKey.is_current.is_(None), SigningKey.retires_at.is_not(None)
            )
        )
        assert old.retires_at.timestamp() > claims_of(before)["exp"]
        db.session.remove()
        db.engine.dispose()
