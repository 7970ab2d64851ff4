"""Clients that prove who they are with a signed assertion: private_key_jwt (RFC 7523)."""

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from sqlalchemy import select, update

from idp.database import db, now
from idp.directory.contacts import InvalidValue
from idp.oauth import assertions, registration
from idp.oauth.assertions import UsedAssertion
from idp.oauth.clients import Client
from tests.oauth.conftest import (
    CALLBACK,
    Site,
    basic,
    cost_of_exchange,
    parameters_of,
    sign_in,
    site_in,
)
from tests.oauth.signing_sites import EC, KEYS, REFUSED, RSA, SigningSite, signing_site


@pytest.fixture
def signer(app: Flask) -> SigningSite:
    """A site that proves itself by assertions."""
    return signing_site(app)


@pytest.mark.compliance("S19", "B32")
@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256")])
def test_the_whole_life_of_a_sign_in(
    app: Flask, signer: SigningSite, key: Any, algorithm: str
) -> None:
    signer.key, signer.algorithm = key, algorithm
    assert signer.secret is None
    member = sign_in(app, signer.browser)
    pushed = signer.post("/oauth/par", signer.parameters(scope="openid offline_access"))
    assert pushed.status_code == 201
    query = {"client_id": signer.client_id, "request_uri": pushed.json["request_uri"]}
    code = parameters_of(signer.browser.get("/oauth/authorize", query_string=query))["code"]
    tokens = signer.exchange(code).json
    assert signer.userinfo(tokens["access_token"]).json["sub"] == member.key
    again = signer.refresh(tokens["refresh_token"]).json
    told = signer.post("/oauth/introspect", {"token": again["access_token"]}).json
    assert (told["active"], told["sub"]) == (True, member.key)
    assert signer.post("/oauth/revoke", {"token": again["refresh_token"]}).status_code == 200
    assert signer.userinfo(again["access_token"]).status_code == 401


@pytest.mark.compliance("S19")
def test_a_machine_and_higher_logic_may_sign_too(app: Flask) -> None:
    community = signing_site(app, "higher-logic")
    sign_in(app, community.browser)
    assert community.tokens()["access_token"]
    with app.app_context():
        client, secret = registration.create(
            "A machine", "machine", authentication="private_key_jwt", jwks=KEYS
        )
        db.session.commit()
        assert secret is None
        machine = SigningSite(app, client.id, client.client_id, None, "", app.test_client(), {})
    answer = machine.post("/oauth/token", {"grant_type": "client_credentials"})
    assert answer.status_code == 200


def test_an_exchange_of_keys_holds_at_once(app: Flask, signer: SigningSite) -> None:
    assert signer.bring(signer.assertion()).status_code == 200
    fresh = ECKey.generate_key("P-256", {"kid": "next"})
    with app.app_context():
        client = db.session.get(Client, signer.row_id)
        registration.change(client, jwks=KeySet([fresh]).as_dict(private=False))
        db.session.commit()
    assert signer.bring(signer.assertion()).json == REFUSED
    signer.key, signer.algorithm = fresh, "ES256"
    assert signer.bring(signer.assertion()).status_code == 200


@pytest.mark.compliance("S19", "T06")
@pytest.mark.parametrize("path", ["token", "revoke", "introspect", "par"])
def test_an_assertion_is_good_once_at_whatever_endpoint(
    app: Flask, signer: SigningSite, path: str
) -> None:
    assertion = signer.assertion()
    # The request may fail for another reason: the assertion is used up.
    signer.bring(assertion, "/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"})
    forms = {
        "token": {"grant_type": "refresh_token", "refresh_token": "x"},
        "par": signer.parameters(),
    }
    form = forms.get(path, {"token": "x"})
    refused = signer.bring(assertion, f"/oauth/{path}", form)
    assert (refused.status_code, refused.json) == (401, REFUSED)
    fresh = signer.bring(signer.assertion(), f"/oauth/{path}", form)
    assert fresh.status_code != 401


@pytest.mark.compliance("S19", "ST4")
def test_of_parallel_uses_exactly_one_wins(fresh_app: Flask) -> None:
    signer = signing_site(fresh_app)
    for _ in range(3):
        assertion = signer.assertion()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda text: signer.bring(text), [assertion] * 4))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_two_clients_may_choose_the_same_jti(signer: SigningSite) -> None:
    other = signing_site(signer.app)
    for site in (signer, other):
        assert site.bring(site.assertion(jti="1")).status_code == 200
    assert signer.bring(signer.assertion(jti="1")).json == REFUSED


@pytest.mark.compliance("ST3", "T25")
def test_what_is_remembered_is_a_hash_for_as_long_as_it_counts(
    fresh_app: Flask,
) -> None:
    signer = signing_site(fresh_app)
    assert signer.bring(signer.assertion(jti="first one")).status_code == 200
    assert signer.bring(signer.assertion(jti="second one")).status_code == 200
    with fresh_app.app_context():
        rows = db.session.scalars(select(UsedAssertion)).all()
        assert len(rows) == 2
        assert not any("one" in row.jti_hash for row in rows)
        assert all(now() < row.expires_at < now() + dt.timedelta(minutes=3) for row in rows)
        past = now() - dt.timedelta(seconds=1)
        gone = rows[0].jti_hash
        db.session.execute(
            update(UsedAssertion).where(UsedAssertion.jti_hash == gone).values(expires_at=past)
        )
        db.session.commit()
    assert signer.bring(signer.assertion()).status_code == 200
    with fresh_app.app_context():
        left = db.session.scalars(select(UsedAssertion.jti_hash)).all()
        assert len(left) == 2
        assert gone not in left


@pytest.mark.compliance("T06")
def test_a_refused_assertion_writes_nothing(
    app: Flask, signer: SigningSite, statements: list[str]
) -> None:
    bad = signer.assertion(exp=now().timestamp() - 60)
    statements.clear()
    assert signer.bring(bad).status_code == 401
    assert {one.split()[0] for one in statements} == {"SELECT"}


def test_an_exchange_by_assertion_costs_one_transaction_more(
    app: Flask, signer: SigningSite, statements: list[str]
) -> None:
    sign_in(app, signer.browser)
    signer.tokens()
    code = signer.code()
    statements.clear()
    signer.exchange(code)
    verbs = [one.split()[0] for one in statements]
    looked_up, *kept = cost_of_exchange(app)
    assert verbs == [looked_up, "DELETE", "INSERT", "COMMIT", *kept]


@pytest.mark.compliance("T07")
def test_an_assertion_and_another_way_at_once_are_refused(signer: SigningSite) -> None:
    header = {"Authorization": basic(signer.client_id, "secret")}
    assertion = signer.assertion()
    both = signer.bring(assertion, headers=header)
    assert (both.status_code, both.json["error"]) == (400, "invalid_request")
    secret = {"token": "x", "client_secret": "secret"}
    assert signer.bring(assertion, form=secret).json["error"] == "invalid_request"
    only_type = {"client_assertion_type": assertions.TYPE, "token": "x"}
    post = signer.app.test_client().post
    mixed = post("/oauth/introspect", data=only_type, headers=header)
    assert mixed.json["error"] == "invalid_request"
    assert post("/oauth/introspect", data=only_type).json == REFUSED
    alone = {"client_assertion": assertion, "token": "x"}
    assert post("/oauth/introspect", data=alone).json == REFUSED
    saml = {**alone, "client_assertion_type": assertions.TYPE.replace("jwt", "saml2")}
    assert post("/oauth/introspect", data=saml).json == REFUSED
    assert signer.bring(assertion).status_code == 200


@pytest.mark.compliance("T06", "S19")
def test_each_client_has_its_one_way(app: Flask, site: Site, signer: SigningSite) -> None:
    """A site with a secret cannot sign, and one that signs cannot use or regain a secret."""
    for other in (site, site_in(app, "app")):
        claims_to_be = SigningSite(**vars(signer))
        claims_to_be.client_id = other.client_id
        assert claims_to_be.bring(claims_to_be.assertion()).json == REFUSED
    bare = {"token": "x", "client_id": signer.client_id}
    assert app.test_client().post("/oauth/introspect", data=bare).json == REFUSED
    secret = site.secret
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        registration.change(client, authentication="private_key_jwt", jwks=KEYS)
        db.session.commit()
    assert site.post("/oauth/introspect", {"token": "x"}).status_code == 401
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        registration.change(client, authentication="client_secret")
        assert not client.check_client_secret(secret)
        db.session.commit()
    assert site.post("/oauth/introspect", {"token": "x"}).status_code == 401


def test_out_of_use_ends_it(app: Flask, signer: SigningSite) -> None:
    with app.app_context():
        registration.change(db.session.get(Client, signer.row_id), active=False)
        db.session.commit()
    assert signer.bring(signer.assertion()).json == REFUSED


@pytest.mark.compliance("T25")
def test_the_reason_is_in_the_log_and_the_assertion_is_not(signer: SigningSite) -> None:
    assertion = signer.assertion(exp=now().timestamp() - 60)
    with structlog.testing.capture_logs() as events:
        signer.bring(assertion)
    (event,) = events
    assert "expired" in event["detail"].lower()
    assert signer.client_id in event["detail"]
    assert assertion not in json.dumps(events)


def test_keys_are_given_when_a_client_is_made(app: Flask) -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()
    bad = {
        "missing_keys": [None, {}],
        "private_key": [{"keys": [RSA.as_dict(private=True)]}],
        "weak_key": [
            {"keys": [RSAKey(small, small).as_dict(private=False)]},
            {"keys": [ECKey.generate_key("P-384").as_dict(private=False)]},
        ],
        "too_many": [{"keys": KEYS["keys"] * 6}],
        "invalid_keys": [
            {"keys": []},
            {"keys": [1]},
            {"keys": [{"kty": []}]},
            {"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]},
            {"keys": [OctKey.generate_key(256).as_dict(private=True)]},
        ],
    }
    with app.app_context():
        for reason, sets in bad.items():
            for jwks in sets:
                with pytest.raises(InvalidValue) as refused:
                    registration.create(
                        "A site", "oidc", [CALLBACK], authentication="private_key_jwt", jwks=jwks
                    )
                assert refused.value.reason == reason, jwks
        db.session.rollback()


@pytest.mark.parametrize("odd", [{"kid": "a\x00"}, {"kid": "\ud800"}, {"use": "\x00"}])
def test_a_key_whose_name_no_database_takes_is_refused(app: Flask, odd: dict[str, Any]) -> None:
    jwk = RSA.as_dict(private=False) | odd
    with app.app_context(), pytest.raises(InvalidValue) as refused:
        registration.create(
            "A site", "oidc", [CALLBACK], authentication="private_key_jwt", jwks={"keys": [jwk]}
        )
    assert refused.value.reason == "invalid_keys"


def test_of_a_key_only_what_verifies_is_kept(app: Flask) -> None:
    jwk = RSA.as_dict(private=False) | {"note": float("inf"), "x5u": "https://x.example/c"}
    with app.app_context():
        client, _secret = registration.create(
            "A site", "oidc", [CALLBACK], authentication="private_key_jwt", jwks={"keys": [jwk]}
        )
        db.session.commit()
        assert client.jwks == {"keys": [RSA.as_dict(private=False)]}
        db.session.remove()
