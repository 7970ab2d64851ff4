"""A real sandbox on a free port of loopback, and a caller that knows its API."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.app import create_app
from sandbox.services import EXTENSION
from sandbox.settings import Settings
from tests.sandbox.association import SECRET, Association, running_association
from tests.serving import free_port, serving

API_KEY = "the-api-key"
TENANT = "ACME"


@dataclass
class Sandbox:
    """A running sandbox as its callers see it."""

    base: str
    app: Any

    def push(
        self, *items: Any, key: str = API_KEY, tenant: Any = TENANT, **more: Any
    ) -> requests.Response:
        return requests.post(
            f"{self.base}/push/v1/members",
            json={"TenantCode": tenant, "Items": list(items), **more},
            headers={"x-api-key": key},
            timeout=10,
        )

    def push_body(self, body: bytes, content_type: str = "application/json") -> requests.Response:
        return requests.post(
            f"{self.base}/push/v1/members",
            data=body,
            headers={"x-api-key": API_KEY, "Content-Type": content_type},
            timeout=10,
        )

    def taken(self, *items: Any) -> None:
        """Pushes, expects success, and waits until the tenant shows it."""
        response = self.push(*items)
        assert response.json() == {"success": True, "count": len(items), "errorMessage": ""}
        self.settle()

    def refused(self, *items: Any) -> str:
        """Pushes, expects a refusal that took nothing, and returns what was said."""
        before = self.control("/state")["accepted_records"]
        response = self.push(*items)
        answer = response.json()
        assert response.status_code == 200
        assert answer["success"] is False
        assert answer["count"] == 0
        assert self.control("/state")["accepted_records"] == before
        return str(answer["errorMessage"])

    def settle(self) -> None:
        wait_for(lambda: self.control("/state")["contacts_pending_refresh"] == 0)

    def control(self, path: str = "") -> Any:
        response = requests.get(f"{self.base}/control{path}", timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    def set(self, **changes: Any) -> Any:
        response = requests.patch(f"{self.base}/control", json=changes, timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    def contact(self, key: str) -> Any:
        return self.control(f"/contacts/{key}")

    def submit(self, browser: requests.Session, path: str, **fields: Any) -> requests.Response:
        """Fills a form of a page in and sends it, with the page's CSRF token."""
        page = browser.get(self.base + path, timeout=10)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token is not None
        return browser.post(self.base + path, data={"csrf_token": token[1], **fields}, timeout=10)


def wait_for(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@contextmanager
def running(settings: Settings) -> Iterator[Sandbox]:
    app = create_app(settings)
    try:
        with serving(app, settings.port):
            yield Sandbox(settings.base_url, app)
    finally:
        app.extensions[EXTENSION].close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        port=free_port(), data_dir=tmp_path / "sandbox", tenant_code=TENANT, api_key=API_KEY
    )


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests of a module that leave it as it is."""
    folder = tmp_path_factory.mktemp("sandbox")
    with running(
        Settings(port=free_port(), data_dir=folder, tenant_code=TENANT, api_key=API_KEY)
    ) as started:
        yield started


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[Sandbox]:
    with running(settings) as started:
        yield started


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def restarted(settings: Settings) -> Callable[..., Any]:
    """Starts a sandbox on the data directory of the test, as often as it likes."""
    return lambda **changes: running(replace(settings, **changes))


@pytest.fixture
def association() -> Iterator[Association]:
    """The identity provider that the sites of a sandbox sign in at."""
    with running_association() as started:
        yield started


@pytest.fixture
def conference(association: Association, restarted: Callable[..., Any]) -> Iterator[Sandbox]:
    """A sandbox whose second site is a client of the association."""
    with restarted(
        issuer=association.issuer,
        conference_client_id="conference",
        conference_client_secret=SECRET,
    ) as started:
        yield started


def attends(conference: Sandbox, browser: requests.Session) -> bool:
    """Whether a browser is signed in at the second site."""
    return "Your pass" in browser.get(f"{conference.base}/conference/", timeout=10).text
