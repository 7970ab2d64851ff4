"""Chromium driven by Playwright: one for each file, since the event loop that it leaves running in
its thread would break the tests of the next file that begin a loop of their own."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# Where pictures of the pages go, for whoever wants to look at them.
PICTURES = os.environ.get("PICTURES")
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without it the browser tests are skipped, but not in CI."""
    if CHROMIUM is None:
        message = "no Chromium: Debian's package chromium brings it (`make test` as root does)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Watched:
    """A browser window whose console is watched: an error there, such as a policy that was
    violated, fails the test."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.errors: list[str] = []

    def page(self) -> Page:
        """A new page in this window."""
        page = self.context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda line: self.errors.append(line.text) if line.type == "error" else None,
        )
        return page


@pytest.fixture
def window(chromium: Browser) -> Iterator[Watched]:
    """A window of its own, as wide as a desk's screen."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    yield watched
    context.close()
    # A refused sign-in is an answer of 401, which the console calls an error.
    wrong = [line for line in watched.errors if "status of 401" not in line]
    assert wrong == []


def sign_in(page: Page, email: str, password: str) -> None:
    """Fill in the page that asks who it is, and send it."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def fits(page: Page, name: str = "") -> None:
    """No page is wider than its screen, a phone's or a desk's."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px too wide on {width} px"
        for scheme in ("light", "dark") if PICTURES and name else ():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=f"{PICTURES}/{name}-{width}-{scheme}.png", full_page=True)
