"""Discovery says what is so, and no more."""

import pytest
from flask import Flask

from tests.oauth.conftest import ISSUER, Site

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.compliance("C01", "C02", "C18")
def test_both_documents_hold_the_same_facts(app: Flask) -> None:
    client = app.test_client()
    openid = client.get("/.well-known/openid-configuration")
    oauth = client.get("/.well-known/oauth-authorization-server")
    assert openid.status_code == 200
    assert openid.mimetype == "application/json"
    assert openid.json == oauth.json
    assert openid.json["issuer"] == ISSUER


@pytest.mark.compliance("C11", "C16", "S04", "S05", "S06", "S07", "S19", "FC2")
def test_the_facts(app: Flask) -> None:
    facts = app.test_client().get("/.well-known/openid-configuration").json
    assert facts["response_types_supported"] == ["code"]
    assert facts["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
    ]
    assert facts["code_challenge_methods_supported"] == ["S256"]
    assert facts["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
    for endpoint, known in (
        ("token", methods),
        ("revocation", methods),
        ("introspection", methods[:-1]),
    ):
        assert facts[f"{endpoint}_endpoint_auth_methods_supported"] == known
        algorithms = facts[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert algorithms == ["RS256", "ES256", "PS256"]
    assert facts["authorization_response_iss_parameter_supported"] is True
    assert facts["frontchannel_logout_supported"] is True
    assert facts["frontchannel_logout_session_supported"] is True
    assert facts["ui_locales_supported"] == ["en"]
    assert facts["display_values_supported"] == ["page"]
    assert facts["claims_parameter_supported"] is True
    for flag in ("request_parameter", "request_uri_parameter"):
        assert facts[f"{flag}_supported"] is False
    assert "sub" in facts["claims_supported"]
    assert "openid" in facts["scopes_supported"]


@pytest.mark.compliance("C17", "L11")
def test_every_endpoint_answers(app: Flask, site: Site) -> None:
    facts = app.test_client().get("/.well-known/openid-configuration").json
    expected = {
        "authorization_endpoint": ("GET", 400),
        "token_endpoint": ("POST", 400),
        "userinfo_endpoint": ("GET", 401),
        "revocation_endpoint": ("POST", 400),
        "introspection_endpoint": ("POST", 400),
        "pushed_authorization_request_endpoint": ("POST", 400),
        "end_session_endpoint": ("GET", 200),
        "jwks_uri": ("GET", 200),
    }
    named = {name for name in facts if name.endswith("_endpoint") or name == "jwks_uri"}
    assert named == expected.keys()
    for name, (method, status) in expected.items():
        path = facts[name].removeprefix(ISSUER)
        assert app.test_client().open(path, method=method).status_code == status, name


@pytest.mark.compliance("B01", "C09")
def test_the_keys_are_public(app: Flask) -> None:
    keys = app.test_client().get("/oauth/jwks").json["keys"]
    assert keys
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key.keys() & PRIVATE == set()
        assert (key["kty"], key["alg"]) in {("RSA", "RS256"), ("EC", "ES256")}
        assert key["use"] == "sig"
