"""The list of people and a person's page in a real browser, with scripts and without."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.chromium import Watched, fits, sign_in
from tests.stack import OWNER, PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def open_as_owner(page: Page, tessera: Stack, path: str) -> None:
    """Open a page of the panel as its owner."""
    page.goto(tessera.url + path)
    sign_in(page, OWNER, PASSWORD)


def test_the_list_follows_what_is_typed_and_a_person_is_looked_after(
    tessera: Stack, window: Watched
) -> None:
    page = window.page()
    open_as_owner(page, tessera, "/panel/people/")
    rows = page.locator("#found tbody tr")
    expect(rows).to_have_count(50)
    fits(page, "people")
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
    fits(page, "people-filters")
    page.reload()
    expect(page.get_by_label("Account")).to_have_value("none")

    page.goto(tessera.url + "/panel/people/?q=oleszko")
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Can they sign in?")).to_be_visible()
    expect(page.get_by_role("heading", name="What does Higher Logic have")).to_be_visible()
    fits(page, "person")
    page.locator("p.lead a").click()
    expect(page.get_by_role("heading", name=re.compile("work.? here"))).to_be_visible()
    fits(page, "company")
    page.get_by_role("link", name=re.compile("in the list of people|^All ")).click()
    expect(page.locator("#found tbody tr").first).to_be_visible()
    page.goto(tessera.url + "/panel/companies/")
    fits(page, "companies")


def test_without_scripts_the_list_is_a_plain_form(tessera: Stack, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    open_as_owner(page, tessera, "/panel/people/")
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
