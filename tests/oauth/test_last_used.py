"""When clients and secrets were last used: true to the hour, and no write for each sign-on."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask

from idp.database import db, now
from idp.oauth import last_used, registration
from idp.oauth.clients import Client
from tests.oauth.conftest import Member, Site, sign_in
from tests.oauth.test_apps import allow

NewSite = Callable[..., Site]
Moment = dt.datetime | None


def used(app: Flask, site: Site) -> tuple[Moment, list[Moment]]:
    """When the client was last used, and its secrets, the newest first."""
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        return client.last_used_at, [secret.last_used_at for secret in client.secrets]


def another_process(app: Flask) -> None:
    """Forget what this process remembers."""
    app.extensions.pop(last_used._EXTENSION, None)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], dt.datetime]:
    """Turns the clock of what is noted on by so many minutes from now."""

    def turn(minutes: float) -> dt.datetime:
        moment = now() + dt.timedelta(minutes=minutes)
        monkeypatch.setattr(last_used, "now", lambda: moment)
        return moment

    return turn


def test_a_new_client_was_never_used(app: Flask, site: Site, visitor: Member) -> None:
    site.code()
    assert used(app, site) == (None, [None])


def test_an_exchange_is_noted_once_an_hour(
    app: Flask,
    site: Site,
    visitor: Member,
    later: Callable[[float], dt.datetime],
    statements: list[str],
) -> None:
    before = now()
    site.tokens()
    first, [secret] = used(app, site)
    assert first is not None
    assert before <= first <= now()
    assert secret == first
    later(59)
    statements.clear()
    site.tokens()
    assert not [one for one in statements if "last_used_at" in one and one.startswith("UPDATE")]
    assert used(app, site) == (first, [first])
    moment = later(61)
    site.tokens()
    assert used(app, site) == (moment, [moment])


def test_it_takes_no_transaction_of_its_own(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    code = site.code()
    statements.clear()
    site.exchange(code)
    verbs = [one.split()[0] for one in statements]
    assert verbs.count("COMMIT") == 1
    assert verbs[-3:] == ["UPDATE", "UPDATE", "COMMIT"]


def test_what_another_process_noted_stays(
    app: Flask, site: Site, visitor: Member, later: Callable[[float], dt.datetime]
) -> None:
    site.tokens()
    first, _ = used(app, site)
    another_process(app)
    later(30)
    site.tokens()
    assert used(app, site) == (first, [first])


def test_the_clients_version_stays(app: Flask, site: Site, visitor: Member) -> None:
    site.tokens()
    with app.app_context():
        assert db.session.get(Client, site.row_id).version == 1


def test_each_secret_is_noted_by_itself(app: Flask, site: Site, visitor: Member) -> None:
    old = site.secret
    site.tokens()
    first, _ = used(app, site)
    with app.app_context():
        site.secret = registration.new_secret(db.session.get(Client, site.row_id))
        db.session.commit()
    assert used(app, site) == (first, [None, first])
    site.tokens()
    _, [new_secret, old_secret] = used(app, site)
    assert new_secret is not None
    assert new_secret >= first
    assert old_secret == first
    site.secret = old
    site.tokens()
    assert used(app, site)[1] == [new_secret, first]


def test_what_is_refused_is_no_use(app: Flask, site: Site, visitor: Member) -> None:
    code = site.code()
    assert site.exchange("unknown").status_code == 400
    assert site.exchange(code, code_verifier="x" * 43).status_code == 400
    site.secret, good = "wrong", site.secret
    assert site.exchange(site.code()).status_code == 401
    site.secret = good
    assert used(app, site) == (None, [None])


def test_a_refresh_counts(
    app: Flask, site: Site, visitor: Member, later: Callable[[float], dt.datetime]
) -> None:
    refresh_token = site.tokens(scope="openid offline_access")["refresh_token"]
    moment = later(120)
    assert site.refresh(refresh_token).status_code == 200
    assert used(app, site) == (moment, [moment])


def test_an_app_is_noted_without_a_secret(app: Flask, new_site: NewSite) -> None:
    phone = new_site("app")
    sign_in(app, phone.browser)
    allow(phone)
    phone.tokens()
    moment, secrets = used(app, phone)
    assert moment is not None
    assert secrets == []


def test_a_resource_server_is_noted_when_it_asks(
    app: Flask, later: Callable[[float], dt.datetime], statements: list[str]
) -> None:
    with app.app_context():
        client, secret = registration.create("An API", "machine")
        db.session.commit()
        machine = Site(app, client.id, client.client_id, secret, "", app.test_client(), {})
    moment = later(1)
    assert machine.post("/oauth/introspect", {"token": "x"}).status_code == 200
    assert used(app, machine) == (moment, [moment])
    statements.clear()
    machine.post("/oauth/introspect", {"token": "x"})
    assert {one.split()[0] for one in statements} == {"SELECT"}
    assert machine.post("/oauth/token", {"grant_type": "client_credentials"}).status_code == 200
