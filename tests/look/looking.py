"""Opening page after page, as wide as a desk's screen and as a phone, in light and in dark."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Response

from tests.look import axe_core

WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
# Where to leave a picture of every page, for somebody to look at.
PICTURES = os.environ.get("TESSERA_TEST_PICTURES")


class Looking:
    """One browser window that looks at pages and remembers what is wrong with them."""

    def __init__(self, browser: Browser, base: str, name: str, wrong: list[str]) -> None:
        self.base, self.name, self.wrong = base, name, wrong
        # What moves is seen at rest.
        self.context = browser.new_context(reduced_motion="reduce", accept_downloads=False)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.titles: dict[str, str] = {}
        self._errors: list[str] = []
        self.page.on("pageerror", lambda error: self._errors.append(str(error)))
        self.page.on(
            "console",
            lambda line: self._errors.append(line.text) if line.type == "error" else None,
        )

    def is_page(self, path: str) -> bool:
        """Whether what is there is for people: no data, no file, no part of another page."""
        answer = self.context.request.get(self.base + path, max_redirects=0)
        kind = answer.headers.get("content-type", "")
        return kind.startswith("text/html") and "<html" in answer.text()

    def look(
        self,
        path: str,
        status: int = 200,
        then: Callable[[Page], object] | None = None,
        of: str = "",
    ) -> None:
        """Open a page that answers so, do something there if asked to, and look."""
        self._errors.clear()
        self._resize("desk")
        answer = self.page.goto(self.base + path)
        assert isinstance(answer, Response)
        if answer.request.redirected_from is not None:
            self._say(path, f"leads on to {self.page.url}")
            return
        if answer.status != status:
            self._say(path, f"answers {answer.status}, not {status}")
            return
        if then is not None:
            then(self.page)
        self.look_here(of or path, status)

    def look_here(self, of: str, status: int = 200) -> None:
        """Look at the page that is open; ``of`` is what it is called in the report."""
        self._title(of)
        for width in WIDTHS:
            self._resize(width)
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                for violation in axe_core.violations(self.page, colours_only=scheme == "dark"):
                    self._say(of, f"{width}, {scheme}: {violation}")
                self._picture(of, width, scheme)
            wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                self._say(of, f"{width}: {wide} px too wide")
        for error in self._errors:
            # The answer that was asked for is no error of the page's.
            if f"status of {status} " not in error or status == 200:
                self._say(of, f"console: {error}")
        self._errors.clear()

    def _title(self, of: str) -> None:
        title = self.page.title()
        address = of.partition("?")[0].partition(" ")[0]
        if self.titles.setdefault(title, address) != address:
            self._say(of, f"has the title of {self.titles[title]}: {title}")

    def _resize(self, width: str) -> None:
        wide, high = WIDTHS[width]
        self.page.set_viewport_size({"width": wide, "height": high})

    def _picture(self, of: str, width: str, scheme: str) -> None:
        if PICTURES:
            name = re.sub(r"[^A-Za-z0-9]+", "-", of).strip("-") or "first"
            folder = Path(PICTURES) / self.name
            self.page.screenshot(path=folder / f"{name}.{width}.{scheme}.png", full_page=True)

    def _say(self, of: str, what: str) -> None:
        self.wrong.append(f"{self.name}: {of}: {what}")


@contextmanager
def looking(browser: Browser, base: str, name: str, wrong: list[str]) -> Iterator[Looking]:
    """A window for the pages at an address; what is wrong with them is added to ``wrong``."""
    window = Looking(browser, base, name, wrong)
    try:
        yield window
    finally:
        window.context.close()
