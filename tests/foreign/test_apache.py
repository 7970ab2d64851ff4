"""Apache with ``mod_auth_openidc``, which puts a sign-in before sites that know nothing of it."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import requests

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from tests.foreign import apache, pages
from tests.foreign.apache import Apache, Site
from tests.foreign.tessera import Member, Tessera
from tests.stack import Person, eventually

pytestmark = pytest.mark.slow

SITES = pytest.mark.parametrize("which", ["asking", "signing"])


@pytest.fixture(scope="module")
def server(tessera: Tessera) -> Iterator[Apache]:
    """Apache on ports of its own, its two sites registered."""
    # It tells sites of sessions that ended.
    tessera.stack.start("worker")
    with apache.running(tessera) as started:
        yield started


@pytest.fixture
def member(tessera: Tessera) -> Member:
    """Somebody with an account."""
    return tessera.member()


def enter(site: Site, browser: Person, member: Member) -> Any:
    """Go to the private page, by way of Tessera's sign-in; what the page is told."""
    asked = browser.get(f"{site.address}/private/index.json")
    answer = pages.sign_in(browser, asked, member)
    assert answer.url == f"{site.address}/private/index.json", answer.text
    return answer.json()


def enter_at_once(site: Site, browser: Person, member: Member) -> None:
    """Go to another private page; who is signed in is asked nothing."""
    answer = browser.get(f"{site.address}/private/index.json")
    assert answer.json()["sub"] == member.key
    assert kept(site, browser) is not None


def sign_out(site: Site, browser: Person, *, frames: bool = True) -> None:
    """Sign out at a site. Where there are others to tell, Tessera's page does it by frames: load
    them as a browser would (or not), and go on."""
    bye = f"{site.address}/bye.json"
    shown = browser.get(site.redirect_uri, params={"logout": bye})
    if shown.url == bye:
        return
    found = re.findall(r'<iframe src="([^"]+)"', shown.text)
    assert found, f"{shown.url} ({shown.status_code}): {shown.text}"
    if not frames:
        return
    for frame in found:
        assert browser.get(unescape(frame)).status_code == 200
    onward = re.search(r'id="onward" href="([^"]+)"', shown.text)
    assert onward
    assert browser.get(unescape(onward.group(1))).url == bye


def kept(site: Site, browser: Person) -> Any:
    """What the module keeps of the browser's session; ``None`` when there is none."""
    answer = browser.get(site.redirect_uri, params={"info": "json"}, allow_redirects=False)
    return answer.json() if answer.status_code == 200 else None


def api(site: Site, token: str) -> requests.Response:
    """The API's answer to somebody with an access token."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{site.address}/api/index.json", headers=headers, timeout=30)


@pytest.mark.compliance("B01", "S19")
@SITES
def test_a_member_enters(
    tessera: Tessera, server: Apache, browser: Person, member: Member, which: str
) -> None:
    site: Site = getattr(server, which)
    told = enter(site, browser, member)
    assert told["REMOTE_USER"] == told["sub"] == member.key
    assert told["email"] == member.email
    assert told["iss"] == tessera.issuer
    # The page is there at once from now on.
    again = browser.get(f"{site.address}/private/index.json", allow_redirects=False)
    assert again.json() == told


@SITES
def test_it_refreshes(server: Apache, browser: Person, member: Member, which: str) -> None:
    site: Site = getattr(server, which)
    enter(site, browser, member)
    first = kept(site, browser)
    back = f"{site.address}/bye.json"
    asked = {"refresh": back, "access_token": first["access_token"]}
    assert browser.get(site.redirect_uri, params=asked).url == back
    second = kept(site, browser)
    for token in ("access_token", "refresh_token"):
        assert second[token] != first[token]


@pytest.mark.compliance("L01")
@SITES
def test_signing_out_at_the_site_signs_out_here(
    server: Apache, browser: Person, member: Member, which: str
) -> None:
    site: Site = getattr(server, which)
    enter(site, browser, member)
    sign_out(site, browser)
    assert kept(site, browser) is None
    assert "/sign-in" in browser.get(f"{site.address}/private/index.json").url


@pytest.mark.compliance("FC1")
def test_the_browser_tells_a_site_that_the_session_has_ended(
    server: Apache, browser: Person, member: Member
) -> None:
    enter(server.signing, browser, member)
    enter_at_once(server.asking, browser, member)
    sign_out(server.signing, browser)
    assert kept(server.asking, browser) is None


@pytest.mark.compliance("BC1")
@pytest.mark.parametrize("end", ["signed out elsewhere", "deactivated"])
def test_the_server_tells_a_site_that_the_session_has_ended(
    tessera: Tessera, server: Apache, browser: Person, member: Member, end: str
) -> None:
    enter(server.asking, browser, member)
    enter_at_once(server.signing, browser, member)
    if end == "deactivated":
        with tessera.app.app_context():
            accounts.deactivate(db.session.get(Account, member.account_id))
            db.session.commit()
    else:
        # The browser goes no further than Tessera's page.
        sign_out(server.asking, browser, frames=False)
    eventually(lambda: kept(server.signing, browser) is None, "the site ended its session", 60)


def test_an_api_asks_about_a_token(server: Apache, browser: Person, member: Member) -> None:
    enter(server.asking, browser, member)
    token = kept(server.asking, browser)["access_token"]
    answer = api(server.asking, token)
    assert answer.status_code == 200, server.log.read_text()
    assert answer.json() == {"sub": member.key, "scope": "openid profile email offline_access"}
    assert api(server.asking, "no token of ours").status_code == 401


def test_an_api_takes_a_jwt_by_its_signature(
    server: Apache, browser: Person, member: Member
) -> None:
    enter(server.signing, browser, member)
    token = kept(server.signing, browser)["access_token"]
    answer = api(server.signing, token)
    assert answer.status_code == 200, server.log.read_text()
    assert answer.json()["sub"] == member.key
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-4]}AAAA"
    assert api(server.signing, forged).status_code == 401
