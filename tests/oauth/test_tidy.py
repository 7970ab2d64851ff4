"""Garbage collection deletes what is over and nothing else (ST3)."""

import datetime as dt
import secrets
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update

from idp import audit
from idp.audit import AuditEvent
from idp.database import Base, db, now
from idp.oauth import keys, tidy
from idp.oauth.assertions import UsedAssertion
from idp.oauth.grants import Grant
from idp.oauth.keys import SigningKey
from idp.oauth.logout_notices import LogoutNotice
from idp.oauth.pushed import PushedRequest
from idp.oauth.tokens import REFRESH_IDLE, Token
from idp.signin.sessions import LIFETIME, SignInSession
from tests.oauth.conftest import Member, Site, claims_of, parameters_of, sign_in, site_in

NOTHING = dict.fromkeys((kind.name for kind in tidy.KINDS), 0)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
After = Callable[[dt.timedelta], dict[str, int]]


@pytest.fixture
def app(fresh_app: Flask) -> Flask:
    """An app whose garbage is this test's alone."""
    return fresh_app


@pytest.fixture
def after(app: Flask, monkeypatch: pytest.MonkeyPatch) -> After:
    """Tidies as if so much time had gone by."""

    def tidied(passed: dt.timedelta) -> dict[str, int]:
        monkeypatch.setattr(tidy, "now", lambda: now() + passed)
        with app.app_context():
            return tidy.run()

    return tidied


def count(app: Flask, *models: type[Base]) -> list[int]:
    with app.app_context():
        return [db.session.scalar(select(func.count()).select_from(model)) for model in models]


@pytest.fixture
def site(app: Flask) -> Site:
    return site_in(app)


@pytest.fixture
def member(app: Flask, site: Site) -> Member:
    return sign_in(app, site.browser)


@pytest.mark.compliance("ST3")
def test_what_is_alive_stays_as_it_is(site: Site, member: Member, after: After) -> None:
    tokens = site.tokens(scope="openid profile offline_access")
    code = site.code()
    assert after(dt.timedelta()) == NOTHING
    assert site.userinfo(tokens["access_token"]).status_code == 200
    assert site.exchange(code).status_code == 200
    assert site.refresh(tokens["refresh_token"]).status_code == 200
    assert "code" in parameters_of(site.authorize(prompt="none"))


@pytest.mark.compliance("ST3", "S11")
def test_a_used_code_is_remembered_while_anything_of_its_family_lives(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    code = site.code(scope="openid offline_access")
    tokens = site.exchange(code).json
    for passed in (2 * DAY, REFRESH_IDLE - HOUR):
        assert after(passed) == NOTHING
    assert site.exchange(code).json["error"] == "invalid_grant"
    assert site.refresh(tokens["refresh_token"]).status_code == 400, "the family has ended"
    with app.app_context():
        reused = select(func.count()).where(AuditEvent.name == audit.Event.CODE_REUSED)
        assert db.session.scalar(reused) == 1
    assert after(REFRESH_IDLE + 2 * DAY) == NOTHING | {"tokens": 1, "grants": 1, "sessions": 1}
    assert site.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.compliance("ST3", "T13")
def test_a_used_refresh_token_is_remembered_while_its_family_lives(
    site: Site, member: Member, app: Flask, after: After
) -> None:
    first = site.tokens(scope="openid offline_access")
    second = site.refresh(first["refresh_token"]).json
    assert after(2 * DAY) == NOTHING
    with app.app_context():
        used = update(Token).where(Token.replaced_at.is_not(None))
        db.session.execute(used.values(replaced_at=now() - HOUR))
        db.session.commit()
    assert site.refresh(first["refresh_token"]).status_code == 400
    assert site.refresh(second["refresh_token"]).status_code == 400, "reuse ended the family"


@pytest.mark.compliance("ST3")
def test_an_old_token_of_a_family_that_goes_on_is_deleted(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    """An app that refreshes every hour for months does not fill the table."""
    first = site.tokens(scope="openid offline_access")
    second = site.refresh(first["refresh_token"]).json
    with app.app_context():
        db.session.execute(
            update(Token)
            .where(Token.replaced_at.is_not(None))
            .values(
                access_expires_at=now() - REFRESH_IDLE - DAY,
                refresh_expires_at=now() - 2 * DAY,
            )
        )
        db.session.commit()
    assert after(dt.timedelta()) == NOTHING | {"tokens": 1}
    assert site.refresh(second["refresh_token"]).status_code == 200


@pytest.mark.compliance("ST3")
def test_a_session_stays_while_a_family_names_it(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    tokens = site.tokens(scope="openid offline_access")
    assert after(LIFETIME + 2 * DAY) == NOTHING
    refreshed = site.refresh(tokens["refresh_token"]).json
    assert claims_of(refreshed["id_token"])["sid"] == claims_of(tokens["id_token"])["sid"]


@pytest.mark.compliance("ST3")
def test_the_grants_of_a_session_that_lasts_stay_so_that_its_end_can_be_told(
    app: Flask, after: After
) -> None:
    site = site_in(app, backchannel_logout_uri="https://site.example.org/told")
    member = sign_in(app, site.browser)
    site.tokens()
    with app.app_context():
        db.session.execute(
            update(SignInSession).values(expires_at=now() + 10 * DAY)
        )  # as if sessions lasted for so long
        db.session.commit()
    assert after(5 * DAY) == NOTHING | {"tokens": 1}
    with app.app_context():
        row = db.session.get(SignInSession, member.session_id)
        row.ended_at = now()
        db.session.commit()
    assert count(app, LogoutNotice) == [1]


@pytest.mark.compliance("ST3")
def test_a_sign_in_that_is_over_goes_with_all_that_it_gave(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    site.tokens()
    site.code()
    assert after(DAY) == NOTHING
    # The token lived for an hour, the session for half a day.
    assert after(LIFETIME + DAY - HOUR) == NOTHING | {"tokens": 1}
    assert after(LIFETIME + DAY + HOUR) == NOTHING | {"grants": 2, "sessions": 1}
    assert count(app, Token, Grant, SignInSession) == [0, 0, 0]


@pytest.mark.compliance("ST3")
def test_a_session_that_was_ended_goes_a_day_later(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    with app.app_context():
        db.session.execute(update(SignInSession).values(ended_at=now()))
        db.session.commit()
    assert after(DAY - HOUR) == NOTHING
    assert after(DAY + HOUR) == NOTHING | {"sessions": 1}


@pytest.mark.compliance("ST3")
def test_what_a_machine_was_given_goes(app: Flask, after: After) -> None:
    machine = site_in(app, "machine")
    machine.post("/oauth/token", {"grant_type": "client_credentials"})
    assert count(app, Grant, Token) == [1, 1]
    assert after(DAY) == NOTHING
    assert after(DAY + 2 * HOUR) == NOTHING | {"tokens": 1, "grants": 1}


@pytest.mark.compliance("ST3")
def test_pushed_requests_and_used_assertions_go_when_they_expire(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    pushed = site.post("/oauth/par", site.parameters()).json["request_uri"]
    with app.app_context():
        for name, expires_at in (("a", now() + HOUR), ("b", now() + 3 * HOUR)):
            db.session.add(UsedAssertion(jti_hash=name, expires_at=expires_at))
        db.session.commit()
    assert after(dt.timedelta(minutes=9)) == NOTHING
    answer = site.browser.get(
        "/oauth/authorize", query_string={"client_id": site.client_id, "request_uri": pushed}
    )
    assert "code" in parameters_of(answer)
    gone = after(2 * HOUR)
    assert (gone["pushed requests"], gone["used assertions"]) == (1, 1)
    with app.app_context():
        assert db.session.scalars(select(UsedAssertion.jti_hash)).all() == ["b"]


@pytest.mark.compliance("ST3")
def test_notices_are_kept_for_a_while_those_that_wait_for_as_long_as_they_do(
    app: Flask, site: Site, after: After
) -> None:
    moment = now()
    kinds: dict[str, dict[str, Any]] = {
        "waits": {"due_at": moment},
        "delivered": {"due_at": None, "delivered_at": moment},
        "given up": {"due_at": None},
    }
    with app.app_context():
        for name, values in kinds.items():
            about = {"client_id": site.row_id, "subject": "ada", "sid": name}
            db.session.execute(insert(LogoutNotice).values(**about, **values))
        db.session.commit()

    def left() -> list[str]:
        with app.app_context():
            return list(db.session.scalars(select(LogoutNotice.sid).order_by(LogoutNotice.id)))

    after(6 * DAY)
    assert left() == ["waits", "delivered", "given up"]
    after(8 * DAY)
    assert left() == ["waits", "given up"]
    after(31 * DAY)
    assert left() == ["waits"]


@pytest.mark.compliance("ST3", "K2")
def test_a_retired_key_goes_when_nothing_it_signed_is_alive(
    app: Flask, site: Site, member: Member, after: After
) -> None:
    token = site.tokens()["id_token"]
    with app.app_context():
        keys.rotate()
        db.session.commit()
    before = count(app, SigningKey)
    assert after(LIFETIME) == NOTHING
    assert count(app, SigningKey) == before
    assert after(LIFETIME + 2 * HOUR)["signing keys"] == 1
    published = app.test_client().get("/oauth/jwks").json["keys"]
    assert len(published) == 2, "the one that signs and the next"
    assert claims_of(token)["exp"] < (now() + LIFETIME).timestamp()


def test_much_garbage_goes_in_batches_of_short_transactions(
    app: Flask, site: Site, statements: list[str]
) -> None:
    number = 2 * tidy.BATCH + 1
    with app.app_context():
        db.session.execute(
            insert(PushedRequest),
            [
                {
                    "uri_hash": secrets.token_hex(32),
                    "client_id": site.row_id,
                    "parameters": {},
                    "expires_at": now() - HOUR,
                }
                for _ in range(number)
            ],
        )
        db.session.commit()
        statements.clear()
        assert tidy.run() == NOTHING | {"pushed requests": number}
    deletions = [one for one in statements if one.startswith("DELETE FROM pushed_request")]
    assert len(deletions) == 3
    assert statements.count("COMMIT") == 2 + len(tidy.KINDS)


def test_where_nothing_is_to_be_done_it_costs_a_statement_of_each_kind(
    app: Flask, statements: list[str]
) -> None:
    with app.app_context():
        assert tidy.run() == NOTHING
    assert len([one for one in statements if one != "COMMIT"]) == len(tidy.KINDS)


def test_two_clocks_tidy_side_by_side(app: Flask, site: Site) -> None:
    with app.app_context():
        db.session.execute(
            insert(UsedAssertion),
            [{"jti_hash": secrets.token_hex(32), "expires_at": now() - HOUR} for _ in range(1500)],
        )
        db.session.commit()
    start = threading.Barrier(2)
    deleted: list[int] = []

    def work() -> None:
        with app.app_context():
            start.wait()
            deleted.append(tidy.run()["used assertions"])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        tidy.run()
    assert sum(deleted) <= 1500
    assert count(app, UsedAssertion) == [0]


def test_a_tick_ends_in_time_and_the_next_one_goes_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        db.session.add(UsedAssertion(jti_hash="a", expires_at=now() - HOUR))
        db.session.commit()
        monkeypatch.setattr(tidy, "TICK_SECONDS", 0.0)
        assert tidy.tick() == NOTHING
        monkeypatch.undo()
        assert tidy.tick() == NOTHING | {"used assertions": 1}
