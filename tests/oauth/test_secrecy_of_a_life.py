"""A whole life, with everything that goes wrong in it, leaves no secret behind (T25).

What the people and sites of this story keep secret is looked for in every table of the database,
in Redis, and in everything that was logged, at the most talkative level.
"""

import io
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask
from sqlalchemy import inspect, select, table, text, update

from idp import jobs
from idp.database import db, now
from idp.directory.accounts import Account
from idp.limits import limiter
from idp.oauth import registration
from idp.oauth.grants import Grant
from idp.settings import Settings
from idp.signin import passwords, recovery
from idp.signin.sessions import hashed
from tests import browsing, factories
from tests.oauth.conftest import Site, app_on, basic, parameters_of, site_in
from tests.oauth.signing_sites import signing_site
from tests.oauth.test_apps import allow

PASSWORD = "the first of my passwords"
NEW_PASSWORD = "the second of my passwords"
MISTYPED = "a password of another site"


class Life:
    """One member and their sites; ``secrets`` are what nobody else may read, by what they are."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.secrets: dict[str, str] = {
            "password": PASSWORD,
            "new password": NEW_PASSWORD,
            "mistyped password": MISTYPED,
        }

    def keep(self, what: str, secret: str | None) -> str:
        """Note a secret."""
        assert secret
        self.secrets[what] = secret
        return secret

    def signs_in(self, site: Site) -> None:
        """By the page, wrongly first; then asks for a new password and sets it by its link."""
        with self.app.app_context():
            account = factories.account(password=None)
            passwords.set_password(account, PASSWORD)
            db.session.commit()
            email, account_id = account.person.email, account.id
        assert browsing.sign_in(site.browser, email, MISTYPED).status_code == 401
        assert browsing.sign_in(site.browser, email, PASSWORD).status_code == 303
        self._keep_cookies("first", site)
        with self.app.app_context():
            link = recovery.make_token(db.session.get(Account, account_id))
        self.keep("mailed link", link)
        self.app.test_client().post(f"/set-password/{link}", data={"password": NEW_PASSWORD})
        fields = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
        answer = browsing.submit(site.browser, f"/set-password/{link}", **fields)
        assert answer.status_code == 303
        assert site.browser.get(f"/set-password/{link}").status_code == 410
        self._keep_cookies("second", site)

    def _keep_cookies(self, which: str, site: Site) -> None:
        cookie = site.browser.get_cookie("tessera", domain="localhost")
        assert cookie is not None
        self.keep(f"{which} cookie", cookie.value)
        with site.browser.session_transaction() as session:
            self.keep(f"{which} session token", session["sid"])

    def uses(self, site: Site, name: str) -> None:
        """The whole flow at one site, and what goes wrong there."""
        if site.secret is not None:
            self.keep(f"{name}: client secret", site.secret)
        self.keep(f"{name}: verifier", site.verifier)
        scope = "openid profile offline_access"
        code = self.keep(f"{name}: code", site.code(scope=scope))
        tokens = site.exchange(code).json
        for kind in ("access_token", "refresh_token", "id_token"):
            self.keep(f"{name}: {kind}", tokens[kind])
        assert site.userinfo(tokens["access_token"]).status_code == 200
        fresh = site.refresh(tokens["refresh_token"]).json
        for kind in ("access_token", "refresh_token", "id_token"):
            self.keep(f"{name}: fresh {kind}", fresh[kind])
        wrong = self.keep(f"{name}: wrong secret", secrets.token_urlsafe(20))
        header = {"Authorization": basic(site.client_id, wrong)}
        elsewhere = self.app.test_client()
        for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par"):
            form = {"grant_type": "refresh_token", "refresh_token": fresh["refresh_token"]}
            form |= {"token": fresh["access_token"], "code": code}
            assert elsewhere.post(path, data=form, headers=header).status_code == 401
            assert elsewhere.post(path, data={**form, "client_secret": wrong}).status_code >= 400
        self._lets_a_code_expire(site, self.keep(f"{name}: expired code", site.code(scope=scope)))
        bad_code = self.keep(f"{name}: refused code", site.code(scope=scope))
        bad_verifier = self.keep(f"{name}: wrong verifier", secrets.token_urlsafe(40))
        assert site.exchange(bad_code, code_verifier=bad_verifier).status_code == 400
        elsewhere.get(f"/oauth/userinfo?access_token={fresh['access_token']}")
        elsewhere.get("/oauth/authorize", query_string={"client_id": "x", "code": code})
        site.authorize(id_token_hint=fresh["id_token"] + "x")
        assert site.exchange(code).json["error"] == "invalid_grant"
        assert site.refresh(tokens["refresh_token"]).status_code == 400

    def _lets_a_code_expire(self, site: Site, code: str) -> None:
        with self.app.app_context():
            mine = Grant.code_hash == hashed(code)
            db.session.execute(update(Grant).where(mine).values(code_expires_at=now()))
            db.session.commit()
        assert site.exchange(code).json["error"] == "invalid_grant"

    def pushes(self, site: Site) -> None:
        """A pushed request and what its code gives, asked about and revoked."""
        pushed = site.post("/oauth/par", site.parameters()).json["request_uri"]
        self.keep("request_uri", pushed)
        query = {"client_id": site.client_id, "request_uri": pushed}
        code = parameters_of(site.browser.get("/oauth/authorize", query_string=query))["code"]
        token = self.keep("pushed: access token", site.exchange(code).json["access_token"])
        assert site.post("/oauth/introspect", {"token": token}).json["active"] is True
        assert site.post("/oauth/revoke", {"token": token}).status_code == 200

    def runs_machines(self) -> None:
        """A machine with a secret, and a site that signs."""
        with self.app.app_context():
            client, secret = registration.create("A machine", "machine")
            self.keep("machine: replaced secret", secret)
            secret = self.keep("machine: secret", registration.new_secret(client))
            db.session.commit()
            header = {"Authorization": basic(client.client_id, secret)}
        grant = {"grant_type": "client_credentials"}
        answer = self.app.test_client().post("/oauth/token", data=grant, headers=header)
        self.keep("machine: access token", answer.json["access_token"])
        signing = signing_site(self.app)
        assertion = self.keep("assertion", signing.assertion())
        assert signing.bring(assertion).status_code == 200
        assert signing.bring(assertion).status_code == 401
        assert signing.bring(assertion + "x").status_code == 401

    def signs_out(self, site: Site) -> None:
        """By a hint."""
        hint = self.keep("hint", site.tokens()["id_token"])
        site.browser.get("/oauth/logout", query_string={"id_token_hint": hint + "x"})
        site.browser.get("/oauth/logout", query_string={"id_token_hint": hint})
        assert urlsplit(site.authorize().location).path == "/sign-in"


def spellings(secret: str) -> set[str]:
    """How a secret could stand in a row or a line."""
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}


def rows(app: Flask) -> Iterator[tuple[str, str]]:
    """Every row of every table that the database has, as text."""
    with app.app_context():
        for name in inspect(db.engine).get_table_names():
            for row in db.session.execute(select(text("*")).select_from(table(name))):
                yield name, " ".join(str(value) for value in row)
        db.session.remove()


def in_redis(app: Flask) -> Iterator[tuple[str, str]]:
    """Everything that Redis has."""
    with app.app_context():
        redis: Any = jobs.connection()
        read = {
            b"string": redis.get,
            b"hash": redis.hgetall,
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"set": redis.smembers,
            b"zset": lambda key: redis.zrange(key, 0, -1),
        }
        for key in redis.scan_iter():
            value = read[redis.type(key)](key)
            yield "redis", f"{key.decode()} {value!r}"


@pytest.mark.compliance("T25")
def test_a_life_leaves_no_secret_in_tables_redis_or_log(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "enabled", True)  # what it counts by lies in Redis
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    stream = io.StringIO()
    with redirect_stderr(stream):  # structlog writes to the stream that is there when it is set up
        for app in app_on(settings):
            with app.app_context():
                limiter.reset()  # other tests count in the same Redis, from the same address
            life = Life(app)
            site, phone = site_in(app), site_in(app, "app")
            life.signs_in(site)
            life.uses(site, "site")
            phone.browser = site.browser
            allow(phone, scope="openid profile offline_access")
            life.uses(phone, "phone")
            life.pushes(site)
            life.runs_machines()
            life.signs_out(site)
            kept = [*rows(app), *in_redis(app)]
    logged = stream.getvalue() + caplog.text
    assert "protocol request refused" in logged
    assert "INSERT INTO audit_event" in logged, "the statements are logged, without their values"
    assert {"oauth_grant", "token", "audit_event", "redis"} <= {where for where, _text in kept}
    for what, secret in life.secrets.items():
        for spelling in spellings(secret):
            assert spelling not in logged, what
            assert [where for where, text in kept if spelling in text] == [], what
    assert [where for where, text in kept if "PRIVATE KEY" in text] == []
