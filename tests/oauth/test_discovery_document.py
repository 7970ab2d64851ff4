"""The discovery document of an https deployment, held against the specifications' own schema."""

from collections.abc import Iterator

import pytest
from flask import Flask
from pydantic import ValidationError

from idp.settings import Settings
from tests.oauth.conftest import Member, Site, app_on, claims_of, parameters_of, sign_in, site_in
from tests.oauth.provider_metadata import ProviderMetadata

WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.fixture(params=["https://id.example.org", "https://example.org:8443"])
def deployed(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """The app under an https issuer."""
    yield from app_on(settings.model_copy(update={"public_url": request.param}))


@pytest.mark.compliance(
    *("C02", "C03", "C04", "C05", "C06", "C07", "C08", "C11", "C12", "C13", "C14", "C15", "C18")
)
def test_the_documents_are_valid_against_the_schema(deployed: Flask) -> None:
    issuer = deployed.config["TESSERA"].issuer
    openid = deployed.test_client().get(WELL_KNOWN, base_url=issuer)
    oauth = deployed.test_client().get("/.well-known/oauth-authorization-server", base_url=issuer)
    assert openid.json == oauth.json
    facts = ProviderMetadata.model_validate(openid.json)
    assert None not in openid.json.values()
    assert facts.issuer + WELL_KNOWN == openid.request.url
    assert facts.subject_types_supported == ["public"]
    assert facts.scopes_supported
    assert facts.grant_types_supported
    assert facts.claims_supported
    for name, value in openid.json.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(issuer + "/"), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://id.example.org/?x=1"},
        {"token_endpoint": "http://id.example.org/token"},
        {"scopes_supported": ["profile"]},
        {"id_token_signing_alg_values_supported": ["ES256"]},
        {"id_token_signing_alg_values_supported": ["RS256", "none"]},
        {"claims_parameter_supported": "true"},
        {"ui_locales_supported": ["EN-gb"]},
        {"response_types_supported": []},
        {"made_up_by_us": True},
    ],
)
def test_the_schema_refuses_what_is_wrong(app: Flask, wrong: dict[str, object]) -> None:
    facts = app.test_client().get(WELL_KNOWN).json
    facts = {
        name: value.replace("http://127.0.0.1:8000", "https://id.example.org")
        if isinstance(value, str)
        else value
        for name, value in facts.items()
    }
    ProviderMetadata.model_validate(facts)
    with pytest.raises(ValidationError):
        ProviderMetadata.model_validate(facts | wrong)


@pytest.mark.compliance("C10")
def test_the_flags_are_true_to_what_happens(app: Flask, site: Site, visitor: Member) -> None:
    facts = app.test_client().get(WELL_KNOWN).json
    assert facts["request_parameter_supported"] is False
    assert parameters_of(site.authorize(request="e30.e30."))["error"] == "request_not_supported"
    assert facts["request_uri_parameter_supported"] is False
    refused = parameters_of(site.authorize(request_uri="https://site.example.org/r"))
    assert refused["error"] == "request_uri_not_supported"
    wish = '{"id_token": {"given_name": {"essential": true}}}'
    # Without the parameter the ID token never has a name in it.
    came = "given_name" in claims_of(site.tokens(claims=wish)["id_token"])
    assert facts["claims_parameter_supported"] is came


@pytest.mark.compliance("C17")
def test_every_grant_is_spoken_or_refused_as_it_is_advertised(app: Flask) -> None:
    advertised = app.test_client().get(WELL_KNOWN).json["grant_types_supported"]
    known = {
        *("authorization_code", "refresh_token", "client_credentials", "password", "implicit"),
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:openid:params:grant-type:ciba",
    }
    site = site_in(app)
    for grant_type in known:
        answer = site.post("/oauth/token", {"grant_type": grant_type})
        spoken = answer.json["error"] != "unsupported_grant_type"
        assert spoken is (grant_type in advertised), grant_type
    assert advertised == sorted(known & set(advertised), key=advertised.index)


@pytest.mark.compliance("C17")
def test_every_prompt_that_is_advertised_is_known(app: Flask, site: Site) -> None:
    sign_in(app, site.browser)
    for prompt in app.test_client().get(WELL_KNOWN).json["prompt_values_supported"]:
        answer = site.authorize(prompt=prompt)
        assert answer.status_code == 303
        assert "error=" not in answer.location
    assert parameters_of(site.authorize(prompt="create"))["error"] == "invalid_request"
