"""The whole of Tessera as real processes: web, worker, clock, sandbox, on ports of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from launch.processes import Child
from launch.redis import RedisServer
from tests.serving import free_port

SAMPLE = Path(__file__).parents[1] / "launch" / "sample"
OWNER = "owner@example.org"
STAFF = "staff@example.org"
PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def eventually(holds: Callable[[], Any], what: str, seconds: float = 60, pause: float = 0.1) -> Any:
    """Wait until something holds; fail by saying what did not."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)


class Person:
    """Somebody at a browser, as far as HTTP goes."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, path: str, **options: Any) -> requests.Response:
        """Fetch a page."""
        return self.http.get(self._url(path), timeout=30, **options)

    def send(self, page: str, to: str | None = None, **fields: Any) -> requests.Response:
        """Fetch a page and send its form, with the fields that are given."""
        shown = self.get(page)
        found = _TOKEN.search(shown.text)
        assert found, f"no form at {page} ({shown.status_code})"
        data = {"csrf_token": unescape(found.group(1)), **fields}
        return self.http.post(self._url(to) if to else shown.url, data=data, timeout=30)

    def sign_in(self, email: str, password: str = PASSWORD) -> requests.Response:
        """Sign in at Tessera."""
        return self.send("/sign-in", email=email, password=password)

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.base + path


class Stack:
    """Tessera and its sandbox, running. ``cli`` runs the ``tessera`` command against it."""

    def __init__(self, folder: Path, database_url: str | None) -> None:
        self.folder = folder
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.api_key = "key-that-higher-logic-gave-us"
        self.redis = RedisServer(folder / "redis.sock")
        self.env = {
            "TESSERA_DATA_DIR": str(folder / "var"),
            "TESSERA_PORT": str(self.port),
            "TESSERA_REDIS_URL": self.redis.address,
            "TESSERA_SECRET_KEY": "s" * 48,
            "TESSERA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "TESSERA_WEB_WORKERS": "1",
            "SANDBOX_PORT": str(self.sandbox_port),
            "SANDBOX_DATA_DIR": str(folder / "sandbox"),
            "SANDBOX_TENANT_CODE": "MADEUP",
            "SANDBOX_API_KEY": self.api_key,
            "SANDBOX_ISSUER": self.url,
        }
        if database_url is not None:
            self.env["TESSERA_DATABASE_URL"] = database_url
        self.children: dict[str, Child] = {}

    def cli(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        """Run the ``tessera`` command; its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "launch", *arguments],
            env={**os.environ, **self.env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
        )
        if check:
            assert done.returncode == 0, f"tessera {arguments}: {done.stderr}"
        else:
            assert done.returncode != 0
            return done.stderr
        return done.stdout

    def cli_json(self, *arguments: str) -> Any:
        """Run the ``tessera`` command with ``--json``."""
        return json.loads(self.cli(*arguments, "--json"))

    def prepare(self) -> None:
        """Database, the two staff logins, and the sandbox's two clients."""
        self.prepare_empty()
        security = f"{self.sandbox_url}/HigherLogic/Security"
        community = self.cli_json(
            "client", "create", "Community", "--template", "higher-logic",
            "--redirect-uri", f"{security}/OAuth/Authentication.aspx",
            "--post-logout-redirect-uri", f"{security}/LoggedOut.aspx",
            "--frontchannel-logout-uri", f"{security}/FrontChannelLogout.aspx",
        )  # fmt: skip
        conference = self.cli_json(
            "client", "create", "Conference", "--template", "oidc",
            "--redirect-uri", f"{self.sandbox_url}/conference/callback",
            "--post-logout-redirect-uri", f"{self.sandbox_url}/conference/signed-out",
            "--frontchannel-logout-uri", f"{self.sandbox_url}/conference/frontchannel-logout",
            "--backchannel-logout-uri", f"{self.sandbox_url}/conference/backchannel-logout",
        )  # fmt: skip
        for name, made in (("COMMUNITY", community), ("CONFERENCE", conference)):
            self.env[f"SANDBOX_{name}_CLIENT_ID"] = made["client_id"]
            self.env[f"SANDBOX_{name}_CLIENT_SECRET"] = made["client_secret"]

    def prepare_empty(self) -> None:
        """Database and the two staff logins: what there is before anything is set up."""
        self.cli("db", "upgrade")
        for email, role in ((OWNER, "owner"), (STAFF, "staff")):
            arguments = ("account", "create", email, "--role", role, "--password-stdin")
            self.cli(*arguments, stdin=PASSWORD + "\n")

    def start(self, *names: str) -> None:
        """Start processes: ``web``, ``worker``, ``imports``, ``clock``, ``sandbox``; all but the
        worker for imports when none is named."""
        commands = {"sandbox": ["sandbox"], "imports": ["launch", "worker", "--imports"]}
        for name in names or ("sandbox", "web", "worker", "clock"):
            arguments = ["-m", *commands.get(name, ["launch", name])]
            child = self.children[name] = Child(name, arguments, self.env)
            child.start()
        for name, address in (("web", self.url + "/sign-in"), ("sandbox", self.sandbox_url)):
            if name in (names or ("web", "sandbox")):
                eventually(lambda address=address: _answers(address), f"{name} answers")  # type: ignore[misc]

    def kill(self, name: str) -> None:
        """Kill a process outright, as a power cut would."""
        process = self.children.pop(name).process
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End every process, by its own id."""
        for child in self.children.values():
            child.ask_to_end()
        for child in self.children.values():
            child.wait(15)
        self.redis.stop()

    def person(self) -> Person:
        """Somebody new at a browser."""
        return Person(self.url)

    def control(self, path: str = "/state") -> Any:
        """What the sandbox says of itself."""
        answer = requests.get(f"{self.sandbox_url}/control{path}", timeout=30)
        return answer.json() if answer.status_code == 200 else None

    def set_control(self, **settings: Any) -> None:
        """Give the sandbox a limit, a latency or a fault."""
        answer = requests.patch(f"{self.sandbox_url}/control", json=settings, timeout=30)
        assert answer.status_code == 200, answer.text

    def group_members(self, key: str) -> set[str]:
        """The keys that the sandbox has in a group."""
        group = self.control(f"/groups/{key}")
        return set(group["members"]) if group else set()

    def sync_status(self) -> Any:
        """``tessera sync status --json``."""
        return self.cli_json("sync", "status")


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).status_code < 500
    except requests.RequestException:
        return False


@contextmanager
def running(folder: Path, database_url: str | None) -> Iterator[Stack]:
    """A stack with its database, staff and clients, all processes started."""
    stack = Stack(folder, database_url)
    try:
        stack.redis.start()
        stack.prepare()
        stack.start()
        yield stack
    finally:
        stack.stop()
