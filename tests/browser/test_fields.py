"""Custom fields in a real browser: made, filled in by a member, ordered, synced, deleted."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import Watched, fits, sign_in
from tests.stack import OWNER, PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

KINDS = {
    "Text": "ad astra",
    "Long text": "One & <b>two</b>\n\nThree",
    "Whole number": "12",
    "Decimal number": "12.50",
    "Date": "2026-04-01",
    "E-mail address": "Ada@example.org",
    "Web address": "https://ada.example/?a=1&b=2",
    "Key": "A-00/7",
}


@pytest.fixture
def owner(tessera: Stack, window: Watched) -> Page:
    """A page of the panel, with an owner signed in."""
    page = window.page()
    page.goto(tessera.url + "/panel/fields/")
    sign_in(page, OWNER, PASSWORD)
    return page


def make(page: Page, label: str, kind: str, choices: str = "") -> None:
    page.get_by_role("link", name="New field").click()
    page.get_by_label("Name", exact=True).fill(label)
    page.get_by_label("Kind").select_option(label=kind)
    if choices:
        page.get_by_label("Choices").fill(choices)
    page.get_by_label("Show in Members section").check()
    page.get_by_label("Members may edit it").check()
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("The field is saved.")).to_be_visible()


def test_from_a_new_field_to_its_deletion(tessera: Stack, owner: Page) -> None:
    page = owner
    page.get_by_role("link", name="New field").click()
    # The sync is there only for a field that is shown, and choices only for what has some.
    expect(page.get_by_label("Sync to Higher Logic")).to_be_hidden()
    expect(page.get_by_label("Choices")).to_be_hidden()
    page.get_by_label("Show in Members section").check()
    expect(page.get_by_label("Sync to Higher Logic")).to_be_visible()
    page.get_by_label("Kind").select_option(label="Several of")
    expect(page.get_by_label("Choices")).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Cancel").click()
    for kind in KINDS:
        make(page, f"My {kind}", kind)
    make(page, "My answer", "Yes or no")
    make(page, "My one", "One of", "Law\nRail")
    make(page, "My several", "Several of", "Law\nRail\nArt")
    fits(page)

    # The member fills them in, and sees them as they are.
    page.goto(tessera.url + "/profile")
    for kind, text in KINDS.items():
        page.get_by_label(f"My {kind}", exact=True).fill(text)
    page.get_by_label("My answer").select_option(label="No")
    page.get_by_label("My one").select_option(label="Rail")
    several = page.get_by_role("group", name="My several")
    several.get_by_label("Law").check()
    several.get_by_label("Art").check()
    fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    for shown in ("12.5", "Law, Art", "A-00/7", "Ada@example.org"):
        expect(page.get_by_text(shown, exact=True)).to_be_visible()
    long_text = page.locator("dd", has_text="One & <b>two</b>")
    assert long_text.inner_text() == "One & <b>two</b>\n\nThree"
    fits(page)

    # The staff order the choices by buttons; Enter in an input moves nothing.
    page.goto(tessera.url + "/panel/fields/my_several")
    expect(page.get_by_text("1 contact has a value of it.")).to_be_visible()
    page.get_by_role("button", name="Save, and move Art up").click()
    expect(page).to_have_url(re.compile("#choices$"))
    # Enter sends a form once its button is there.
    page.wait_for_load_state()
    labels = page.locator(".choice > input")
    assert [one.input_value() for one in labels.all()] == ["Law", "Art", "Rail"]
    labels.first.press("Enter")
    expect(page).to_have_url(re.compile("/panel/fields/$"))
    expect(page.get_by_text("The field is saved.")).to_be_visible()
    page.get_by_role("link", name="My several").click()
    assert [one.input_value() for one in labels.all()] == ["Law", "Art", "Rail"]

    # What is synced cannot be hidden, and the page says so before it is tried.
    page.get_by_label("Sync to Higher Logic").check()
    page.get_by_role("button", name="Save").last.click()
    page.get_by_role("link", name="My several").click()
    page.get_by_label("Show in Members section").uncheck()
    expect(page.get_by_label("Sync to Higher Logic")).to_be_visible()
    expect(page.get_by_text("Switch off what is still on, or show it.")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Show it there, or switch the sync off too.")).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Delete the field").click()
    expect(page.get_by_text("Higher Logic is told of it.")).to_be_visible()
    fits(page)

    page.goto(tessera.url + "/panel/fields/my_key/delete")
    fits(page)
    page.get_by_role("button", name="Delete the field and 1 value").click()
    expect(page.get_by_text("The field “My Key” is deleted")).to_be_visible()
    page.get_by_role("button", name="Move My several up").click()
    expect(page).to_have_url(re.compile("#field-my_several$"))
    fits(page)
