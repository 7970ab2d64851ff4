"""Front-channel logout (FC): the member's browser tells every site of the session."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from idp.database import db
from idp.oauth import grants
from idp.signin.sessions import SignInSession
from tests.oauth.conftest import AFTER_LOGOUT, ISSUER, Site, sign_in
from tests.oauth.leaving import logout


@pytest.mark.compliance("FC1")
def test_every_site_of_the_session_is_told(
    app: Flask, site: Site, new_site: Callable[..., Site]
) -> None:
    member = sign_in(app, site.browser)
    listening = new_site(frontchannel_logout_uri="https://one.example.org/out?a=1")
    never_used = new_site(frontchannel_logout_uri="https://two.example.org/out")
    listening.browser = site.browser
    listening.tokens()
    hint = site.tokens()["id_token"]
    page = logout(site, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT, state="s")
    assert page.status_code == 200
    assert page.text.count("<iframe") == 1
    frame = re.search(r'<iframe src="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    assert frame.startswith("https://one.example.org/out?")
    with app.app_context():
        sid = grants.session_id(db.session.get(SignInSession, member.session_id).token_hash)
    assert parse_qs(urlsplit(frame).query) == {"a": ["1"], "iss": [ISSUER], "sid": [sid]}
    assert "frame-src https://one.example.org;" in page.headers["Content-Security-Policy"]
    # Goes on by a script of ours, or by the link.
    assert "signed-out.js" in page.text
    assert f'href="{AFTER_LOGOUT}?state=s"' in page.text
    with app.test_client().get("/static/signed-out.js") as script:
        assert script.status_code == 200
    assert never_used.client_id not in page.text


def test_the_members_own_sign_out_tells_them_too(app: Flask, new_site: Callable[..., Site]) -> None:
    site = new_site(frontchannel_logout_uri="https://one.example.org/out")
    member = sign_in(app, site.browser)
    site.tokens()
    with app.test_request_context("/"):
        row = db.session.get(SignInSession, member.session_id)
        response = app.extensions["tessera-signed-out-page"](row)
        assert "https://one.example.org/out?iss=" in response.get_data(as_text=True)
        alone = app.extensions["tessera-signed-out-page"](None, "https://site.example.org/", None)
        assert alone.status_code == 303
