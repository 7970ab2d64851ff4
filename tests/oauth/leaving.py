"""What the tests of signing out share: the link, the page, the button."""

import re

from flask import Flask
from werkzeug.test import TestResponse

from idp.database import db
from idp.signin.sessions import SignInSession
from tests.oauth.conftest import Member, Site


def ended(app: Flask, member: Member) -> bool:
    with app.app_context():
        return db.session.get(SignInSession, member.session_id).ended_at is not None


def logout(site: Site, **parameters: str) -> TestResponse:
    return site.browser.get("/oauth/logout", query_string=parameters)


def press_the_button(site: Site, page: TestResponse) -> TestResponse:
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', content(page)))
    return site.browser.post("/oauth/logout/confirm", data=form)


def content(page: TestResponse) -> str:
    """The page's own part, without the frame around it (which has a sign-out button, too)."""
    return page.text.split("<main")[1]
