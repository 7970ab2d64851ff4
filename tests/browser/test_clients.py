"""A Higher Logic client in a real browser: made, its worksheet, its callback, its self-test."""

import re
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Page, expect

from tests.chromium import Watched, fits, sign_in
from tests.stack import OWNER, PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

MEMBER = "gustaw.oleszko28@example.net"


@pytest.fixture
def owner(tessera: Stack, window: Watched) -> Page:
    """A page of the panel, with an owner signed in."""
    page = window.page()
    page.goto(tessera.url + "/panel/clients/")
    sign_in(page, OWNER, PASSWORD)
    return page


def test_from_a_new_client_to_a_self_test_that_is_all_green(
    tessera: Stack, owner: Page, tmp_path: Path
) -> None:
    page = owner
    page.get_by_role("link", name="New client").click()
    page.get_by_label("Name", exact=True).fill("Our community")
    page.get_by_role("button", name="Make the client").click()
    expect(page.get_by_text("shown only this once")).to_be_visible()
    secret = page.locator(".big code").inner_text()
    page.get_by_role("link", name="I have copied it").click()

    # The worksheet, with a member who is picked from what is offered.
    expect(page.get_by_role("heading", name="Our community")).to_be_visible()
    assert secret not in page.content()
    page.get_by_label("Test member").fill("gustaw")
    expect(page.locator(f'#members-offered option[value="{MEMBER}"]')).to_be_attached()
    page.get_by_label("Test member").fill(MEMBER)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".answer")).to_contain_text('"given_name": "Gustaw"')
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    rows = [row.cells for table in docx.Document(str(file)).tables for row in table.rows]
    told = {cells[0].text: cells[1].text for cells in rows}
    assert told["Token URL"] == f"{tessera.url}/oauth/token"
    assert told["User name"] == MEMBER
    assert secret not in str(told)
    fits(page)

    # Before Higher Logic has named its callback, the self-test says what is missing.
    page.get_by_role("link", name="To the self-test").click()
    expect(page.get_by_label("Test member")).to_have_value(MEMBER)
    page.get_by_role("button", name="Start the self-test").click()
    expect(page.get_by_role("heading", name="One step fails")).to_be_visible()
    expect(page.get_by_text("No callback URL is entered.")).to_be_visible()

    page.go_back()
    page.go_back()
    security = f"{tessera.sandbox_url}/HigherLogic/Security"
    page.get_by_label("Callback URLs").fill(
        f"{security}/OAuth/Authentication.aspx\n{security}/oauth/authentication.aspx"
    )
    page.get_by_label("URLs after logout").fill(f"{security}/LoggedOut.aspx")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.get_by_role("link", name="To the self-test").click()
    expect(page.get_by_label("Test member")).to_have_value(MEMBER)
    page.get_by_role("button", name="Start the self-test").click()
    expect(page.get_by_role("heading", name=re.compile("All of it works"))).to_be_visible()
    expect(page.locator(".test-steps li.ok")).to_have_count(14)
    fits(page)


def test_settings_are_changed_with_and_without_a_script(tessera: Stack, owner: Page) -> None:
    tessera.cli(
        "group", "create", "Committee", "--type", "security",
        "--condition", '{"field": "member_status", "op": "is", "value": "Current"}',
    )  # fmt: skip
    page = owner
    page.get_by_role("link", name="Conference").click()
    expect(page.get_by_label("Add a group")).to_be_hidden()
    page.get_by_label("Members of chosen groups").check()
    page.get_by_label("Add a group").fill("comm")
    expect(page.locator('#groups-offered option[value="Committee"]')).to_be_attached()
    page.get_by_label("Add a group").fill("Committee")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Committee")).to_be_checked()
    page.get_by_role("button", name="Add a claim").click()
    page.get_by_label("Claim", exact=True).fill("level")
    page.get_by_label("Filled from").select_option(label="Member type")
    # Enter in a field saves; it does not press the first button that stands in the form.
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_text("The client is saved.")).to_be_visible()
    expect(page.get_by_label("Committee")).to_be_checked()
    expect(page.get_by_label("Claim", exact=True)).to_have_value("level")
    fits(page)
    page.get_by_label("A key of its own").check()
    page.get_by_label("Its public keys").fill('{"keys": []}')
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#jwks-error")).to_be_visible()
