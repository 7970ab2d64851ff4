"""The userinfo endpoint: bearer tokens, and which claims a scope gives."""

import pytest
from flask import Flask

from idp.database import db
from idp.directory.accounts import Account
from tests.oauth.conftest import Member, Site, claims_of, sign_in


@pytest.mark.compliance("B05", "B06", "B07")
def test_get_and_post_answer_alike(app: Flask, site: Site, member: Member) -> None:
    tokens = site.tokens()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    browserless = app.test_client()
    by_get = browserless.get("/oauth/userinfo", headers=header)
    assert by_get.status_code == 200
    assert by_get.mimetype == "application/json"
    assert by_get.json["sub"] == claims_of(tokens["id_token"])["sub"] == member.key
    assert browserless.post("/oauth/userinfo", headers=header).json == by_get.json
    assert (
        browserless.post("/oauth/userinfo", data={"access_token": tokens["access_token"]}).json
        == by_get.json
    )


@pytest.mark.compliance("S13", "T23")
def test_a_token_in_the_query_counts_for_nothing(site: Site, visitor: Member) -> None:
    token = site.tokens()["access_token"]
    response = site.app.test_client().get(f"/oauth/userinfo?access_token={token}")
    assert response.status_code == 401
    # RFC 6750, 3.1: no error code where no token came.
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="userinfo"'


@pytest.mark.compliance("T23")
@pytest.mark.parametrize("header", ["Bearer unknown", "Bearer é\x7f", "bearer " + "x" * 5000])
def test_an_unknown_token_is_refused(app: Flask, header: str) -> None:
    response = app.test_client().get("/oauth/userinfo", headers={"Authorization": header})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer  ", "Basic abc", ""])
def test_no_token_is_told_how(app: Flask, header: str) -> None:
    response = app.test_client().get("/oauth/userinfo", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="userinfo"'


def test_two_tokens_are_one_too_many(site: Site, visitor: Member) -> None:
    token = site.tokens()["access_token"]
    response = site.app.test_client().post(
        "/oauth/userinfo",
        data={"access_token": token},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code == 400
    assert response.json["error"] == "invalid_request"


@pytest.mark.compliance("T22")
def test_an_id_token_is_no_access_token(site: Site, visitor: Member) -> None:
    assert site.userinfo(site.tokens()["id_token"]).status_code == 401


@pytest.mark.compliance("T23")
def test_without_openid_there_is_no_userinfo(site: Site, visitor: Member) -> None:
    response = site.userinfo(site.tokens(scope="profile email")["access_token"])
    assert response.status_code == 403
    assert response.json["error"] == "insufficient_scope"
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]


def test_higher_logic_needs_profile(app: Flask, community: Site) -> None:
    sign_in(app, community.browser)
    assert community.userinfo(community.tokens(scope="email")["access_token"]).status_code == 403


@pytest.mark.compliance("B09", "B10", "B11", "B12", "B13")
def test_each_scope_gives_its_claims_and_no_more(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    with app.app_context():
        person = db.session.get(Account, member.account_id).person
        person.first_name, person.last_name, person.informal_name = "Ada", "Byron", "Ada"
        person.phone_1, person.address_1, person.city = "+44 20 1", "12 St James's Sq", "London"
        person.postal_code, person.country, person.website = "SW1", "GB", "https://ada.example.org"
        person.member_id = "10023"
        db.session.commit()

    def claims(scope: str) -> dict[str, object]:
        answer = site.userinfo(site.tokens(scope=scope)["access_token"]).json
        assert answer.pop("sub") == member.key
        return answer

    assert claims("openid") == {}
    profile = claims("openid profile")
    assert isinstance(profile.pop("updated_at"), int)
    assert profile == {
        "name": "Ada Byron",
        "given_name": "Ada",
        "family_name": "Byron",
        "nickname": "Ada",
        "website": "https://ada.example.org",
        "member_id": "10023",
    }
    email = {"email": member.email, "email_verified": False}
    assert claims("openid email") == email
    phone = {"phone_number": "+44 20 1", "phone_number_verified": False}
    assert claims("openid phone") == phone
    address = claims("openid address")
    assert address == {
        "address": {
            "formatted": "12 St James's Sq\nSW1 London\nGB",
            "street_address": "12 St James's Sq",
            "locality": "London",
            "postal_code": "SW1",
            "country": "GB",
        }
    }
    everything = claims("openid profile email phone address")
    del everything["updated_at"]
    assert everything == {**profile, **email, **phone, **address}


def test_what_is_not_known_is_left_out(app: Flask, site: Site, visitor: Member) -> None:
    answer = site.userinfo(site.tokens(scope="openid profile address phone")["access_token"]).json
    assert answer.keys() == {"sub", "name", "given_name", "family_name", "updated_at", "member_id"}
