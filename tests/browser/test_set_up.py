"""The whole set-up in a real browser, from an empty association to an open community.

The pictures of docs/set-up.md are taken on the way (``make screenshots``).
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.chromium import Watched, sign_in
from tests.screenshots import Shot
from tests.stack import OWNER, PASSWORD, SAMPLE, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

MEMBER = "gustaw.oleszko28@example.net"
PEOPLE = 60


@pytest.fixture
def tessera(tmp_path: Path) -> Iterator[Stack]:
    """All processes of Tessera with an empty directory, beside an empty tenant."""
    stack = Stack(tmp_path, None)
    try:
        stack.redis.start()
        stack.prepare_empty()
        stack.start("sandbox", "web", "worker", "imports", "clock")
        yield stack
    finally:
        stack.stop()


def logo(folder: Path) -> Path:
    """A logo's file, transparent around its shapes."""
    image = Image.new("RGBA", (640, 200), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((10, 10, 190, 190), 40, fill=(124, 45, 18, 255))
    draw.ellipse((50, 50, 150, 150), fill=(254, 215, 170, 255))
    draw.text((220, 50), "AMP", fill=(124, 45, 18, 255), font_size=110)
    file = folder / "logo.png"
    image.save(file)
    return file


def some_people(folder: Path) -> Path:
    """The first of the sample's people, as a member system would export them."""
    with (SAMPLE / "people.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[: PEOPLE + 1]
    written = folder / "people.csv"
    with written.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return written


class SetUp:
    """Staff at the checklist. ``shot`` keeps pictures when they are asked for."""

    def __init__(self, page: Page, tessera: Stack, shot: Shot) -> None:
        self.page, self.tessera, self.shot = page, tessera, shot

    def back(self, done: int) -> None:
        """To the checklist, of which so many steps are done."""
        self.page.goto(self.tessera.url + "/panel/")
        expect(self.page.get_by_text(f"{done} of 9 done")).to_be_visible()

    def begin(self, step: str, action: str) -> None:
        """Follow what the checklist says of its next step."""
        place = self.page.locator(f"li#{step}")
        expect(place).to_have_class("next")
        place.get_by_role("link", name=action).click()

    def save(self, words: str) -> None:
        """Save the page's form."""
        self.page.get_by_role("button", name="Save", exact=True).first.click()
        expect(self.page.get_by_text(words)).to_be_visible()

    def bring_in(self, kind: str, file: Path) -> None:
        """Import a file as the page suggests."""
        page = self.page
        page.goto(self.tessera.url + "/panel/imports/new")
        page.get_by_label(kind, exact=True).check()
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", name="What is in each column?")).to_be_visible()
        if kind == "People":
            self.shot(page, "import-columns")
        page.get_by_role("button", name="Check the file").last.click()
        expect(page.get_by_role("heading", name=re.compile("^Checked"))).to_be_visible(
            timeout=60_000
        )
        if kind == "People":
            self.shot(page, "import-checked")
        page.get_by_role("button", name="Start the import").click()
        expect(page.get_by_role("heading", name="Imported")).to_be_visible(timeout=60_000)


def test_from_an_empty_association_to_an_open_community(
    tessera: Stack, window: Watched, tmp_path: Path, shot: Shot
) -> None:
    page = window.page()
    page.goto(tessera.url + "/panel/")
    sign_in(page, OWNER, PASSWORD)
    staff = SetUp(page, tessera, shot)
    expect(page.get_by_text("0 of 9 done")).to_be_visible()
    shot(page, "start", whole=True)

    # 1. Name and look.
    staff.begin("look", "Enter them")
    page.get_by_label("Name", exact=True).fill("Association of Made-up Professionals")
    page.get_by_label("Colour").fill("#7c2d12")
    page.get_by_label("Time zone").select_option("America/New_York")
    staff.save("Your settings are saved")
    page.get_by_label("Picture").set_input_files(logo(tmp_path))
    page.get_by_role("button", name="Save the logo").click()
    expect(page.get_by_role("img", name="The logo of")).to_be_visible()
    shot(page, "name-and-look")
    staff.back(1)

    # 2. People and companies.
    staff.begin("people", "Import them")
    staff.bring_in("Companies", SAMPLE / "companies.csv")
    staff.bring_in("People", some_people(tmp_path))
    staff.back(2)

    # 3. API key and tenant code: first with a slip, which is said at the fields.
    staff.begin("connection", "Enter them")
    page.get_by_label("Tenant code").fill("MADEUPP")
    page.get_by_label("API key").fill(tessera.api_key)
    page.get_by_label("Base URL").fill(tessera.sandbox_url)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("does not take these two together").first).to_be_visible()
    page.get_by_label("Tenant code").fill("MADEUP")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connected: Higher Logic took the key")).to_be_visible()
    shot(page, "connection")
    staff.back(3)

    # 4. The three properties, which Higher Logic's staff have switched on.
    names = ("MembershipIntegrateBio", "IntegrateProfileImage", "IntegrateSocialMediaSites")
    tessera.set_control(properties=dict.fromkeys(names, True))
    staff.begin("properties", "Look at the switches")
    for switch in ("Biography", "Profile image", "Social media sites"):
        page.get_by_label(switch, exact=True).check()
    page.locator("#properties").scroll_into_view_if_needed()
    shot(page.locator("#properties"), "properties")
    staff.save("Your settings are saved")
    staff.back(4)

    # 5. One test contact, chosen by a part of the name; nobody else's record is sent.
    staff.begin("test-contact", "Choose who")
    page.get_by_label("Person with an account").fill("gustaw")
    expect(page.locator(f'#members-offered option[value="{MEMBER}"]')).to_be_attached()
    page.get_by_label("Person with an account").fill(MEMBER)
    page.get_by_role("button", name="Send this one").click()
    expect(page.get_by_text("Higher Logic accepted Gustaw Oleszko")).to_be_visible()
    shot(page, "test-contact")
    eventually(
        lambda: tessera.control()["contacts_pending_refresh"] == 0, "the one contact is worked in"
    )
    assert len(tessera.control("/contacts")) == 1
    page.get_by_role("link", name="Go on with the set-up").click()
    expect(page.get_by_text("5 of 9 done")).to_be_visible()

    # 6. Single sign-on: the client, the worksheet, what comes back, the self-test.
    staff.begin("sign-in", "Make the client")
    page.get_by_label("Name", exact=True).fill("Our community")
    page.get_by_role("button", name="Make the client").click()
    expect(page.get_by_text("shown only this once")).to_be_visible()
    page.get_by_role("link", name="I have copied it").click()
    shot(page, "worksheet")
    staff.back(5)
    staff.begin("sign-in", "Open the worksheet")
    security = f"{tessera.sandbox_url}/HigherLogic/Security"
    page.get_by_label("Callback URLs").fill(f"{security}/OAuth/Authentication.aspx")
    page.get_by_label("URLs after logout").fill(f"{security}/LoggedOut.aspx")
    page.get_by_role("button", name="Save", exact=True).click()
    staff.back(5)
    staff.begin("sign-in", "Run the self-test")
    page.get_by_label("Test member").fill(MEMBER)
    page.get_by_role("button", name="Start the self-test").click()
    expect(page.get_by_role("heading", name=re.compile("All of it works"))).to_be_visible()
    shot(page, "self-test")
    staff.back(6)

    # 7. Custom fields: the sync appears once the field is shown.
    staff.begin("fields", "Choose fields")
    page.get_by_role("link", name="Region", exact=True).click()
    page.get_by_label("Show in Members section").check()
    page.get_by_label("Sync to Higher Logic").check()
    page.get_by_label("Sync to Higher Logic").scroll_into_view_if_needed()
    shot(page, "custom-field")
    page.locator("p.bar").get_by_role("button", name="Save", exact=True).click()
    staff.back(7)

    # 8. The first group, with its preview.
    staff.begin("group", "Make a group")
    page.get_by_label("Name", exact=True).fill("Current members")
    expect(page.get_by_label("Field", exact=True)).to_have_value("Member status")
    page.get_by_label("Value", exact=True).fill("Current")
    expect(page.get_by_text("of them will sync")).to_be_visible()
    shot(page, "group", whole=True)
    page.get_by_label("Group type").select_option(label="Security group")
    page.get_by_label("Sync to Higher Logic").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Higher Logic will be told of")).to_be_visible()
    shot(page, "group-confirm")
    page.get_by_role("button", name="Save and switch the sync on").click()
    expect(page.get_by_text("Up to date").first).to_be_visible(timeout=60_000)
    shot(page, "group-up-to-date")
    staff.back(8)

    # 9. Launch.
    page.set_viewport_size({"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    page.set_viewport_size({"width": 1280, "height": 900})
    shot(page, "ready", whole=True)
    there = window.page()
    there.goto(tessera.sandbox_url + "/admin/sync")
    expect(there.locator("main")).to_contain_text(re.compile(r"Contacts pending refresh:\s*0"))
    shot(there, "higher-logic-pending-refresh")
    there.goto(tessera.sandbox_url + "/admin/security-groups")
    expect(there.get_by_text("Current members")).to_be_visible()
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", name="Higher Logic is up to date")).to_be_visible()
    shot(page, "overview")
