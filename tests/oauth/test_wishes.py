"""Wishes of a client that need not be met: how a page looks, in which language, and how a member
is to prove who they are. None of them stops a sign-in, and none is answered by a lie."""

import pytest
from flask import Flask

from idp.oauth import authentication_context
from tests.oauth.conftest import Member, Site, claims_of, is_page, next_of, parameters_of, sign_in

WISHES = [
    pytest.param({"display": "page"}, marks=pytest.mark.compliance("B15")),
    pytest.param({"display": "popup"}, marks=pytest.mark.compliance("B16")),
    {"display": "a poster"},
    pytest.param({"ui_locales": "en"}, marks=pytest.mark.compliance("B25")),
    pytest.param({"ui_locales": "xx-unknown de"}, marks=pytest.mark.compliance("B25")),
    {"ui_locales": "no locale \N{SNOWMAN} at all/"},
    pytest.param({"claims_locales": "de-CH fr"}, marks=pytest.mark.compliance("B26")),
    {"claims_locales": "%"},
    pytest.param({"acr_values": "1 2"}, marks=pytest.mark.compliance("B27")),
]


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_that_is_not_met_stops_nobody(
    site: Site, visitor: Member, wish: dict[str, str]
) -> None:
    assert "code" in parameters_of(site.authorize(**wish))
    assert "code" in parameters_of(site.authorize(**wish, prompt="none"))
    assert site.post("/oauth/par", site.parameters(**wish)).status_code == 201


@pytest.mark.parametrize("wish", WISHES)
def test_nor_on_the_way_over_the_sign_in_page(app: Flask, site: Site, wish: dict[str, str]) -> None:
    here = next_of(site.authorize(**wish))
    sign_in(app, site.browser)
    assert "code" in parameters_of(site.browser.get(here))


@pytest.mark.compliance("T26")
@pytest.mark.parametrize("name", ["display", "ui_locales", "claims_locales", "acr_values"])
def test_wishes_have_bounds(site: Site, visitor: Member, name: str) -> None:
    response = site.authorize(**{name: "x" * 3000})
    assert response.status_code == 400
    assert is_page(response)


@pytest.mark.compliance("B27")
@pytest.mark.parametrize(
    "wanted", [None, "1 2", f"1 {authentication_context.PASSWORD}", authentication_context.PASSWORD]
)
def test_the_id_token_says_how_the_member_signed_in(
    site: Site, visitor: Member, wanted: str | None
) -> None:
    scope = "openid offline_access"
    tokens = site.tokens(acr_values=wanted, scope=scope)
    later = site.refresh(tokens["refresh_token"]).json
    for id_token in (tokens["id_token"], later["id_token"]):
        claims = claims_of(id_token)
        assert claims["acr"] == authentication_context.PASSWORD
        assert claims["amr"] == ["pwd"]


@pytest.mark.compliance("C10", "C11", "B27")
def test_discovery_says_which_classes_there_are(app: Flask) -> None:
    facts = app.test_client().get("/.well-known/openid-configuration").json
    assert facts["acr_values_supported"] == [authentication_context.PASSWORD]
    assert {"acr", "amr", "auth_time"} <= set(facts["claims_supported"])
