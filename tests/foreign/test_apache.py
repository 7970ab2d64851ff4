"""Apache with ``mod_auth_openidc``, which puts a sign-in before sites that know nothing of it."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import requests

from tests.foreign import apache, pages
from tests.foreign.apache import Apache, Site
from tests.foreign.tessera import Member, Tessera
from tests.stack import Person

pytestmark = pytest.mark.slow

SITES = pytest.mark.parametrize("which", ["asking", "signing"])


@pytest.fixture(scope="module")
def server(tessera: Tessera) -> Iterator[Apache]:
    """Apache on ports of its own, its two sites registered."""
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
    tessera: Tessera, server: Apache, browser: Person, member: Member, which: str
) -> None:
    site: Site = getattr(server, which)
    enter(site, browser, member)
    shown = browser.get(site.redirect_uri, params={"logout": f"{site.address}/bye.json"})
    assert follow_frames(browser, shown) == f"{site.address}/bye.json"
    assert kept(site, browser) is None
    assert "/sign-in" in browser.get(f"{site.address}/private/index.json").url


@pytest.mark.compliance("FC1")
def test_signing_out_at_one_site_signs_out_at_the_other(
    server: Apache, browser: Person, member: Member
) -> None:
    enter(server.asking, browser, member)
    # Already signed in here: the second site asks nothing.
    page = f"{server.signing.address}/private/index.json"
    assert browser.get(page).json()["sub"] == member.key
    assert kept(server.signing, browser) is not None
    bye = f"{server.asking.address}/bye.json"
    shown = browser.get(server.asking.redirect_uri, params={"logout": bye})
    assert follow_frames(browser, shown) == bye
    assert kept(server.signing, browser) is None


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


def follow_frames(browser: Person, shown: requests.Response) -> str:
    """Do what a browser does with the signed-out page: load its frames, then go on."""
    frames = re.findall(r'<iframe src="([^"]+)"', shown.text)
    assert frames, f"{shown.url} ({shown.status_code}): {shown.text}"
    for frame in frames:
        assert browser.get(unescape(frame)).status_code == 200
    onward = re.search(r'id="onward" href="([^"]+)"', shown.text)
    assert onward
    return browser.get(unescape(onward.group(1))).url
