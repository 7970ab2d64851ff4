"""PKCE (RFC 7636): the verifier must fit its challenge, and nobody gets around it."""

import pytest
from flask import Flask

from tests.oauth.conftest import Member, Site, parameters_of, sign_in


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


@pytest.mark.compliance("S04")
def test_plain_is_refused_for_higher_logic_too(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    answer = parameters_of(
        community.authorize(code_challenge="x" * 43, code_challenge_method="plain")
    )
    assert answer["error"] == "invalid_request"
