"""Every page, with something on it and without: no barrier, nothing too wide, no error.

The pages are those of the URL maps: one that is new is looked at without being named here. What a
new rule's names stand for is said in ``association.fill``. With ``TESSERA_TEST_PICTURES=FOLDER``
each page's picture is left there.
"""

from collections.abc import Container, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from idp.settings import Settings
from tests import factories
from tests.look import association
from tests.look.association import Named, Site
from tests.look.looking import Looking, looking

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # What is looked at is the same on every database.
    pytest.mark.parametrize("database_address", ["sqlite"], indirect=True),
]

# What only leads on to another page, or is a door for programs, has no look.
NO_PAGES = {
    "hl_admin.start",
    "signin.login_bounce",
    "conference.sign_in",
    "conference.frontchannel_logout",
    "signin.front_channel_logout",
    "metrics.metrics",
    # Who has just signed in is not asked again: looked at by itself.
    "confirmation.confirm",
}
# The sandbox's other doors are for programs.
PROGRAMS = {"control", "push"}
# Pages that are opened with nothing in hand say so.
ANSWERS = {
    "oauth.authorize": 400,
    "signin.authentication": 400,
    "conference.callback": 400,
}
FOR_STRANGERS = {"signin", "recovery"}
# Forms that are sent with nothing in them: their pages say what is missing, at the field.
FORMS = (
    "/panel/people/new",
    "/panel/companies/new",
    "/panel/fields/new",
    "/panel/groups/new",
    "/panel/clients/new",
    "/panel/imports/new",
    "/panel/groups/committee/members/add",
)
FOR_READERS = (
    "/panel/",
    "/panel/people/a-person",
    "/panel/fields/region",
    "/panel/groups/committee",
    "/panel/groups/committee/conditions",
    "/panel/groups/committee/sync",
    "/panel/groups/committee/members",
)
ERRORS = (400, 403, 404, 405, 413, 429, 500)


@pytest.fixture
def site(settings: Settings, tmp_path: Path) -> Iterator[Site]:
    """Tessera and its sandbox, both as they are before anybody did anything."""
    with association.running(settings, tmp_path) as started:
        yield started


def addresses(app: Flask, named: Named) -> dict[str, tuple[str, int]]:
    """What can be fetched: address to endpoint and answer. Without the names of things, only
    what is there before there are things."""
    found = {}
    for rule in app.url_map.iter_rules():
        part = rule.endpoint.partition(".")[0]
        aside = rule.endpoint in NO_PAGES or rule.endpoint.endswith(("static", "failing"))
        aside = aside or part in PROGRAMS
        if "GET" not in (rule.methods or set()) or aside or (rule.arguments and not named):
            continue
        values = named.get(rule.endpoint) or named.get(part, {})
        missing = rule.arguments - set(values)
        assert not missing, f"say in association.fill what {missing} of {rule} stands for"
        path = rule.build({name: values[name] for name in rule.arguments})
        assert path is not None
        found[path[1]] = (rule.endpoint, ANSWERS.get(rule.endpoint, 200))
    return found


def look_at_all(
    window: Looking,
    app: Flask,
    named: Named,
    strangers: bool = False,
    aside: Container[str] = (),
) -> None:
    """Look at every page of an app, or at those that one sees before one is signed in."""
    for path, (endpoint, status) in sorted(addresses(app, named).items()):
        if endpoint in aside:
            continue
        if (endpoint.partition(".")[0] in FOR_STRANGERS) == strangers and window.is_page(path):
            window.look(path, status)


def sign_in(page: Page, base: str, email: str = association.OWNER) -> None:
    """Sign in at Tessera."""
    page.goto(base + "/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(base + "/")


def send(page: Page) -> None:
    """Send the page's first form as it stands, past what the browser itself would say."""
    form = page.locator("main form:has([type=submit], button:not([type]))").first
    form.evaluate("form => form.noValidate = true")
    with page.expect_navigation():
        form.locator("[type=submit], button:not([type])").last.click()


def test_an_association_with_everything(chromium: Browser, site: Site, tmp_path: Path) -> None:
    association.fill(site, tmp_path)
    wrong: list[str] = []
    with looking(chromium, site.base, "stranger", wrong) as window:
        look_at_all(window, site.app, site.named, strangers=True)
        for path in ("/sign-in", "/forgot"):
            window.look(path, then=send, of=f"{path} sent")
        window.look("/set-password/no-such-link", 410)
        for status in ERRORS:
            window.look(f"/failing/{status}", status)
    with looking(chromium, site.base, "owner", wrong) as window:
        sign_in(window.page, site.base)
        look_at_all(window, site.app, site.named)
        for path in FORMS:
            window.look(path, then=send, of=f"{path} sent")
        for state in ("checked", "running", "failed", "cancelled"):
            window.look(f"/panel/imports/{site.imports[state]}", of=f"/panel/imports/{state}")
        for path, status in asking(site).items():
            window.look(path, status)
        window.look("/panel/people/nobody-here", 404)
        association.time_passes()
        window.look("/confirm")
        window.look("/confirm", then=send, of="/confirm sent")
    # Who only reads sees other pages: what is not theirs to press is not there.
    with looking(chromium, site.base, "reader", wrong) as window:
        sign_in(window.page, site.base, association.READER)
        for path in FOR_READERS:
            window.look(path)
    assert not wrong, "\n".join(wrong)


def asking(site: Site) -> dict[str, int]:
    """Pages that one is led to by a site, or by a search."""
    about = "response_type=code&scope=openid+profile"
    about += f"&code_challenge={'x' * 43}&code_challenge_method=S256"
    back = "redirect_uri=https://site.example.org/back"
    return {
        f"/oauth/authorize?client_id={site.clients['app']}&{about}&{back}": 200,
        f"/oauth/authorize?client_id={site.clients['closed']}&{about}&{back}": 403,
        "/panel/people/?q=nobody": 200,
        "/panel/people/?page=last": 200,
        "/panel/groups/?q=nothing": 200,
        "/panel/people/a-person/merge?other=namesake": 200,
    }


def test_an_association_with_nothing(chromium: Browser, site: Site) -> None:
    association.forget_clients()
    wrong: list[str] = []
    with looking(chromium, site.base, "nothing", wrong) as window:
        sign_in(window.page, site.base)
        look_at_all(window, site.app, {})
    with looking(chromium, site.sandbox_base, "sandbox-nothing", wrong) as window:
        look_at_all(window, site.sandbox, {}, aside={"community.profile"})
    assert not wrong, "\n".join(wrong)


def test_the_sandbox_with_everything(chromium: Browser, site: Site, tmp_path: Path) -> None:
    association.fill(site, tmp_path)
    wrong: list[str] = []
    with looking(chromium, site.sandbox_base, "sandbox", wrong) as window:
        sign_in(window.page, site.base)
        for sign_in_page in ("/HigherLogic/Security/LoginBounce.aspx", "/conference/sign-in"):
            window.page.goto(site.sandbox_base + sign_in_page)
        look_at_all(window, site.sandbox, site.sandbox_named)
        window.look("/nowhere", 404)
        window.look("/conference/nowhere", 404)
    assert not wrong, "\n".join(wrong)
