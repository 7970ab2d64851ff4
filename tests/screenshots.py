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
        options = {}
        if isinstance(what, Page):
            options = {"full_page": whole}
            what.evaluate("window.scrollTo(0, 0)")
        picture = Image.open(io.BytesIO(what.screenshot(animations="disabled", **options)))
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
            FOLDER / f"{name}.png", optimize=True
        )

    return take
