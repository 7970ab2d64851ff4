"""The claim `picture`: where a member's photo is, for the sites that they sign in to."""

import pytest

from idp import photo_files
from idp.database import db
from idp.directory.contacts import Person
from tests import factories
from tests.oauth.conftest import Member, Site, claims_of


@pytest.mark.compliance("B09")
def test_sites_are_told_the_address_with_the_profile(site: Site, member: Member) -> None:
    assert "picture" not in site.userinfo(site.tokens()["access_token"]).json
    with site.app.app_context():
        person = db.session.query(Person).filter_by(key=member.key).one()
        address = photo_files.address(factories.photo(person).token)
    path = address.removeprefix("http://127.0.0.1:8000")
    assert path.startswith("/photos/")
    wish = '{"id_token": {"picture": null}}'
    tokens = site.tokens(claims=wish)
    assert site.userinfo(tokens["access_token"]).json["picture"] == address
    assert claims_of(tokens["id_token"])["picture"] == address
    assert site.app.test_client().get(path).status_code == 200
    without = site.tokens(scope="openid email")
    assert "picture" not in site.userinfo(without["access_token"]).json
