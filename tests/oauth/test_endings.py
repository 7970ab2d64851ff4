"""What ends codes and tokens: at once, and for good."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from idp.database import db, now
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.oauth import registration
from idp.oauth.clients import Client
from idp.oauth.grants import Grant
from idp.oauth.tokens import Token
from idp.signin import passwords
from idp.signin.sessions import SignInSession, end_everywhere, hashed
from tests.oauth.conftest import Member, Site, sign_in


def _deactivate(member: Member) -> None:
    accounts.deactivate(db.session.get(Account, member.account_id))


def _put_the_record_out_of_use(member: Member) -> None:
    db.session.get(Account, member.account_id).person.active = False


def _put_the_record_out_of_use_in_bulk(member: Member) -> None:
    person_id = db.session.get(Account, member.account_id).person_id
    db.session.execute(update(Person).where(Person.id == person_id).values(active=False))


def _change_the_password(member: Member) -> None:
    passwords.set_password(db.session.get(Account, member.account_id), "another long password")


def _sign_out_everywhere(member: Member) -> None:
    end_everywhere(db.session.get(Account, member.account_id))


def _sign_out(member: Member) -> None:
    db.session.get(SignInSession, member.session_id).ended_at = now()


ENDS = [
    _deactivate,
    _put_the_record_out_of_use,
    _put_the_record_out_of_use_in_bulk,
    _change_the_password,
    _sign_out_everywhere,
    _sign_out,
]


@pytest.mark.compliance("T18", "T01")
@pytest.mark.parametrize("end", ENDS)
def test_codes_and_tokens_end_at_once_with_what_they_stand_on(
    app: Flask, site: Site, member: Member, end: Callable[[Member], None]
) -> None:
    token, code = site.tokens()["access_token"], site.code()
    assert site.userinfo(token).status_code == 200
    with app.app_context():
        end(member)
        db.session.commit()
    answer = site.userinfo(token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    late = site.exchange(code)
    assert late.status_code == 400
    assert late.json["error"] == "invalid_grant"


@pytest.mark.compliance("T18")
def test_reactivation_brings_no_token_back(app: Flask, site: Site, member: Member) -> None:
    token = site.tokens()["access_token"]
    with app.app_context():
        account = db.session.get(Account, member.account_id)
        accounts.deactivate(account)
        accounts.reactivate(account)
        db.session.commit()
    assert site.userinfo(token).status_code == 401


def test_tokens_end_with_their_client(app: Flask, site: Site, visitor: Member) -> None:
    token = site.tokens()["access_token"]
    with app.app_context():
        registration.change(db.session.get(Client, site.row_id), active=False)
        db.session.commit()
    assert site.userinfo(token).status_code == 401
    assert site.exchange("x").status_code == 401


def test_signing_out_on_one_browser_leaves_the_other(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    token = site.tokens()["access_token"]
    elsewhere = sign_in(app, app.test_client(), member.account_id)
    with app.app_context():
        _sign_out(elsewhere)
        db.session.commit()
    assert site.userinfo(token).status_code == 200


def test_an_access_token_expires(app: Flask, site: Site, visitor: Member) -> None:
    token = site.tokens()["access_token"]
    with app.app_context():
        db.session.execute(
            update(Token).where(Token.access_hash == hashed(token)).values(access_expires_at=now())
        )
        db.session.commit()
    assert site.userinfo(token).status_code == 401


@pytest.mark.compliance("T19")
def test_revocation(app: Flask, site: Site, visitor: Member, new_site: Any) -> None:
    token = site.tokens()["access_token"]
    other = new_site()
    assert other.post("/oauth/revoke", {"token": token}).status_code == 200
    assert site.userinfo(token).status_code == 200, "another client cannot end it"
    assert site.post("/oauth/revoke", {"token": "unknown"}).status_code == 200
    assert site.post("/oauth/revoke", {}).json["error"] == "invalid_request"
    assert app.test_client().post("/oauth/revoke", data={"token": token}).status_code == 401
    hint = {"token": token, "token_type_hint": "refresh_token"}
    response = site.post("/oauth/revoke", hint)
    assert response.status_code == 200
    assert site.userinfo(token).status_code == 401


def test_deleting_a_session_row_ends_its_tokens(app: Flask, site: Site, member: Member) -> None:
    token = site.tokens()["access_token"]
    with app.app_context():
        db.session.execute(
            text("DELETE FROM sign_in_session WHERE id = :id"), {"id": member.session_id}
        )
        db.session.commit()
        assert db.session.scalar(select(func.count()).where(Grant.account_id == member.account_id))
    assert site.userinfo(token).status_code == 401
