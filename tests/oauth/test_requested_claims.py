"""The ``claims`` parameter: single claims, at userinfo and in the ID token, and never more than
the client may have and the member allowed (OpenID Connect Core, 5.5)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from idp.database import db
from idp.oauth import authentication_context, registration, requested_claims
from idp.oauth.clients import Client
from idp.oauth.errors import InvalidRequest
from idp.oauth.grants import Grant
from tests.oauth.conftest import (
    Member,
    Site,
    claims_of,
    is_page,
    next_of,
    parameters_of,
    sign_in,
)
from tests.oauth.test_apps import allow, answer
from tests.oauth.test_pushed import follow, pushed

NewSite = Callable[..., Site]
ESSENTIAL = {"essential": True}
OWN = {"iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "at_hash", "nonce", "sid"}


def claims(userinfo: Any = None, id_token: Any = None) -> str:
    """The parameter."""
    given = {"userinfo": userinfo, "id_token": id_token}
    return json.dumps({name: wish for name, wish in given.items() if wish is not None})


def told(site: Site, **changes: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a site is told of who is signed in: at userinfo, and in the ID token."""
    tokens = site.tokens(**{"scope": "openid", **changes})
    return site.userinfo(tokens["access_token"]).json, claims_of(tokens["id_token"])


@pytest.mark.compliance("B35")
def test_an_essential_name_comes_at_userinfo(site: Site, visitor: Member) -> None:
    info, id_token = told(site, claims=claims({"name": ESSENTIAL}))
    assert info == {"sub": visitor.key, "name": info["name"]}
    assert info["name"].startswith("Ada Byron")
    assert id_token.keys() == OWN


@pytest.mark.compliance("B35")
def test_each_claim_comes_where_it_is_asked_for(site: Site, visitor: Member) -> None:
    info, id_token = told(
        site, claims=claims({"email": None, "updated_at": {}}, {"given_name": None, "email": {}})
    )
    assert info.keys() == {"sub", "email", "updated_at"}
    assert id_token.keys() == OWN | {"given_name", "email"}
    assert id_token["email"] == info["email"] == visitor.email


def test_single_claims_come_beside_those_of_the_scope(site: Site, visitor: Member) -> None:
    plain, _ = told(site, scope="openid profile")
    info, _ = told(site, scope="openid profile", claims=claims({"email": None, "name": None}))
    assert info == plain | {"email": visitor.email}


def test_what_is_not_known_is_left_out(site: Site, visitor: Member) -> None:
    info, id_token = told(
        site,
        claims=claims(
            {"address": ESSENTIAL, "gender": None, "name#de": None, "http://x.example/y": {}},
            {"phone_number": ESSENTIAL, "nonsense": None},
        ),
    )
    assert info == {"sub": visitor.key}
    assert id_token.keys() == OWN


def test_the_protocols_own_claims_cannot_be_asked_away(site: Site, visitor: Member) -> None:
    wish = {"value": "something else"}
    info, id_token = told(
        site, claims=claims({"acr": ESSENTIAL}, {"nonce": wish, "iss": wish, "auth_time": wish})
    )
    assert info == {"sub": visitor.key}
    assert id_token["nonce"] == "n-1"
    assert id_token["iss"] == "http://127.0.0.1:8000"
    assert isinstance(id_token["auth_time"], int)


def test_a_client_gets_no_claim_whose_scope_it_may_not_have(
    app: Flask, site: Site, visitor: Member
) -> None:
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        client.scopes = "openid email"
        db.session.commit()
    info, id_token = told(site, claims=claims({"name": ESSENTIAL, "email": None}, {"name": {}}))
    assert info.keys() == {"sub", "email"}
    assert id_token.keys() == OWN


def test_mapped_claims_may_be_asked_for_by_name(app: Flask, site: Site, visitor: Member) -> None:
    with app.app_context():
        mapping = {"kind": "member_status", "town": "city", "surname": "last_name"}
        registration.change(db.session.get(Client, site.row_id), claim_map=mapping)
        db.session.commit()
    info, id_token = told(site, claims=claims({"kind": None}, {"surname": None}))
    assert info == {"sub": visitor.key, "kind": "Current"}
    assert id_token.keys() == OWN | {"surname"}


def test_higher_logics_answer_stays_what_it_is(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    plain = community.userinfo(community.tokens()["access_token"]).json
    wanted = claims({"phone_number": ESSENTIAL}, {"given_name": None})
    asked = community.tokens(claims=wanted)
    assert community.userinfo(asked["access_token"]).json == plain
    asked = community.tokens(scope="openid profile", claims=wanted)
    assert community.userinfo(asked["access_token"]).json == plain
    assert claims_of(asked["id_token"])["given_name"] == plain["given_name"]


def test_what_was_asked_for_lasts_as_long_as_the_grant(
    app: Flask, site: Site, visitor: Member
) -> None:
    tokens = site.tokens(
        scope="openid offline_access", claims=claims({"name": None}, {"email": None})
    )
    later = site.refresh(tokens["refresh_token"]).json
    assert site.userinfo(later["access_token"]).json.keys() == {"sub", "name"}
    assert claims_of(later["id_token"])["email"] == visitor.email
    with app.app_context():
        kept = db.session.scalars(select(Grant.requested_claims).order_by(Grant.id)).all()[-1]
        assert kept == {"userinfo": ["name"], "id_token": ["email"]}
        # A wish that gives nothing leaves nothing behind.
        site.code(claims=claims({"sub": None, "gender": None}))
        kept = db.session.scalars(select(Grant.requested_claims).order_by(Grant.id)).all()[-1]
        assert kept is None


def test_it_goes_over_the_sign_in_page(app: Flask, site: Site) -> None:
    here = next_of(site.authorize(scope="openid", claims=claims({"name": ESSENTIAL})))
    sign_in(app, site.browser)
    code = parameters_of(site.browser.get(here))["code"]
    token = site.exchange(code).json["access_token"]
    assert site.userinfo(token).json.keys() == {"sub", "name"}


@pytest.mark.compliance("P4")
def test_it_may_be_pushed(site: Site, visitor: Member) -> None:
    request_uri = pushed(site, scope="openid", claims=claims({"name": ESSENTIAL}))
    code = parameters_of(follow(site, request_uri))["code"]
    token = site.exchange(code).json["access_token"]
    assert site.userinfo(token).json.keys() == {"sub", "name"}
    refused = site.post("/oauth/par", site.parameters(claims="{"))
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")


WRONG = [
    "{",
    "[]",
    "null",
    "1",
    '"userinfo"',
    '{"userinfo": []}',
    '{"userinfo": null}',
    '{"id_token": "name"}',
    '{"userinfo": {"name": true}}',
    '{"userinfo": {"name": []}}',
    '{"userinfo": {"name": {"essential": "yes"}}}',
    '{"userinfo": {"name": {"essential": null}}}',
    '{"userinfo": {"name": {"values": "Ada"}}}',
    '{"userinfo": {"name": {"values": null}}}',
    '{"userinfo": {"name": {"value": "Ada", "values": ["Ada"]}}}',
    '{"userinfo": {"name": {}, "name": null}}',
    '{"userinfo": {}, "userinfo": {"name": null}}',
    '{"userinfo": {"name": {"value": NaN}}}',
    "[" * 2000,
    '{"userinfo": ' * 150,
    '{"userinfo": {"name": {"value": ' + "[" * 1900,
    json.dumps({"userinfo": {f"c{number}": None for number in range(51)}}),
    "%",
    "\N{SNOWMAN}",
]


@pytest.mark.compliance("T26")
@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_not_of_its_form_is_refused(site: Site, visitor: Member, text: str) -> None:
    refused = site.post("/oauth/par", site.parameters(claims=text))
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")
    assert "claims" in refused.json["error_description"]
    if len(text) < 500:
        back = parameters_of(site.authorize(claims=text))
        assert back["error"] == "invalid_request"
        assert back["state"] == site.default["state"]


@pytest.mark.compliance("T26")
def test_a_request_that_no_address_could_hold_is_refused_at_once(
    site: Site, visitor: Member
) -> None:
    wide = claims({"x" * 10 + '"' * 900: None})
    assert len(wide) < 2048
    refused = site.authorize(claims=wide)
    assert refused.status_code == 400
    assert is_page(refused)
    assert is_page(site.authorize(claims="x" * 3000))
    # Pushed, it needs no address.
    code = parameters_of(follow(site, pushed(site, claims=wide)))["code"]
    assert site.exchange(code).status_code == 200


def test_members_that_are_not_understood_are_ignored() -> None:
    read = requested_claims.parse(
        '{"userinfo": {"name": {"purpose": "mail", "essential": true}}, "verified": {"x": 1}}'
    )
    assert read.userinfo["name"].essential
    assert read.id_token == {}
    assert requested_claims.parse("{}") == requested_claims.NOTHING
    with pytest.raises(InvalidRequest):
        requested_claims.parse("")


def test_without_openid_it_asks_for_nothing(site: Site, visitor: Member) -> None:
    code = site.code(scope="profile", claims=claims({"email": None}, {"sub": {"value": "x"}}))
    assert site.exchange(code).json.keys() & {"id_token"} == set()


@pytest.mark.compliance("B23")
@pytest.mark.parametrize("target", ["userinfo", "id_token"])
def test_a_sub_means_that_member_or_none(app: Flask, site: Site, target: str) -> None:
    member = sign_in(app, site.browser)
    meant = {target: {"sub": {"value": member.key}}}
    assert "code" in parameters_of(site.authorize(claims=claims(**meant), prompt="none"))
    several = {target: {"sub": {"values": ["nobody", member.key]}}}
    assert "code" in parameters_of(site.authorize(claims=claims(**several), prompt="none"))
    other = sign_in(app, site.browser)
    refused = parameters_of(site.authorize(claims=claims(**meant), prompt="none"))
    assert refused["error"] == "login_required"
    # With a page, the member who is meant may still come; another one is told to the site.
    here = next_of(site.authorize(claims=claims(**meant)))
    sign_in(app, site.browser, other.account_id)
    assert parameters_of(site.browser.get(here))["error"] == "login_required"
    sign_in(app, site.browser, member.account_id)
    assert "code" in parameters_of(site.browser.get(here))


@pytest.mark.compliance("B23")
@pytest.mark.parametrize("subject", [{"value": 1}, {"values": []}, {"value": None}, {"value": {}}])
def test_a_sub_that_nobody_has_means_nobody(
    site: Site, visitor: Member, subject: dict[str, Any]
) -> None:
    refused = site.authorize(claims=claims(id_token={"sub": subject}), prompt="none")
    assert parameters_of(refused)["error"] == "login_required"


@pytest.mark.compliance("B23")
def test_hint_and_sub_must_agree(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    hint = site.tokens()["id_token"]
    for key, expected in ((member.key, "code"), ("nobody", "error")):
        wanted = claims(id_token={"sub": {"value": key}})
        back = parameters_of(site.authorize(claims=wanted, id_token_hint=hint, prompt="none"))
        assert expected in back


@pytest.mark.compliance("B27")
@pytest.mark.parametrize(
    ("acr", "met"),
    [
        (ESSENTIAL, True),
        (ESSENTIAL | {"value": authentication_context.PASSWORD}, True),
        (ESSENTIAL | {"values": ["1", authentication_context.PASSWORD]}, True),
        ({"values": ["1"]}, True),
        ({"value": "1"}, True),
        (None, True),
        (ESSENTIAL | {"value": "1"}, False),
        (ESSENTIAL | {"values": ["https://refeds.org/profile/mfa"]}, False),
        (ESSENTIAL | {"values": []}, False),
    ],
)
def test_an_acr_that_is_essential_and_cannot_be_had_is_an_error(
    site: Site, visitor: Member, acr: Any, met: bool
) -> None:
    wanted = claims(id_token={"acr": acr})
    if met:
        assert told(site, claims=wanted)[1]["acr"] == authentication_context.PASSWORD
    else:
        back = parameters_of(site.authorize(claims=wanted))
        assert back["error"] == "unmet_authentication_requirements"
        assert back["state"] == site.default["state"]


@pytest.fixture
def phone(app: Flask, new_site: NewSite) -> Site:
    """An app, whose members are asked first, with a member who is signed in."""
    site = new_site("app")
    sign_in(app, site.browser)
    return site


@pytest.mark.parametrize("target", ["userinfo", "id_token"])
def test_nobody_gets_past_consent(phone: Site, target: str) -> None:
    allow(phone, scope="openid")
    assert phone.code(scope="openid")
    wanted = claims(**{target: {"email": None}})
    refused = parameters_of(phone.authorize(scope="openid", claims=wanted, prompt="none"))
    assert refused["error"] == "consent_required"
    page = phone.authorize(scope="openid", claims=wanted)
    assert "your e-mail address" in page.text
    assert "error=access_denied" in answer(phone, "no", scope="openid", claims=wanted)
    allow(phone, scope="openid", claims=wanted)
    info, id_token = told(phone, claims=wanted)
    assert ("email" in info, "email" in id_token) == (target == "userinfo", target == "id_token")
    # The leave is for what was named on the page, and for no more.
    more = claims(**{target: {"phone_number": None}})
    assert is_page(phone.authorize(scope="openid", claims=more))


def test_nobody_gets_past_consent_by_a_mapped_claim(app: Flask, phone: Site) -> None:
    with app.app_context():
        mapping = {"kind": "member_status"}
        registration.change(db.session.get(Client, phone.row_id), claim_map=mapping)
        db.session.commit()
    allow(phone, scope="openid")
    wanted = claims({"kind": None})
    assert "from your record: Member status" in phone.authorize(scope="openid", claims=wanted).text
    allow(phone, scope="openid", claims=wanted)
    assert told(phone, claims=wanted)[0]["kind"] == "Current"


def test_claims_that_the_client_cannot_have_ask_nobody(phone: Site) -> None:
    allow(phone, scope="openid")
    assert phone.code(scope="openid", claims=claims({"gender": None}, {"acr": ESSENTIAL}))


def test_a_plain_sign_on_pays_nothing_for_it(
    site: Site, visitor: Member, statements: list[str]
) -> None:
    asked = site.tokens(scope="openid", claims=claims({"name": None}, {"email": None}))
    statements.clear()
    site.userinfo(asked["access_token"])
    assert [one.split()[0] for one in statements] == ["SELECT"]
    code = site.code(scope="openid", claims=claims({}, {"email": None}))
    statements.clear()
    site.exchange(code)
    # One statement for what the ID token is to say, and only then.
    assert [one for one in statements if "contact.email" in one] != []
    code = site.code(scope="openid", claims=claims({"email": None}))
    statements.clear()
    site.exchange(code)
    assert [one for one in statements if "contact.email" in one] == []
