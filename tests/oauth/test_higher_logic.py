"""Sign-in exactly as Higher Logic runs it."""

import pytest
from flask import Flask

from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import InvalidValue
from idp.oauth import registration
from idp.oauth.clients import Client
from tests.oauth.conftest import HL_CALLBACK, ISSUER, Site, is_page, next_of, parameters_of, sign_in


def test_the_whole_flow(app: Flask, community: Site) -> None:
    # 1. Not signed in: to the sign-in page and back here afterwards; nothing is written.
    here = next_of(community.authorize())
    member = sign_in(app, community.browser)

    # 2. Back to the redirect URI, state unchanged.
    response = community.browser.get(here)
    assert response.location.startswith(HL_CALLBACK + "?")
    answer = parameters_of(response)
    assert answer["state"] == community.default["state"]
    assert len(answer["code"]) >= 43
    assert answer["iss"] == ISSUER

    # 3. Basic, no PKCE, no openid.
    tokens = community.exchange(answer["code"])
    assert tokens.status_code == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert tokens.json.keys() == {"token_type", "access_token", "expires_in", "scope"}
    assert tokens.json["token_type"] == "Bearer"
    assert tokens.json["scope"] == "profile"
    assert 0 < tokens.json["expires_in"] <= 3600

    # 4. Flat JSON, the identifier byte for byte.
    info = community.userinfo(tokens.json["access_token"])
    assert info.status_code == 200
    assert info.headers["Cache-Control"] == "no-store"
    with app.app_context():
        person = db.session.get(Account, member.account_id).person
        assert info.json == {
            "sub": person.key,
            "name": person.title,
            "prefix": "",
            "given_name": person.first_name,
            "middle_name": "",
            "family_name": person.last_name,
            "suffix": "",
            "nickname": "",
            "designation": "",
            "email": person.email,
            "member_id": person.member_id,
        }
    assert all(isinstance(value, str) for value in info.json.values())


def test_the_identifier_attribute_has_the_name_of_the_worksheet(
    app: Flask, community: Site
) -> None:
    with app.app_context():
        registration.change(db.session.get(Client, community.row_id), identifier_attribute="AmsId")
        db.session.commit()
    member = sign_in(app, community.browser)
    info = community.userinfo(community.tokens()["access_token"]).json
    assert info["AmsId"] == info["sub"] == member.key


def test_every_part_of_the_name_has_a_plain_name(app: Flask, community: Site) -> None:
    member = sign_in(app, community.browser)
    parts = {
        "prefix": "Dr.",
        "first_name": "Ada",
        "middle_name": "K.",
        "last_name": "Byron",
        "suffix": "Jr.",
        "informal_name": "Addie",
        "designation": "CAE",
    }
    with app.app_context():
        person = db.session.get(Account, member.account_id).person
        for name, value in parts.items():
            setattr(person, name, value)
        db.session.commit()
    info = community.userinfo(community.tokens()["access_token"]).json
    assert (
        info.items()
        >= {
            "name": "Ada Byron",
            "prefix": "Dr.",
            "given_name": "Ada",
            "middle_name": "K.",
            "family_name": "Byron",
            "suffix": "Jr.",
            "nickname": "Addie",
            "designation": "CAE",
        }.items()
    )


def test_the_identifier_is_the_key_whatever_it_is_called(app: Flask, community: Site) -> None:
    with app.app_context():
        client = db.session.get(Client, community.row_id)
        registration.change(client, identifier_attribute="member_id")
        db.session.commit()
        for name in ("email", "iss", "é", "a b", ""):
            with pytest.raises(InvalidValue):
                registration.change(client, identifier_attribute=name)
        db.session.rollback()
    member = sign_in(app, community.browser)
    assert community.userinfo(community.tokens()["access_token"]).json["member_id"] == member.key


def test_no_scope_means_profile(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    assert community.tokens(scope=None)["scope"] == "profile"


def test_credentials_in_the_body_work_as_well(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    form = {
        "grant_type": "authorization_code",
        "code": community.code(),
        "redirect_uri": HL_CALLBACK,
        "client_id": community.client_id,
        "client_secret": community.secret,
    }
    assert app.test_client().post("/oauth/token", data=form).status_code == 200


@pytest.mark.compliance("S01")
def test_another_letter_case_of_the_redirect_path_is_another_address(community: Site) -> None:
    response = community.authorize(redirect_uri=HL_CALLBACK.lower())
    assert response.status_code == 400
    assert is_page(response)


@pytest.mark.compliance("L05")
def test_a_plain_logout_link_asks_and_goes_back_to_a_listed_address(
    app: Flask, community: Site
) -> None:
    sign_in(app, community.browser)
    for name in ("returnUrl", "ReturnUrl", "redirect_uri", "post_logout_redirect_uri"):
        page = community.browser.get(
            "/oauth/logout", query_string={name: "https://site.example.org/bye"}
        )
        assert page.status_code == 200
        assert "https://site.example.org/bye" in page.text
        foreign = community.browser.get(
            "/oauth/logout", query_string={name: "https://evil.example.com/"}
        )
        assert foreign.status_code == 200
        assert is_page(foreign)
        assert "evil.example.com" not in foreign.text
