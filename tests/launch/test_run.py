"""``tessera run``: from an empty folder to three logins, ended by Ctrl-C, gone on with."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.serving import free_port
from tests.stack import Person, eventually

pytestmark = pytest.mark.slow


class Running:
    """One `tessera run`."""

    def __init__(self, folder: Path) -> None:
        self.ports = free_port(), free_port()
        self.url, self.sandbox = (f"http://127.0.0.1:{port}" for port in self.ports)
        self.log = folder / "log"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TESSERA_")},
            "TESSERA_DATA_DIR": str(folder / "var"),
            "TESSERA_PORT": str(self.ports[0]),
            "SANDBOX_PORT": str(self.ports[1]),
        }

    def start(self) -> None:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launch", "run"], env=self.env, stdout=log, stderr=log
            )
        eventually(self._started, "Tessera runs", 90)

    def _started(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "Ctrl-C ends all of it" in self.log.read_text()

    def children(self) -> set[int]:
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True
        )
        return {int(pid) for pid in found.stdout.split()}

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0


def test_it_starts_on_nothing_serves_a_sign_in_and_goes_on_with_the_same_data(
    tmp_path: Path,
) -> None:
    running = Running(tmp_path)
    running.start()
    try:
        logins = dict(
            re.findall(r"^\s+(member|staff|owner)\s+(\S+)$", running.log.read_text(), re.M)
        )
        password = re.search(r"password: (.+)\)", running.log.read_text())
        assert password
        for email in logins.values():
            person = Person(running.url)
            assert person.sign_in(email, password.group(1)).url == running.url + "/"
        assert set(logins) == {"member", "staff", "owner"}
        owner = Person(running.url)
        owner.sign_in(logins["owner"], password.group(1))
        assert "Association of Made-up Professionals" in owner.get("/panel/").text
        assert requests.get(running.sandbox, timeout=5).status_code == 200
        children = running.children()
        assert len(children) == 6, "sandbox, web, worker, worker of imports, clock, Redis"
    finally:
        running.end()
    for child in children:
        assert not Path(f"/proc/{child}").exists(), "ended with its parent"
    running.start()
    try:
        assert "Loading the sample" not in running.log.read_text(), "once is enough"
        person = Person(running.url)
        assert person.sign_in(logins["member"], password.group(1)).url == running.url + "/"
        with pytest.raises(ProcessLookupError):
            _revived(running)
    finally:
        running.end()


def _revived(running: Running) -> None:
    """A killed worker is started again; raises ``ProcessLookupError`` for the old one."""
    listed = subprocess.run(
        ["pgrep", "-P", str(running.process.pid), "-f", "launch worker$"],
        capture_output=True,
        text=True,
    )
    worker = int(listed.stdout)
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: "starting it again" in running.log.read_text(), "the worker is back", 20)
    time.sleep(0.5)
    os.kill(worker, 0)


def test_a_taken_port_is_said_in_a_line(tmp_path: Path) -> None:
    running = Running(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", running.ports[0]))
        other.listen()
        done = subprocess.run(
            [sys.executable, "-m", "launch", "run"], env=running.env, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert re.fullmatch(r"Error: TSR-C31: Port \d+ is taken .*\n", done.stderr)


def test_ctrl_c_ends_it_while_it_loads_and_a_killed_one_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    running = Running(tmp_path)
    with running.log.open("w") as log:
        loading = subprocess.Popen(
            [sys.executable, "-m", "launch", "run"], env=running.env, stdout=log, stderr=log
        )
    eventually(lambda: (tmp_path / "var" / "sample.loading").exists(), "it loads", 60)
    loading.send_signal(signal.SIGINT)
    assert loading.wait(20) == 0
    assert "goes on where it was" in running.log.read_text()
    running.start()
    children = running.children()
    again = subprocess.run(
        [sys.executable, "-m", "launch", "run"], env=running.env, capture_output=True, text=True
    )
    assert (again.returncode, again.stderr[:15]) == (1, "Error: TSR-C33:")
    redis_server = subprocess.run(
        ["pgrep", "-P", str(running.process.pid), "-f", "redis-server"],
        capture_output=True,
        text=True,
    )
    os.kill(int(redis_server.stdout), signal.SIGKILL)
    eventually(lambda: "Redis ended (-9)" in running.log.read_text(), "Redis is back", 20)
    running.process.kill()
    running.process.wait()

    def left() -> set[int]:
        return {child for child in children if Path(f"/proc/{child}").exists()}

    eventually(lambda: not left(), "its children ended with it", 30)
    running.start()
    running.end()
