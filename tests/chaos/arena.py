"""Everything that a run of chaos needs, as real processes: a database, a Redis, the sandbox, two
workers and a clock; and the ways in which each of them is made to fail."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
from redis import Redis, RedisError

from idp.settings import Settings
from launch.processes import die_with_parent
from launch.redis import RedisServer
from tests.background import environment
from tests.conftest import deployment
from tests.databases import name_of
from tests.serving import free_port

ROOT = Path(__file__).parents[2]
API_KEY = "the-api-key-of-chaos"
TENANT = "CHAOS"
# A worker waits half a minute for an answer; here one of two seconds is late already.
READ_SECONDS = 2.0
PROGRAM = """
import dataclasses
import wsgi
from launch import background
from sync.protocol import transport
transport.READ_SECONDS = {seconds}
background.TICKS = [
    dataclasses.replace(tick, seconds=min(tick.seconds, {longest_tick}))
    for tick in background.TICKS
]
background.{name}(wsgi.create_app())
"""
BACKGROUND = {"worker 1": "run_worker", "worker 2": "run_worker", "clock": "run_clock"}


class Arena:
    """``settings`` are those of an app that edits; ``start`` and ``kill`` name a process.

    The clock waits for ``longest_tick`` seconds at the most, however long it would.
    """

    def __init__(
        self, folder: Path, database_address: str | None, longest_tick: float = 3600.0
    ) -> None:
        self.folder = folder
        self.longest_tick = longest_tick
        self.redis = RedisServer(folder / "redis.sock")
        self.settings: Settings = deployment(folder / "var", database_address, self.redis.address)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.http = requests.Session()
        self.http.trust_env = False
        self.ended: list[str] = []

    def start(self, name: str) -> None:
        """Start a process that does not run."""
        settings = self.settings
        if name == "sandbox":
            arguments = ["-m", "sandbox"]
            more = {
                "SANDBOX_PORT": str(self.port),
                "SANDBOX_DATA_DIR": str(self.folder / "sandbox"),
                "SANDBOX_TENANT_CODE": TENANT,
                "SANDBOX_API_KEY": API_KEY,
            }
        else:
            program = PROGRAM.format(
                name=BACKGROUND[name], seconds=READ_SECONDS, longest_tick=self.longest_tick
            )
            arguments = ["-c", program]
            more = environment(settings)
        with self._log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**os.environ, **more},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> bool:
        """Kill a process outright, as a power cut would; says whether it ran."""
        process = self.processes.pop(name, None)
        if process is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True

    def start_all(self) -> None:
        """Start whatever does not run."""
        if self.redis.process is None:
            self.redis.start()
        for name in ("sandbox", *BACKGROUND):
            if name not in self.processes:
                self.start(name)

    def revive(self) -> None:
        """Start again what ended by itself, as whoever keeps processes running does; ``ended``
        says what did, with its last words."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                words = self._log(name).read_text(errors="replace")[-2000:]
                self.ended.append(f"{name} ended by itself ({process.returncode}): {words}")
                del self.processes[name]
                self.start(name)

    def close(self) -> None:
        """End everything."""
        for name in list(self.processes):
            self.kill(name)
        self.redis.stop()
        self.http.close()

    def flush_redis(self) -> None:
        """Take everything out of Redis."""
        with contextlib.suppress(RedisError), Redis.from_url(self.redis.address) as connection:
            connection.flushall()

    def cut_database(self, seconds: float) -> None:
        """Postgres: end everybody's connection, twice. SQLite: hold the one writer's place."""
        if self.settings.database_url is None:
            path = self.settings.data_dir / "tessera.db"
            connection = sqlite3.connect(path, timeout=10, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                connection.execute("ROLLBACK")
            finally:
                connection.close()
            return
        address = self.settings.database_url.get_secret_value()
        with psycopg.connect(_plain(address), autocommit=True) as connection:
            for pause in (seconds / 2, 0.0):
                # Waited for: with the faults off, none is still on its way.
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = %s AND pid <> pg_backend_pid()",
                    [name_of(address)],
                )
                time.sleep(pause)

    def control(self, path: str = "") -> Any:
        """What the sandbox says of itself."""
        answer = self.http.get(f"{self.url}/control{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set_control(self, **settings: Any) -> None:
        """Give the sandbox faults, or take them away."""
        answer = self.http.patch(f"{self.url}/control", json=settings, timeout=30)
        assert answer.status_code == 200, answer.text

    def held(self) -> dict[str, Any]:
        """Every record that the sandbox shows, by key, once its own queue is empty."""
        eventually(lambda: self.control("/state")["contacts_pending_refresh"] == 0, "refreshed", 30)
        found = {}
        for key in self.control("/contacts"):
            record = self.control(f"/contacts/{key}")
            found[key] = {
                name: value
                for name, value in record.items()
                if name == "MemberDetails" or isinstance(value, list)
            }
        return found


def eventually(holds: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait until something holds; fail by saying what did not."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return value


def _plain(address: str) -> str:
    return address.replace("postgresql+psycopg://", "postgresql://", 1)


def _answers(arena: Arena) -> bool:
    try:
        return bool(arena.control("/state"))
    except requests.RequestException:
        return False


@contextmanager
def arena(
    folder: Path, database_address: str | None, longest_tick: float = 3600.0
) -> Iterator[Arena]:
    """An arena on a database that the migrations made, everything started."""
    made = Arena(folder, database_address, longest_tick)
    try:
        made.start_all()
        eventually(lambda: _answers(made), "the sandbox answers")
        yield made
    finally:
        made.close()
