"""The list of people and a person's page in a real browser, with scripts and without."""

import os
import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.chromium import Watched
from tests.stack import OWNER, PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

# Where pictures of the pages go, for whoever wants to look at them.
PICTURES = os.environ.get("PICTURES")


def sign_in(page: Page, tessera: Stack, path: str) -> None:
    """Open a page of the panel as its owner."""
    page.goto(tessera.url + path)
    page.get_by_label("E-mail address").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def looked_at(page: Page, name: str) -> None:
    """No page is wider than a phone's screen."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide on {width} px"
        for scheme in ("light", "dark") if PICTURES else ():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=f"{PICTURES}/{name}-{width}-{scheme}.png", full_page=True)


def test_the_list_follows_what_is_typed_and_a_person_is_looked_after(
    tessera: Stack, window: Watched
) -> None:
    page = window.page()
    sign_in(page, tessera, "/panel/people/")
    rows = page.locator("#found tbody tr")
    expect(rows).to_have_count(50)
    looked_at(page, "people")
    page.get_by_role("link", name="Last", exact=True).click()
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
    expect(rows).to_have_count(50)

    # An answer to an older question comes late: what was typed last is what is shown.
    held: list[Route] = []
    page.route(re.compile(r"\?q=ole$"), lambda route: held.append(route))
    search = page.get_by_label("Search people")
    with page.expect_request(re.compile(r"\?q=ole$")):
        search.press_sequentially("ole")
    search.press_sequentially("szko")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/panel/people/\?q=oleszko$"))
    for route in held:
        route.abort()
    expect(page.locator("[data-said]")).to_have_text("1 person found")
    expect(rows.first).to_contain_text("Oleszko")
    expect(page.get_by_role("link", name="Show all")).to_be_visible()
    search.fill("nobody-has-this")
    expect(page.get_by_role("heading", name="Nobody found")).to_be_visible()
    search.fill("")
    expect(rows).to_have_count(50)

    # The filters, which say what is wrong, and the way back by the address.
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Company").fill("Nowhere at all")
    expect(page.get_by_text("There is no company “Nowhere at all”.")).to_be_visible()
    page.get_by_label("Company").fill("")
    page.get_by_label("Account").select_option(label="No account")
    expect(page).to_have_url(re.compile("account=none"))
    expect(page.get_by_text("There is no company")).to_have_count(0)
    looked_at(page, "people-filters")
    page.reload()
    expect(page.get_by_label("Account")).to_have_value("none")

    page.goto(tessera.url + "/panel/people/?q=oleszko")
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Can they sign in?")).to_be_visible()
    expect(page.get_by_role("heading", name="What does Higher Logic have")).to_be_visible()
    looked_at(page, "person")
    page.locator("p.lead a").click()
    expect(page.get_by_role("heading", name=re.compile("work.? here"))).to_be_visible()
    looked_at(page, "company")
    page.get_by_role("link", name=re.compile("in the list of people|^All ")).click()
    expect(page.locator("#found tbody tr").first).to_be_visible()
    page.goto(tessera.url + "/panel/companies/")
    looked_at(page, "companies")


def test_without_scripts_the_list_is_a_plain_form(tessera: Stack, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, tessera, "/panel/people/")
    page.get_by_label("Search people").fill("oleszko")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Account").select_option(label="No account")
    page.get_by_role("button", name="Show these").click()
    expect(page).to_have_url(re.compile("account=none"))
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("account=none.*after="))
    context.close()
