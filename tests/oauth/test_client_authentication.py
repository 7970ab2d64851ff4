"""How a client proves who it is, and that nobody else can."""

import base64
import hmac
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from idp.database import db, now
from idp.oauth import registration
from idp.oauth.clients import Client
from tests.oauth.conftest import CALLBACK, Member, Site, basic


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


def test_of_two_changes_at_once_the_second_is_noticed_too(app: Flask, site: Site) -> None:
    """A process that read the client between the two must not take its copy for the present one."""
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        first = update(Client).where(Client.id == site.row_id).values(version=Client.version + 1)
        db.session.execute(first.execution_options(synchronize_session=False))
        registration.change(client, active=False)
        db.session.commit()
        assert client.version == 3


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


@pytest.mark.compliance("T06")
@pytest.mark.parametrize("client_id", ["its own", "nobody's"])
def test_a_secret_is_compared_in_constant_time_also_for_nobody(
    site: Site, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return real(one, other)

    real: Callable[[str, str], bool] = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    name = site.client_id if client_id == "its own" else "nobody"
    header = {"Authorization": basic(name, "a wrong secret")}
    answer = site.app.test_client().post("/oauth/revoke", data={"token": "x"}, headers=header)
    assert answer.status_code == 401
    # Digests of one length, so that not even that tells anything.
    assert [len(text) for pair in compared for text in pair] == [64, 64]
    assert "a wrong secret" not in str(compared)
