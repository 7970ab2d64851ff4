"""A group's members in a real browser: somebody is found as one types, added, changed, shut out."""

import re

import pytest
from playwright.sync_api import expect

from tests.chromium import Watched, fits, sign_in
from tests.stack import OWNER, PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def test_a_member_is_added_by_hand_given_days_and_shut_out(tessera: Stack, window: Watched) -> None:
    condition = '{"field": "member_status", "op": "is", "value": "Current"}'
    tessera.cli("group", "create", "Board", "--type", "community", "--condition", condition)
    page = window.page()
    page.goto(tessera.url + "/panel/groups/")
    sign_in(page, OWNER, PASSWORD)
    page.get_by_role("link", name="Board").click()
    page.get_by_role("link", name=re.compile("^Members")).click()
    fits(page, "members")
    page.get_by_role("link", name="Add by hand", exact=True).click()
    field = page.get_by_label("Person or company")
    field.press_sequentially("oleszko")
    option = page.locator("#contacts-offered option").first
    expect(option).to_be_attached()
    field.fill(option.get_attribute("value") or "")
    page.get_by_label("Role").fill("Chair")
    page.get_by_label("From").fill("2020-01-31")
    fits(page, "add")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("is added.")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("^Chair"))).to_be_visible()
    fits(page, "member")
    page.get_by_label("Until").first.fill("2020-02-01")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=re.compile("Over"))).to_be_visible()
    expect(page.get_by_role("heading", name="Before")).to_be_visible()
    page.get_by_role("button", name="Shut out of this group").click()
    expect(page.get_by_role("button", name="Let in again")).to_be_visible()
    fits(page, "member-out")
    page.get_by_role("link", name="Board").first.click()
    for name in ("Added by hand", "Shut out", "Past members"):
        page.get_by_role("navigation", name="Members").get_by_role("link", name=name).click()
        fits(page, name.replace(" ", "-").lower())
