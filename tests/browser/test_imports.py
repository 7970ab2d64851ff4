"""An import in a real browser: uploaded, its columns chosen, checked, started, watched, done."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import stack
from tests.chromium import Watched, fits, sign_in
from tests.stack import PASSWORD, SAMPLE, STAFF, Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def tessera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All processes of Tessera with a worker for imports, and nobody but staff yet."""
    with stack.running(tmp_path_factory.mktemp("tessera"), None) as running:
        running.start("imports")
        yield running


def upload(page: Page, tessera: Stack, kind: str, file: Path) -> None:
    page.goto(f"{tessera.url}/panel/imports/new")
    page.get_by_label(kind, exact=True).check()
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What is in each column?")).to_be_visible()


def check(page: Page, heading: str) -> None:
    page.get_by_role("button", name="Check the file").last.click()
    expect(page.get_by_role("heading", name=re.compile(heading))).to_be_visible(timeout=60_000)


def test_from_a_file_to_a_finished_import(tessera: Stack, window: Watched, tmp_path: Path) -> None:
    page = window.page()
    page.goto(tessera.url + "/panel/imports/")
    sign_in(page, STAFF, PASSWORD)
    expect(page.get_by_role("heading", name="No imports yet")).to_be_visible()

    upload(page, tessera, "Companies", SAMPLE / "companies.csv")
    check(page, "^Checked")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Imported")).to_be_visible(timeout=60_000)

    upload(page, tessera, "People", SAMPLE / "people.csv")
    where = page.get_by_label("Where Region goes")
    expect(where).to_have_value("new")
    expect(page.get_by_label("Name of the new field").and_(page.locator(":visible"))).to_have_count(
        5
    )
    where.select_option(label="Leave it out")
    expect(page.get_by_label("Name of the new field").and_(page.locator(":visible"))).to_have_count(
        4
    )
    page.get_by_label("Keep these choices for the next time").fill("Our member system")
    fits(page)
    check(page, "^Checked")
    expect(page.locator(".numbers")).to_contain_text("2,483")
    expect(page.get_by_role("row").filter(has_text="javascript:alert(1)")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as a spreadsheet").click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 17
    fits(page)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Imported")).to_be_visible(timeout=60_000)
    fits(page)

    # The same file with a column that has gone empty asks before it takes anything away.
    with (SAMPLE / "people.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index("Member Status")
    half = tmp_path / "people-half.csv"
    with half.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [row if number == 0 else [*row[:place], "", *row[place + 1 :]]
             for number, row in enumerate(rows)]
        )  # fmt: skip
    upload(page, tessera, "People", half)
    expect(page.get_by_label("Where Region goes")).to_have_value("")
    check(page, "is this meant")
    expect(page.get_by_text("2,483 would lose their Member status")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="No, keep everything as it is").click()
    expect(page.get_by_text("Nothing was changed.")).to_be_visible()

    page.goto(tessera.url + "/panel/imports/")
    expect(page.get_by_role("row").filter(has_text="people.csv")).to_contain_text("2,483 new")
    fits(page)


def test_a_file_that_is_too_large_is_not_sent(
    tessera: Stack, window: Watched, tmp_path: Path
) -> None:
    page = window.page()
    page.goto(tessera.url + "/panel/imports/new")
    sign_in(page, STAFF, PASSWORD)
    large = tmp_path / "people.csv"
    with large.open("wb") as file:
        file.truncate(201 * 1024 * 1024)
    page.get_by_label("File", exact=True).set_input_files(large)
    expect(page.get_by_text("A file may have at most 200 MB.")).to_be_visible()
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile("/panel/imports/new$"))
