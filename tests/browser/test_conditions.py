"""A group's condition built in a real browser: by keyboard alone, and without scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import Watched, fits, sign_in
from tests.look.axe_core import violations
from tests.stack import OWNER, PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def open_groups(page: Page, tessera: Stack) -> None:
    page.goto(tessera.url + "/panel/groups/")
    sign_in(page, OWNER, PASSWORD)


def said(page: Page, words: str) -> None:
    """A screen reader is told this."""
    expect(page.locator("[data-said]")).to_have_text(words)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_nested_condition_is_built_with_the_keyboard_alone(
    tessera: Stack, window: Watched
) -> None:
    for name in ("Board", "Bored people"):
        tessera.cli("group", "create", name, "--type", "community", "--condition", '{"any": []}')
    page = window.page()
    open_groups(page, tessera)
    page.goto(tessera.url + "/panel/groups/new")
    preview = page.get_by_role("region", name="What that means")
    expect(preview).to_contain_text("1,813 people will be in it; 1,414 of them will sync")
    # A value that many have is offered, and any other may be typed.
    value = page.get_by_label("Value", exact=True)
    value.focus()
    press(page, "Control+a")
    page.keyboard.type("curr")
    expect(page.get_by_role("option", name="Current", exact=True)).to_be_visible()
    press(page, "ArrowDown", "Enter")
    expect(value).to_have_value("Current")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("In the north")

    # A rule: its field is found by a part of the name, and what fits it appears.
    page.get_by_role("button", name="Add a rule", exact=True).focus()
    press(page, "Enter")
    said(page, "Added: rule 2.")
    second = page.get_by_role("group", name="rule 2", exact=True)
    field = second.get_by_label("Field")
    expect(field).to_be_focused()
    page.keyboard.type("since")
    expect(page.get_by_role("option", name="Member since", exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    press(page, "Enter")
    expect(field).to_have_value("Member since")
    expect(field).to_be_focused()
    expect(preview).to_contain_text("Finish rule 2 to see who would be in the group.")
    press(page, "Tab")
    expect(second.get_by_label("How to compare")).to_be_focused()
    page.keyboard.type("is in the last")
    press(page, "Tab")
    days = second.get_by_label("Number of days")
    expect(days).to_be_visible()
    days.focus()
    press(page, "Control+a")
    page.keyboard.type("36000")
    expect(preview).to_contain_text(
        "Member status is Current and Member since is in the last 36,000 days"
    )

    # A block with a group in it, which is looked up by a part of its name.
    page.get_by_role("button", name="Add a block of rules to the condition").focus()
    press(page, "Enter")
    said(page, "A block with a rule is added: block 3.")
    inner = page.get_by_role("group", name="rule 1 of block 3", exact=True)
    expect(inner.get_by_label("Field")).to_be_focused()
    page.keyboard.type("group")
    press(page, "ArrowDown", "ArrowUp")
    expect(page.get_by_role("option", name="Group", exact=True)).to_be_visible()
    while page.locator('[role="option"][aria-selected="true"]').text_content() != "Group":
        press(page, "ArrowDown")
    press(page, "Enter")
    expect(inner.get_by_label("How to compare")).to_be_visible()
    inner.get_by_label("How to compare").focus()
    page.keyboard.type("is in one")
    lookup = inner.get_by_label("Add a group")
    expect(lookup).to_be_visible()
    lookup.focus()
    page.keyboard.type("bo")
    expect(page.get_by_role("option", name="Bored people")).to_be_visible()
    press(page, "Enter")
    expect(inner.get_by_role("checkbox", name="Board")).to_be_checked()
    expect(lookup).to_be_focused()
    expect(preview).to_contain_text("is in one of the groups “Board”")
    fits(page, "builder")
    # The list is open while it is looked at: who needs a screen reader works it as well.
    inner.get_by_label("Field").focus()
    press(page, "ArrowDown")
    expect(page.get_by_role("option", name="City", exact=True)).to_be_visible()
    page.emulate_media(reduced_motion="reduce")
    assert violations(page) == []
    press(page, "Escape")

    # Moved out of its block and back by the arrows; the focus stays on the arrow.
    up = inner.get_by_role("button", name="Move up rule 1 of block 3")
    up.focus()
    press(page, "Enter")
    said(page, "Moved: it is rule 3 now.")
    expect(page.get_by_role("button", name="Move up rule 3", exact=True)).to_be_focused()
    expect(preview).to_contain_text("Finish block 4 to see")
    page.get_by_role("button", name="Remove block 4").focus()
    press(page, "Enter")
    said(page, "Removed: block 4.")
    third = page.get_by_role("group", name="rule 3", exact=True)
    expect(third.get_by_label("Field")).to_be_focused()
    third.get_by_role("button", name="Remove rule 3").focus()
    press(page, "Enter")
    expect(second.get_by_label("Field")).to_be_focused()

    # What is wrong is said at its rule; Enter in a rule saves nothing.
    days.focus()
    press(page, "Control+a")
    page.keyboard.type("0")
    expect(second).to_contain_text("the days are a whole number")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/panel/groups/new$"))
    press(page, "Control+a")
    page.keyboard.type("36000")
    expect(second).not_to_contain_text("whole number")
    page.get_by_role("button", name="Save", exact=True).focus()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="In the north")).to_be_visible()
    expect(page.get_by_text("Member since is in the last 36,000 days")).to_be_visible()
    page.get_by_role("link", name="Conditions").focus()
    press(page, "Enter")
    expect(page.get_by_role("group", name="rule 2", exact=True)).to_be_visible()
    fits(page, "conditions")


def test_without_scripts_a_condition_is_built_and_its_sync_is_switched_on(
    tessera: Stack, chromium: Browser
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(20_000)
    open_groups(page, tessera)
    page.goto(tessera.url + "/panel/groups/new")
    page.get_by_label("Name", exact=True).fill("Plain")
    page.get_by_role("button", name="Add a block of rules to the condition").click()
    rule = page.get_by_role("group", name="rule 1 of block 2", exact=True)
    rule.get_by_label("Field").fill("has an account")
    rule.get_by_role("button", name="Show what fits").click()
    rule.get_by_label("Value", exact=True).select_option("yes")
    page.get_by_role("button", name="Add a rule to block 2").click()
    second = page.get_by_role("group", name="rule 2 of block 2", exact=True)
    second.get_by_label("Field").fill("Moon")
    page.get_by_label("Group type").select_option(label="Community")
    page.get_by_label("Sync to Higher Logic").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(second).to_contain_text("There is no field “Moon”: pick one from the list")
    second.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("region", name="What that means")).to_contain_text(
        "Member status is Current and Has an account is yes"
    )
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("of the community “Plain”")).to_be_visible()
    expect(page.get_by_text("it stays a community")).to_be_visible()
    fits(page, "switch")
    page.get_by_role("button", name="Go on editing").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Plain")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Save and switch the sync on").click()
    expect(page.get_by_text("Fixed since the sync was switched on")).to_be_visible()
    page.get_by_role("link", name="Sync", exact=True).click()
    expect(page.get_by_text("Higher Logic sync status")).to_be_visible()
    fits(page, "sync")
    context.close()
