"""Pictures for the documentation, taken by the browser tests when they are asked for.

``--screenshots`` writes them to ``docs/set-up/`` (``make screenshots``). Without it nothing is
written: a run of the tests leaves the tree as it was.
"""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

FOLDER = Path(__file__).parents[1] / "docs" / "set-up"
Shot = Callable[..., None]
# Enough for the panel's few colours, and a third of the bytes.
COLOURS = 256


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--screenshots``."""
    parser.addoption(
        "--screenshots", action="store_true", help="write the pictures of docs/set-up.md anew"
    )


@pytest.fixture
def shot(pytestconfig: pytest.Config) -> Shot:
    """Gives what keeps a picture of a page, or of a part of it, under a name."""
    wanted = pytestconfig.getoption("--screenshots")

    def take(what: Page | Locator, name: str, *, whole: bool = False) -> None:
        if not wanted:
            return
        FOLDER.mkdir(exist_ok=True)
        window = what.viewport_size if isinstance(what, Page) else None
        if isinstance(what, Page) and window is not None:
            what.evaluate("window.scrollTo(0, 0)")
            if whole:
                # A window as tall as the page: what sticks to its foot is then at the page's.
                height = what.evaluate("document.documentElement.scrollHeight")
                what.set_viewport_size({"width": window["width"], "height": height})
        picture = Image.open(io.BytesIO(what.screenshot(animations="disabled")))
        if isinstance(what, Page) and window is not None:
            what.set_viewport_size(window)
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
            FOLDER / f"{name}.png", optimize=True
        )

    return take
