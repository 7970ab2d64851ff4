"""Hypothesis invents hostile requests; none is a failure of ours (T26).

Each begins as a request that would be answered well, so that the odd value is met deep inside;
then some of it is changed, left out, repeated, or sent in another way.
"""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browsing import csrf_token
from tests.oauth import hostile
from tests.oauth.conftest import AFTER_LOGOUT, Member, Site, basic, sign_in
from tests.oauth.hostile import FORM
from tests.oauth.signing_sites import signing_site

ENOUGH = settings(
    max_examples=200,
    derandomize=True,  # the same requests each time: a run that fails can be repeated
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
MACHINES = ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par", "/oauth/userinfo")
PAGES = ("/oauth/authorize", "/oauth/logout", "/oauth/logout/confirm", "/oauth/consent")


def wellformed(site: Site, csrf: str) -> dict[str, list[dict[str, str]]]:
    """Requests that would be answered well, by path; those of the token endpoint are used up."""
    scope = "openid profile offline_access"
    tokens = site.tokens(scope=scope)
    of_client = {"client_id": site.client_id}
    asked = site.parameters()
    many = {**asked, "prompt": "login", "max_age": "1", "claims": "{}", "acr_values": "1"}
    many |= {"ui_locales": "de", "id_token_hint": tokens["id_token"], "login_hint": "a"}
    code = {"grant_type": "authorization_code", "code": site.code(), "code_verifier": site.verifier}
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    signed = {"client_assertion": signing_site(site.app).assertion()}
    signed["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    out = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER_LOGOUT}
    form = {"csrf_token": csrf}
    return {
        "/oauth/token": [
            {**code, "redirect_uri": site.redirect_uri},
            {**refresh, "scope": "openid"},
            {"grant_type": "client_credentials", **of_client, "client_secret": str(site.secret)},
            {"grant_type": "client_credentials", **signed},
        ],
        "/oauth/revoke": [{"token": tokens["access_token"], "token_type_hint": "access_token"}],
        "/oauth/introspect": [{"token": tokens["refresh_token"]}, {"token": "x", **signed}],
        "/oauth/par": [asked, many],
        "/oauth/userinfo": [{"access_token": tokens["access_token"]}],
        "/oauth/authorize": [asked, many, {**of_client, "request_uri": "urn:x"}],
        "/oauth/logout": [{**out, "state": "s"}, {**of_client, "returnUrl": AFTER_LOGOUT}],
        "/oauth/logout/confirm": [{**form, "state": "s", "post_logout_redirect_uri": AFTER_LOGOUT}],
        "/oauth/consent": [{**form, "answer": "allow", "query": urlencode(asked)}],
    }


def cookie_of(site: Site, member: Member) -> str:
    """The cookie of a member who has just signed in: the request before may have ended that."""
    sign_in(site.app, site.browser, member.account_id)
    cookie = site.browser.get_cookie("tessera", domain="localhost")
    assert cookie is not None
    return f"tessera={cookie.value}"


def attack(site: Site, member: Member, path: str, check: Callable[[int, str, bytes], None]) -> None:
    """Send what Hypothesis invents to a path; the browser is a member's who is signed in."""
    csrf = csrf_token(site.browser.get("/security").text)
    cookie = cookie_of(site, member)
    forms = wellformed(site, csrf)[path]
    client = basic(site.client_id, str(site.secret))

    @ENOUGH
    @given(data=st.data())
    def invent(data: st.DataObject) -> None:
        nonlocal cookie
        pairs = data.draw(st.sampled_from(forms).flatmap(hostile.changed))
        fields = hostile.encoded(pairs, raw=data.draw(st.booleans()))
        method = data.draw(hostile.METHODS)
        kind = FORM if method != "GET" else ""
        if data.draw(hostile.SELDOM):
            kind = data.draw(hostile.CONTENT_TYPES)
        body, query = (fields, b"") if method != "GET" else (b"", fields)
        if data.draw(hostile.SELDOM):
            query = fields[:4000]
        if "multipart" in kind:
            body = (
                b'--x\r\nContent-Disposition: form-data; name="code"\r\n\r\n' + body + b"\r\n--x--"
            )
        environ = hostile.environment(path, method, query, body, kind)
        if path in MACHINES:
            environ["HTTP_AUTHORIZATION"] = client
        else:
            cookie = cookie_of(site, member) if "logout" in path else cookie
            environ["HTTP_COOKIE"] = cookie
        if data.draw(hostile.SELDOM):
            environ["HTTP_AUTHORIZATION"] = data.draw(hostile.AUTHORIZATIONS)
        if data.draw(hostile.SELDOM):
            environ |= data.draw(hostile.OTHER_HEADERS)
        check(*hostile.send(site.app, environ))

    invent()


@pytest.mark.slow
@pytest.mark.compliance("T10", "T11", "T26")
@pytest.mark.parametrize("path", MACHINES)
def test_no_endpoint_for_machines_fails(site: Site, member: Member, path: str) -> None:
    seen = set()

    def check(status: int, kind: str, body: bytes) -> None:
        seen.add(status)
        assert status < 500
        assert b"Traceback" not in body
        if status in {400, 401, 403, 413} and body:
            assert kind.startswith("application/json"), body

    attack(site, member, path, check)
    # What it was held to reached the endpoint, and was not all refused at the door.
    assert {400, 405} <= seen
    assert seen & {200, 201}


@pytest.mark.slow
@pytest.mark.compliance("T26")
@pytest.mark.parametrize("path", PAGES)
def test_no_page_fails(site: Site, member: Member, path: str) -> None:
    seen = set()

    def check(status: int, kind: str, body: bytes) -> None:
        seen.add(status)
        assert status < 500
        assert b"<script>alert" not in body
        assert b"Traceback" not in body

    attack(site, member, path, check)
    assert {303, 400} <= seen
