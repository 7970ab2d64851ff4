"""Chromium driven by Playwright: one for each worker, since it cannot be started twice in one."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

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


@pytest.fixture(scope="session")
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
