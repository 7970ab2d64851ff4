"""What a client's assertion has to say, and how it has to be signed (RFC 7523, 3)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

from idp.database import db, now
from idp.oauth import assertions, registration
from idp.oauth.clients import Client
from idp.oauth.foreign_jwts import NotVerified
from tests.oauth.conftest import ISSUER
from tests.oauth.signing_sites import EC, KEYS, REFUSED, RSA, SigningSite, segment, signing_site

TOKEN = f"{ISSUER}/oauth/token"


@pytest.fixture
def signer(app: Flask) -> SigningSite:
    """A site that proves itself by assertions."""
    return signing_site(app)


@pytest.mark.compliance("T27")
@pytest.mark.parametrize(
    "audience", [ISSUER, TOKEN, f"{ISSUER}/oauth/introspect", [ISSUER], [ISSUER, TOKEN]]
)
def test_the_audience_is_this_server(signer: SigningSite, audience: Any) -> None:
    assert signer.bring(signer.assertion(aud=audience)).status_code == 200


@pytest.mark.compliance("T06", "T27")
@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        [],
        "https://another.example.org",
        ISSUER + "/",
        f"{ISSUER}/oauth/revoke",
        [ISSUER, "https://another.example.org"],
        [ISSUER, 1],
        {"0": ISSUER},
    ],
)
def test_an_assertion_for_somebody_else_too_is_refused(signer: SigningSite, audience: Any) -> None:
    refused = signer.bring(signer.assertion(aud=audience))
    assert (refused.status_code, refused.json) == (401, REFUSED)


def in_seconds(seconds: float) -> Callable[[], float]:
    return lambda: now().timestamp() + seconds


@pytest.mark.compliance("T06")
@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": in_seconds(-31)},
        {"exp": in_seconds(3700)},
        {"exp": in_seconds(10**9)},
        {"exp": 10**300},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"nbf": in_seconds(60)},
        {"iat": in_seconds(60)},
        {"iat": "now"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"iss": None},
        {"iss": "another"},
        {"sub": None},
        {"sub": "another"},
        {"sub": 7},
    ],
)
def test_a_claim_that_is_missing_or_wrong_is_refused(
    signer: SigningSite, changes: dict[str, Any]
) -> None:
    given = {name: value() if callable(value) else value for name, value in changes.items()}
    refused = signer.bring(signer.assertion(**given))
    assert (refused.status_code, refused.json) == (401, REFUSED)
    assert refused.headers["WWW-Authenticate"]


def test_clocks_may_differ_a_little_and_lives_last_an_hour(signer: SigningSite) -> None:
    for good in (
        {"exp": in_seconds(-20)()},
        {"exp": in_seconds(3600)()},
        {"iat": in_seconds(20)(), "nbf": in_seconds(20)()},
        {"iat": None},
    ):
        assert signer.bring(signer.assertion(**good)).status_code == 200, good


@pytest.mark.compliance("T06")
def test_an_assertion_speaks_for_its_subject_alone(signer: SigningSite) -> None:
    other = signing_site(signer.app)
    mixed = signer.bring(signer.assertion(sub=other.client_id))
    assert (mixed.status_code, mixed.json) == (401, REFUSED)
    # Beside it a client_id may repeat who it is, not contradict (RFC 7521, 4.2).
    same = {"token": "x", "client_id": signer.client_id}
    assert signer.bring(signer.assertion(), form=same).status_code == 200
    another = {"token": "x", "client_id": other.client_id}
    assert signer.bring(signer.assertion(), form=another).json["error"] == "invalid_request"


@pytest.mark.compliance("T21", "T06")
@pytest.mark.parametrize(
    "how", ["none", "HS256 of the public key", "HS256 of its JWK", "RS512", "another's key"]
)
def test_the_header_does_not_choose_the_algorithm(signer: SigningSite, how: str) -> None:
    good = signer.assertion()
    header, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    if how == "none":
        forged = f"{segment({'alg': 'none'})}.{body}."
    elif how == "RS512":
        forged = jwt.encode({"alg": "RS512", "kid": RSA.kid}, claims, RSA, ["RS512"])
    elif how == "another's key":
        thief = RSAKey.generate_key(2048, {"kid": RSA.kid})
        # Nor does a key that comes along count (RFC 7515, 4.1.3).
        brought = {"alg": "RS256", "kid": RSA.kid, "jwk": thief.as_dict(private=False)}
        forged = jwt.encode(brought, claims, thief, ["RS256"])
    else:
        jwk = "JWK" in how
        public = json.dumps(KEYS["keys"][0]).encode() if jwk else RSA.as_pem(private=False)
        secret = OctKey(public, public)
        forged = jwt.encode({"alg": "HS256", "kid": RSA.kid}, claims, secret, ["HS256"])
    refused = signer.bring(forged)
    assert (refused.status_code, refused.json) == (401, REFUSED)
    broken = signer.bring(f"{header}.{body}.{signature[:-8]}AAAAAAAA")
    assert (broken.status_code, broken.json) == (401, REFUSED)
    assert signer.bring(good).status_code == 200


@pytest.mark.compliance("T26")
@pytest.mark.parametrize(
    "assertion",
    [
        "",
        "nonsense",
        "a.b.c",
        "é.é.é",
        f"{segment(['alg'])}.{segment({'sub': 'x'})}.AA",
        f"{segment({'alg': 'RS256'})}.{segment([1])}.AA",
        f"{segment({'alg': 'RS256'})}.{segment(b'[' * 1400)}.AA",
        f"{segment({'alg': 'RS256'})}.{segment({'sub': ['x']})}.AA",
        f"{segment({'alg': 'RS256'})}.{segment({'sub': 'nobody'})}.AA",
    ],
)
def test_what_is_no_assertion_is_refused(signer: SigningSite, assertion: str) -> None:
    refused = signer.bring(assertion)
    assert (refused.status_code, refused.json) == (401, REFUSED)


@pytest.mark.compliance("T26")
@pytest.mark.parametrize("crit", [1, ["unknown"], "b64"])
def test_an_odd_header_on_a_known_subject_is_refused(signer: SigningSite, crit: Any) -> None:
    _, body, signature = signer.assertion().split(".")
    odd = segment({"alg": "RS256", "kid": "rsa", "crit": crit})
    assert signer.bring(f"{odd}.{body}.{signature}").json == REFUSED


@pytest.mark.compliance("T26")
def test_a_deep_body_that_a_client_has_signed_is_refused(app: Flask, signer: SigningSite) -> None:
    body = f'{{"sub":"{signer.client_id}","x":{"[" * 1200}{"]" * 1200}}}'
    deep = jws.serialize_compact({"alg": "ES256", "kid": "ec"}, body, EC, ["ES256"])
    assert signer.bring(deep).status_code in (400, 401)
    with app.test_request_context("/oauth/token"), pytest.raises(NotVerified):
        assertions.subject(deep)


def test_a_parameter_of_the_header_that_nobody_knows_is_ignored(signer: SigningSite) -> None:
    known = signer.assertion(header={"typ": "client-authentication+jwt"})
    assert signer.bring(known).status_code == 200
    vendor = signer.assertion(header={"vendor": "x"})
    assert signer.bring(vendor).status_code == 200


@pytest.mark.compliance("T22")
@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "dpop+jwt"])
def test_another_kind_of_jwt_is_no_assertion(signer: SigningSite, kind: str) -> None:
    assert signer.bring(signer.assertion(header={"typ": kind})).json == REFUSED


def test_which_key_it_was(signer: SigningSite) -> None:
    for header in ({"kid": "unknown"}, {"kid": "ec"}):
        assert signer.bring(signer.assertion(header=header)).json == REFUSED
    # One RSA key and one EC key: the algorithm says which.
    assert signer.bring(signer.assertion(header={"kid": None})).status_code == 200
    with signer.app.app_context():
        client = db.session.get(Client, signer.row_id)
        second = RSAKey.generate_key(2048).as_dict(private=False)
        registration.change(client, jwks={"keys": [*KEYS["keys"], second]})
        db.session.commit()
    assert signer.bring(signer.assertion(header={"kid": None})).json == REFUSED
    assert signer.bring(signer.assertion()).status_code == 200


@pytest.mark.parametrize("odd", ["\ud800", "client-\x00", "x" * 900])
@pytest.mark.parametrize("place", ["sub", "alg", "kid", "typ", "crit"])
def test_an_assertion_of_no_proper_text_is_refused_in_order(
    signer: SigningSite, odd: str, place: str
) -> None:
    header: dict[str, Any] = {"alg": "RS256"}
    claims = {"sub": signer.client_id}
    if place == "sub":
        claims["sub"] = odd
    else:
        header[place] = [odd] if place == "crit" else odd
    parts = (segment(part) for part in (header, claims))
    assert signer.bring(".".join([*parts, "AAAA"])).json == REFUSED
