"""Redirects: by 303, so that a form is never sent on with what was typed into it (S15)."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.database import db
from tests import factories
from tests.browsing import csrf_token
from tests.oauth.conftest import AFTER_LOGOUT, CALLBACK, Site, is_page, next_of, sign_in
from tests.oauth.leaving import logout, press_the_button
from tests.oauth.test_apps import answer

KEEPS_THE_BODY = {307, 308}


@pytest.mark.compliance("S15")
def test_the_way_from_a_site_over_the_password_and_back_is_all_303(app: Flask, site: Site) -> None:
    with app.app_context():
        email = factories.account().person.email
        db.session.remove()
    posted = site.browser.post("/oauth/authorize", data=site.parameters())
    asked = site.browser.get(posted.location)
    page = site.browser.get(asked.location)
    form = {"csrf_token": csrf_token(page.text), "email": email, "password": factories.PASSWORD}
    signed_in = site.browser.post(asked.location, data=form)
    back = site.browser.get(signed_in.location)
    assert [one.status_code for one in (posted, asked, signed_in, back)] == [303] * 4
    assert signed_in.location == next_of(asked)
    assert back.location.startswith(CALLBACK + "?")
    assert factories.PASSWORD not in back.location + signed_in.location


@pytest.mark.compliance("S15")
@pytest.mark.parametrize("how", ["allow", "no"])
def test_the_answer_to_the_consent_page_goes_on_by_303(
    app: Flask, new_site: object, how: str
) -> None:
    phone = new_site("app")  # type: ignore[operator]
    sign_in(app, phone.browser)
    assert answer(phone, how)  # holds the answer to be a 303


@pytest.mark.compliance("S15")
def test_the_way_out_is_303(app: Flask, site: Site) -> None:
    sign_in(app, site.browser)
    page = logout(site, post_logout_redirect_uri=AFTER_LOGOUT)
    done = press_the_button(site, page)
    assert (done.status_code, done.location) == (303, AFTER_LOGOUT)
    form = {"id_token_hint": "x", "post_logout_redirect_uri": AFTER_LOGOUT}
    assert app.test_client().post("/oauth/logout", data=form).status_code in {303, 400}


@pytest.mark.compliance("S15", "S02")
def test_a_form_sent_to_a_slightly_wrong_address_is_not_sent_on(app: Flask) -> None:
    secret = {"email": "a@example.org", "password": "typed", "client_secret": "s", "code": "c"}

    def post(path: str) -> TestResponse:
        return app.test_client().post(path, data=secret)

    for rule in app.url_map.iter_rules():
        path = str(rule)
        if "POST" not in (rule.methods or ()) or rule.arguments or path.startswith("/panel"):
            continue
        for odd in (
            path + "/",
            "/" + path,
            path.replace("/", "//"),
            path + "/%2e%2e",
            path.upper(),
        ):
            response = post(odd)
            if response.status_code in KEEPS_THE_BODY:
                # Werkzeug merges slashes: to our own host and path, and nowhere else.
                assert response.location.removeprefix("http://localhost") in {path, path + "/"}
            else:
                assert response.status_code in {400, 404, 405} or is_page(response)
