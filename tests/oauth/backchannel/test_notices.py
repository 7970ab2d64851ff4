"""Whoever ends a session, and however: the clients that were signed in through it are noted."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select, update

from idp.database import db, now
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.jobs import queue
from idp.oauth import backchannel, clients, registration
from idp.oauth.clients import Client
from idp.oauth.logout_notices import LogoutNotice
from idp.signin import passwords, recovery, sessions
from idp.signin.sessions import SignInSession
from tests import browsing, factories
from tests.oauth.conftest import AFTER_LOGOUT, Member, Site, claims_of, sign_in, site_in

ADDRESS = "https://site.example.org/told"
NEW = "another long password"


def member_of(app: Flask, site: Site) -> Member:
    """A member with a password, signed in on the site's browser."""
    with app.app_context():
        account_id = factories.account().id
    return sign_in(app, site.browser, account_id)


def noted(app: Flask) -> list[tuple[str, str, str]]:
    """Client, subject and sid of every notice."""
    with app.app_context():
        rows = db.session.execute(
            select(Client.client_id, LogoutNotice.subject, LogoutNotice.sid)
            .join(Client, Client.id == LogoutNotice.client_id)
            .order_by(LogoutNotice.id)
        )
        return [tuple(row) for row in rows]


def jobs_waiting(app: Flask) -> int:
    with app.app_context():
        return len(queue(backchannel.QUEUE))


def clear(app: Flask) -> None:
    with app.app_context():
        db.session.execute(LogoutNotice.__table__.delete())
        db.session.commit()


def signed_in_at(site: Site, *others: Site, **more: str) -> tuple[str, str]:
    """Sign in at the site and, on the same browser, at the others; gives the site's sid and an ID
    token."""
    token = site.tokens(**more)["id_token"]
    for other in others:
        other.browser = site.browser
        other.tokens()
    return claims_of(token)["sid"], token


def signed_out(app: Flask, site: Site, member: Member, token: str) -> None:
    browsing.submit(site.browser, "/", "/sign-out")


def signed_out_by_the_site(app: Flask, site: Site, member: Member, token: str) -> None:
    answer = site.browser.get("/oauth/logout", query_string={"id_token_hint": token})
    assert answer.status_code == 200


def signed_out_by_the_button(app: Flask, site: Site, member: Member, token: str) -> None:
    browsing.submit(site.browser, "/oauth/logout", "/oauth/logout/confirm")


def signed_in_anew(app: Flask, site: Site, member: Member, token: str) -> None:
    assert browsing.sign_in(site.browser, member.email, again="1").status_code == 303


def signed_out_everywhere(app: Flask, site: Site, member: Member, token: str) -> None:
    browsing.submit(site.browser, "/security", "/security/sign-out-everywhere")


def changed_the_password(app: Flask, site: Site, member: Member, token: str) -> None:
    form = {"current": factories.PASSWORD, "password": NEW, "again": NEW}
    assert browsing.submit(site.browser, "/security", **form).status_code == 303


def chose_a_password_by_mail(app: Flask, site: Site, member: Member, token: str) -> None:
    with app.app_context():
        link = recovery.make_token(db.session.get(Account, member.account_id))
    browser = app.test_client()
    answer = browsing.submit(browser, f"/set-password/{link}", password=NEW, again=NEW)
    assert answer.status_code == 303


def in_a_transaction(work: Callable[[Account], Any]) -> Callable[..., None]:
    def way(app: Flask, site: Site, member: Member, token: str) -> None:
        with app.app_context():
            work(db.session.get(Account, member.account_id))
            db.session.commit()

    return way


def put_out_of_use(account: Account) -> None:
    account.person.active = False


THIS_SESSION = [signed_out, signed_out_by_the_site, signed_out_by_the_button, signed_in_anew]
EVERY_SESSION = [
    signed_out_everywhere,
    changed_the_password,
    chose_a_password_by_mail,
    in_a_transaction(accounts.deactivate),
    in_a_transaction(put_out_of_use),
    in_a_transaction(sessions.end_everywhere),
    in_a_transaction(lambda account: passwords.set_password(account, NEW)),
]


@pytest.mark.compliance("BC1")
@pytest.mark.parametrize("way", [*THIS_SESSION, *EVERY_SESSION])
def test_the_clients_of_a_session_are_noted_when_it_ends(
    app: Flask, way: Callable[..., None]
) -> None:
    site, other = (site_in(app, backchannel_logout_uri=ADDRESS) for _ in range(2))
    no_address = site_in(app)
    stranger = site_in(app, backchannel_logout_uri=ADDRESS)
    unused = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    sign_in(app, stranger.browser)
    stranger.tokens()
    sid, token = signed_in_at(site, other, no_address)
    site.tokens()
    assert noted(app) == []

    way(app, site, member, token)

    assert noted(app) == [
        (site.client_id, member.key, sid),
        (other.client_id, member.key, sid),
    ]
    assert unused.client_id not in str(noted(app))
    assert jobs_waiting(app) == 1


@pytest.mark.parametrize("way", [*THIS_SESSION, *EVERY_SESSION])
def test_other_sessions_of_the_member_end_with_the_account_alone(
    app: Flask, way: Callable[..., None]
) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    here, token = signed_in_at(site)
    first, site.browser = site.browser, app.test_client()
    sign_in(app, site.browser, member.account_id)
    elsewhere, _ = signed_in_at(site)
    site.browser = first

    way(app, site, member, token)

    told = {sid for _, _, sid in noted(app)}
    assert told == ({here} if way in THIS_SESSION else {here, elsewhere})
    assert len(noted(app)) == len(told)


def test_a_session_is_told_of_once(app: Flask) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    _, token = signed_in_at(site)
    signed_out(app, site, member, token)
    assert len(noted(app)) == 1
    for way in EVERY_SESSION[3:]:
        way(app, site, member, token)
    assert len(noted(app)) == 1


def test_what_was_ended_with_the_account_is_not_told_of_when_it_ends_by_itself(app: Flask) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    signed_in_at(site)
    with app.app_context():
        row = db.session.get(SignInSession, member.session_id)
        row.account.end_everything()
        db.session.flush()
        row.ended_at = now()
        db.session.commit()
    assert len(noted(app)) == 1


def test_a_session_that_ran_out_tells_nobody(app: Flask) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    signed_in_at(site)
    with app.app_context():
        db.session.execute(update(SignInSession).values(expires_at=now()))
        db.session.commit()
        passwords.set_password(db.session.get(Account, member.account_id), NEW)
        db.session.commit()
    assert noted(app) == []


@pytest.mark.compliance("BC4")
def test_a_client_out_of_use_is_not_noted_and_a_deleted_ones_notices_go_with_it(
    app: Flask,
) -> None:
    site, disabled = (site_in(app, backchannel_logout_uri=ADDRESS) for _ in range(2))
    member = member_of(app, site)
    sid, token = signed_in_at(site, disabled)
    with app.app_context():
        registration.change(clients.find(disabled.client_id), active=False)
        db.session.commit()
    signed_out(app, site, member, token)
    assert noted(app) == [(site.client_id, member.key, sid)]
    with app.app_context():
        db.session.execute(Client.__table__.delete().where(Client.id == site.row_id))
        db.session.commit()
    assert noted(app) == []


def test_what_is_undone_is_told_nobody(app: Flask) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    signed_in_at(site)
    with app.app_context():
        sessions.end_everywhere(db.session.get(Account, member.account_id))
        db.session.flush()
        db.session.rollback()
        db.session.commit()
    assert noted(app) == []
    assert jobs_waiting(app) == 0


def test_an_offline_grant_is_told_of_its_session(app: Flask) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    sid, token = signed_in_at(site, scope="openid offline_access")
    signed_out(app, site, member, token)
    assert noted(app) == [(site.client_id, member.key, sid)]


def test_many_accounts_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.oauth.logout_notices._CHUNK", 2)
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    members = []
    for _ in range(5):
        site.browser = app.test_client()
        members.append(sign_in(app, site.browser))
        site.tokens()
    with app.app_context():
        for member in members:
            db.session.get(Account, member.account_id).end_everything()
        db.session.commit()
    assert {key for _, key, _ in noted(app)} == {member.key for member in members}
    assert len(noted(app)) == 5
    assert jobs_waiting(app) == 1


def test_the_front_channel_is_used_as_well(app: Flask) -> None:
    frame = "https://site.example.org/frame"
    site = site_in(app, backchannel_logout_uri=ADDRESS, frontchannel_logout_uri=frame)
    member_of(app, site)
    _, token = signed_in_at(site)
    page: FlaskClient = site.browser
    answer = page.get(
        "/oauth/logout",
        query_string={"id_token_hint": token, "post_logout_redirect_uri": AFTER_LOGOUT},
    )
    assert f'src="{frame}?' in answer.text
    assert len(noted(app)) == 1


def test_redis_away_keeps_nobody_signed_in(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_in(app, backchannel_logout_uri=ADDRESS)
    member = member_of(app, site)
    _, token = signed_in_at(site)
    away = Redis.from_url("unix:///nowhere.sock")
    monkeypatch.setitem(app.extensions, "tessera-redis", away)
    signed_out(app, site, member, token)
    assert site.browser.get("/").status_code == 303
    assert len(noted(app)) == 1
