"""An app without a server: ``openid-client`` in a page of its own, in a real browser."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.chromium import Watched
from tests.foreign.tessera import Tessera
from tests.foreign.test_openid_client import FOLDER, installed

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def app(tessera: Tessera) -> Iterator[str]:
    """The address of the app's page, the app registered; who it is stands behind the #."""
    installed()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=FOLDER)) as server:
        page = f"http://127.0.0.1:{server.server_port}/app.html"
        registered = tessera.client("app", page)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        about = {"issuer": tessera.issuer, "client_id": registered["client_id"]}
        yield f"{page}#{urlencode(about)}"
        server.shutdown()
        thread.join()


@pytest.mark.compliance("T24")
@pytest.mark.parametrize("tessera", ["sqlite"], indirect=True)
def test_an_app_in_the_page_signs_in_refreshes_and_signs_off(
    tessera: Tessera, app: str, window: Watched
) -> None:
    member = tessera.member()
    page = window.page()
    page.goto(app)
    expect(page.locator("#known")).to_contain_text("ready", timeout=30_000)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # An app is not the association's own: the member is asked.
    page.get_by_role("button", name="Allow").click()
    assert known(page, "sub") == member.key
    page.locator("#known").evaluate("shown => shown.textContent = ''")
    page.get_by_role("button", name="Ask again").click()
    assert known(page, "email") == member.email
    page.get_by_role("button", name="Sign off").click()
    assert known(page, "refused") == 401
    assert known(page, "error") == "invalid_token"


def known(page: Page, name: str) -> object:
    """What the page shows under a name, once it does."""
    expect(page.locator("#known")).to_contain_text(f'"{name}"', timeout=30_000)
    return json.loads(page.locator("#known").inner_text())[name]
