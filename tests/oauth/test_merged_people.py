"""A member whose record was merged: sites that know them by the old key."""

import json

from flask import Flask

from idp.database import db
from idp.directory import contacts, merging
from tests import factories
from tests.oauth.conftest import AFTER_LOGOUT, Member, Site, parameters_of, sign_in
from tests.oauth.leaving import ended, logout


def merge_away(member: Member) -> None:
    """Merge a member's record into another, which their account comes to."""
    person = contacts.find(member.key)
    assert person is not None
    merging.merge(factories.person(email=""), person)
    db.session.commit()


def test_tokens_of_the_old_key_end(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    tokens = site.tokens(scope="openid profile offline_access")
    assert site.userinfo(tokens["access_token"]).status_code == 200
    with app.app_context():
        merge_away(member)
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_an_id_token_with_the_old_key_is_a_hint_at_the_kept_person(app: Flask, site: Site) -> None:
    before = sign_in(app, site.browser)
    hint = site.tokens()["id_token"]
    with app.app_context():
        merge_away(before)
    assert parameters_of(site.authorize(prompt="none"))["error"] == "login_required"
    member = sign_in(app, site.browser, before.account_id)
    assert member.key != before.key
    assert "code" in parameters_of(site.authorize(prompt="none", id_token_hint=hint))
    # What is asked for by its value is that value or none (OpenID Connect Core, 5.5.1).
    assert site.userinfo(site.tokens()["access_token"]).json["sub"] == member.key
    claims = json.dumps({"id_token": {"sub": {"value": before.key}}})
    refused = parameters_of(site.authorize(prompt="none", claims=claims))
    assert refused["error"] == "login_required"
    logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert ended(app, member)
