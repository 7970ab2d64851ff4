"""Steps 2, 4 and 5 of the main job in a real browser: one story, told in order."""

import re

import pytest
from playwright.sync_api import expect

from tests.chromium import Watched, fits, sign_in
from tests.stack import OWNER, PASSWORD, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

MEMBER = "gustaw.oleszko28@example.net"
WORDS = "four unrelated words"


def test_2_staff_connect_higher_logic_and_a_group_becomes_up_to_date(
    tessera: Stack, window: Watched
) -> None:
    page = window.page()
    page.goto(tessera.url + "/panel/")
    sign_in(page, OWNER, PASSWORD)
    page.goto(tessera.url + "/panel/integrations/")
    page.get_by_label("Tenant code").fill("MADEUP")
    page.get_by_label("API key").fill(tessera.api_key)
    page.get_by_label("Base URL").fill(tessera.sandbox_url)
    page.get_by_role("button", name=re.compile("^Save")).first.click()
    expect(page.get_by_text("Your settings are saved")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connected: Higher Logic took the key")).to_be_visible()
    assert tessera.api_key not in page.content()

    page.goto(tessera.url + "/panel/groups/new")
    page.get_by_label("Name", exact=True).fill("Current members")
    expect(page.get_by_label("Field", exact=True)).to_have_value("Member status")
    page.get_by_label("Value", exact=True).fill("Current")
    expect(page.get_by_text("1,414 of them will sync")).to_be_visible()
    page.get_by_label("Group type").select_option(label="Security group")
    page.get_by_label("Sync to Higher Logic").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Higher Logic will be told of 1,414 people")).to_be_visible()
    page.get_by_role("button", name="Save and switch the sync on").click()
    expect(page.get_by_text("Up to date").first).to_be_visible(timeout=90_000)
    fits(page)

    page.goto(tessera.sandbox_url + "/admin/security-groups")
    expect(page.get_by_text("Current members")).to_be_visible()
    page.goto(tessera.sandbox_url + "/admin/sync")
    expect(page.locator("main")).to_contain_text(re.compile(r"Contacts pending refresh:\s*0"))


def test_4_a_member_signs_in_once_for_both_sites(tessera: Stack, window: Watched) -> None:
    _give_password(tessera)
    page = window.page()
    page.goto(tessera.sandbox_url)
    page.get_by_role("link", name="Sign in").first.click()
    expect(page).to_have_url(re.compile(re.escape(tessera.url) + "/sign-in"))
    sign_in(page, MEMBER, WORDS)
    expect(page).to_have_url(re.compile("^" + re.escape(tessera.sandbox_url)))
    page.goto(tessera.sandbox_url + "/profile")
    expect(page.locator("main")).to_contain_text("Gustaw Oleszko")
    expect(page.locator("main")).to_contain_text("Current members")

    page.goto(tessera.sandbox_url + "/conference/")
    page.get_by_role("link", name="Sign in").first.click()
    expect(page.get_by_text("Gustaw Oleszko").first).to_be_visible()
    expect(page).to_have_url(re.compile("^" + re.escape(tessera.sandbox_url) + "/conference"))

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/conference/signed-out(\?|$)"))
    page.goto(tessera.url + "/")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.goto(tessera.sandbox_url + "/")
    expect(page.get_by_text("Gustaw")).to_have_count(0)


def test_5_a_new_job_title_arrives_and_deactivation_ends_the_session(
    tessera: Stack, window: Watched
) -> None:
    page = window.page()
    page.goto(tessera.url + "/profile")
    sign_in(page, MEMBER, WORDS)
    page.get_by_label("Job title").fill("Minister of Silly Walks")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    fits(page)
    community = window.page()

    def arrived() -> bool:
        community.goto(tessera.sandbox_url + "/HigherLogic/Security/LoginBounce.aspx")
        community.goto(tessera.sandbox_url + "/profile")
        return "Minister of Silly Walks" in community.content()

    eventually(arrived, "the sandbox shows the title", 10)
    tessera.cli("account", "deactivate", MEMBER)
    page.goto(tessera.url + "/")
    expect(page).to_have_url(re.compile("/sign-in"))
    sign_in(page, MEMBER, WORDS)
    expect(page.get_by_text("do not belong together")).to_be_visible()


def _give_password(tessera: Stack) -> None:
    visitor = tessera.person()
    visitor.send("/forgot", email=MEMBER)
    folder = tessera.folder / "var" / "mail"
    mail = eventually(lambda: sorted(folder.glob("*.eml")) if folder.exists() else None, "a mail")
    text = mail[-1].read_text().replace("=\n", "").replace("=3D", "=")
    found = re.search(r"(/set-password/\S+)", text)
    assert found
    visitor.send(found.group(1), password=WORDS, again=WORDS)
