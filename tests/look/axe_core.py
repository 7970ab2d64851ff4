"""``axe-core`` from npm: what of a page somebody cannot see, read or work without a mouse."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

SCRIPT = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
# What differs between light and dark: the rest was seen in light already.
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


@cache
def script() -> str:
    """The library; without it the tests are skipped, but not in CI."""
    if not SCRIPT.exists():
        message = "no axe-core: `make test` installs it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return SCRIPT.read_text()


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """What is wrong with the page as it is shown now: rule, element, and why."""
    if not page.evaluate("'axe' in window"):
        # The driver's own channel: the page's policy holds for the page, and stays in force.
        page.evaluate(script())
    options: dict[str, Any] = {"resultTypes": ["violations"], "elementRef": False}
    if colours_only:
        options["runOnly"] = OF_COLOURS
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{rule['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
