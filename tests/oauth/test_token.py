"""The token endpoint: codes, PKCE, client authentication, and what ends a token."""

import base64
import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, select, text, update

from idp import audit
from idp.audit import AuditEvent
from idp.database import Base, db, now
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.oauth import grants, registration
from idp.oauth.clients import Client
from idp.oauth.grants import Grant
from idp.oauth.tokens import Token
from idp.signin import passwords
from idp.signin.sessions import SignInSession, end_everywhere, hashed
from tests.oauth.conftest import (
    CALLBACK,
    ISSUER,
    Member,
    Site,
    basic,
    claims_of,
    sign_in,
)


@pytest.mark.compliance("B01", "B03", "B38")
def test_the_openid_connect_flow(app: Flask, site: Site, member: Member) -> None:
    before = int(now().timestamp())
    response = site.exchange(site.code())
    answer = response.json
    assert response.headers["Cache-Control"] == "no-store"
    assert response.mimetype == "application/json"
    assert answer.keys() == {"token_type", "access_token", "expires_in", "scope", "id_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert answer["scope"] == "openid profile email"

    jwks = KeySet.import_key_set(site.browser.get("/oauth/jwks").json)
    token = jwt.decode(answer["id_token"], jwks, ["RS256"])
    assert token.header["alg"] == "RS256"
    assert token.header["kid"] in {key.kid for key in jwks}
    claims = token.claims
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(half).decode().rstrip("=")
    with app.app_context():
        session = db.session.get(SignInSession, member.session_id)
        assert claims.pop("auth_time") == int(session.started_at.timestamp())
        assert claims.pop("sid") == grants.session_id(session.token_hash)
    assert before <= claims.pop("iat") <= int(now().timestamp())
    assert claims.pop("exp") > before
    # Nothing but this: neither name nor anything else that nobody asked the ID token for.
    assert claims == {
        "iss": ISSUER,
        "aud": site.client_id,
        "sub": member.key,
        "nonce": "n-1",
    }


@pytest.mark.compliance("B08")
def test_without_a_nonce_there_is_none(site: Site, visitor: Member) -> None:
    assert "nonce" not in claims_of(site.tokens(nonce=None)["id_token"])


@pytest.mark.compliance("B32", "T08")
def test_client_authentication_in_the_body_and_form_encoded_basic(
    app: Flask, site: Site, visitor: Member
) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": site.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": site.verifier,
    }
    credentials = {"client_id": site.client_id, "client_secret": site.secret}
    assert app.test_client().post("/oauth/token", data=form | credentials).status_code == 200

    encoded = "".join(f"%{ord(character):02X}" for character in site.secret)
    form["code"] = site.code()
    answer = app.test_client().post(
        "/oauth/token", data=form, headers={"Authorization": basic(site.client_id, encoded)}
    )
    assert answer.status_code == 200


@pytest.mark.compliance("T06")
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "wrong secret",
        "nobody",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"a\x00b:x").decode(),
        "Basic " + base64.b64encode(b"%FF:x").decode(),
        "Bearer abc",
    ],
)
def test_who_does_not_prove_who_it_is_gets_a_401(
    app: Flask, site: Site, visitor: Member, authorization: str | None
) -> None:
    header = {
        "wrong secret": basic(site.client_id, "wrong"),
        "nobody": basic("nobody", site.secret),
    }.get(authorization or "", authorization)
    code = site.code()
    response = app.test_client().post(
        "/oauth/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK},
        headers={"Authorization": header} if header else {},
    )
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.json == {
        "error": "invalid_client",
        "error_description": "The client could not be authenticated.",
    }
    assert site.exchange(code).status_code == 200, "the code is not lost by that"


@pytest.mark.compliance("T07")
def test_both_ways_to_authenticate_at_once_are_refused(site: Site, visitor: Member) -> None:
    response = site.exchange(site.code(), client_id=site.client_id, client_secret=site.secret)
    assert response.status_code == 400
    assert response.json["error"] == "invalid_request"
    assert site.exchange(site.code(), client_id="another").json["error"] == "invalid_request"
    assert site.exchange(site.code(), client_id=site.client_id).status_code == 200


def test_two_secrets_are_good_until_the_older_one_is_ended(
    app: Flask, site: Site, visitor: Member
) -> None:
    old = site.secret
    with app.app_context():
        fresh = registration.new_secret(db.session.get(Client, site.row_id))
        db.session.commit()
    assert site.exchange(site.code()).status_code == 200
    site.secret = fresh
    assert site.exchange(site.code()).status_code == 200
    with app.app_context():
        registration.end_old_secrets(db.session.get(Client, site.row_id))
        db.session.commit()
    assert site.exchange(site.code()).status_code == 200
    site.secret = old
    assert site.exchange(site.code()).status_code == 401


def test_the_older_secret_ends_by_itself(app: Flask, site: Site, visitor: Member) -> None:
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        registration.new_secret(client)
        older = client.secrets[1]
        assert older.expires_at - now() <= registration.SECRET_OVERLAP
        older.expires_at = now()
        client.version += 1
        db.session.commit()
    assert site.exchange(site.code()).status_code == 401


@pytest.mark.compliance("B28", "B29", "S11", "T01")
def test_a_code_works_once_and_a_second_use_ends_what_the_first_got(
    app: Flask, site: Site, visitor: Member
) -> None:
    code = site.code()
    first = site.exchange(code).json["access_token"]
    assert site.userinfo(first).status_code == 200
    second = site.exchange(code)
    assert second.status_code == 400
    assert second.json["error"] == "invalid_grant"
    assert second.json.keys() == {"error", "error_description"}
    assert site.userinfo(first).status_code == 401
    with app.app_context():
        recorded = select(AuditEvent).where(
            AuditEvent.name == audit.Event.CODE_REUSED, AuditEvent.subject == site.client_id
        )
        assert db.session.scalars(recorded).one().actor == f"client {site.client_id}"


@pytest.mark.compliance("B29")
def test_a_second_use_after_the_code_expired_ends_it_too(
    app: Flask, site: Site, visitor: Member
) -> None:
    code = site.code()
    first = site.exchange(code).json["access_token"]
    expire(app, code)
    assert site.exchange(code).json["error"] == "invalid_grant"
    assert site.userinfo(first).status_code == 401


def expire(app: Flask, code: str) -> None:
    with app.app_context():
        past = now() - dt.timedelta(seconds=1)
        db.session.execute(
            update(Grant).where(Grant.code_hash == hashed(code)).values(code_expires_at=past)
        )
        db.session.commit()


@pytest.mark.compliance("T01")
def test_an_expired_code_gives_nothing(app: Flask, site: Site, visitor: Member) -> None:
    code = site.code()
    expire(app, code)
    assert site.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.compliance("T01")
def test_a_code_is_for_its_client(
    site: Site, visitor: Member, new_site: Callable[..., Site]
) -> None:
    code = site.code()
    thief = new_site()
    answer = thief.exchange(code, code_verifier=site.verifier)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"
    assert site.exchange(code).status_code == 200


@pytest.mark.compliance("T01")
@pytest.mark.parametrize("uri", ["https://site.example.org/other", None])
def test_a_code_is_for_its_redirect_uri(site: Site, visitor: Member, uri: str | None) -> None:
    answer = site.exchange(site.code(), redirect_uri=uri)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"


@pytest.mark.compliance("T03", "T05")
@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        (None, "invalid_request"),
        ("short", "invalid_request"),
        ("x" * 129, "invalid_request"),
        ("x" * 42 + "!", "invalid_request"),
        ("\N{SNOWMAN}" * 43, "invalid_request"),
        ("x" * 43, "invalid_grant"),
    ],
)
def test_the_verifier_must_fit(
    site: Site, visitor: Member, verifier: str | None, error: str
) -> None:
    answer = site.exchange(site.code(), code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json["error"] == error


@pytest.mark.compliance("T03")
def test_the_challenge_is_no_verifier(site: Site, visitor: Member) -> None:
    answer = site.exchange(site.code(), code_verifier=site.default["code_challenge"])
    assert answer.json["error"] == "invalid_grant"


@pytest.mark.compliance("T04")
def test_a_verifier_without_a_challenge_is_a_downgrade(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    answer = community.exchange(community.code(), code_verifier="x" * 43)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_request"


@pytest.mark.compliance("S04")
def test_higher_logic_may_use_pkce_and_is_then_held_to_it(
    app: Flask, community: Site, site: Site
) -> None:
    sign_in(app, community.browser)
    pkce = {
        "code_challenge": site.default["code_challenge"],
        "code_challenge_method": "S256",
    }
    assert community.exchange(community.code(**pkce)).status_code == 400
    good = community.exchange(community.code(**pkce), code_verifier=site.verifier)
    assert good.status_code == 200


@pytest.mark.compliance("S07", "C17")
@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        (None, "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
        ("implicit", "unsupported_grant_type"),
        ('<script>"', "unsupported_grant_type"),
    ],
)
def test_no_other_grant_is_spoken(site: Site, grant_type: str | None, error: str) -> None:
    answer = site.exchange("code", grant_type=grant_type)
    assert answer.status_code == 400
    assert answer.json["error"] == error


def test_a_missing_or_unknown_code(site: Site) -> None:
    assert site.exchange("unknown").json["error"] == "invalid_grant"
    assert site.exchange("").json["error"] == "invalid_request"


@pytest.mark.compliance("T11")
def test_get_is_no_way_to_ask_for_tokens(app: Flask) -> None:
    response = app.test_client().get("/oauth/token")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


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


@pytest.mark.compliance("T25")
def test_nothing_secret_is_readable_in_the_database_or_the_log(
    app: Flask, site: Site, visitor: Member, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        code = site.code(scope="openid offline_access")
        answer = site.exchange(code).json
        again = site.refresh(answer["refresh_token"]).json
        site.exchange(code)
    secrets = [code, site.secret, site.verifier]
    for got in (answer, again):
        secrets += [got["access_token"], got["refresh_token"], got["id_token"]]
    with app.app_context():
        for table in Base.metadata.sorted_tables:
            for row in db.session.execute(select(table)):
                line = json.dumps(list(row), default=str)
                assert "PRIVATE KEY" not in line
                for secret in secrets:
                    assert secret not in line, table.name
    assert [event["event"] for event in events] == ["protocol request refused"]
    logged = json.dumps(events, default=str) + caplog.text
    for secret in secrets:
        assert secret not in logged


def test_an_exchange_costs_a_fixed_number_of_statements(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    site.tokens()  # the signing key is read every few seconds
    code = site.code()
    statements.clear()
    site.exchange(code)
    verbs = [one.split()[0] for one in statements]
    assert verbs == ["SELECT", "SELECT", "UPDATE", "INSERT", "COMMIT"]


def test_userinfo_costs_one_statement_and_writes_nothing(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    token = site.tokens()["access_token"]
    statements.clear()
    site.userinfo(token)
    assert [one.split()[0] for one in statements] == ["SELECT"]


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
