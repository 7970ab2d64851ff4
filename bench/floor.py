"""What nobody can go below: an empty view on the same server, a signature, a commit on disk."""

import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask

from bench import cores, load, processes
from bench.load import Connection, Refused
from bench.postgres import Cluster
from idp.settings import Settings
from tests.serving import free_port

VIEW = "one request of an empty view"
SIGNATURE = "one RS256 signature (2048 bits)"
COMMIT = {"sqlite": "one commit on SQLite", "postgres": "one commit on Postgres"}

TIMES = 1000
# About what a code or a token is as a row.
_ROW = ("x" * 43, "y" * 400)


@dataclass(frozen=True)
class Floor:
    """What doing something ``count`` times took: seconds, and CPU seconds of the servers' core."""

    count: int
    seconds: float
    cpu_seconds: float


def empty() -> Flask:
    """An app with one view that says nothing."""
    app = Flask(__name__)

    @app.get("/")
    def nothing() -> str:
        return "."

    return app


def serve() -> None:
    """Serve ``empty`` as ``tessera web`` serves Tessera."""
    from launch.web import server

    server("bench.floor:empty", Settings()).serve()


@contextmanager
def empty_view(folder: Path) -> Iterator[tuple[int, int]]:
    """The empty view, served on the core that we are on: its port and process id."""
    folder.mkdir()
    port = free_port()
    env = {**os.environ, "TESSERA_PORT": str(port), "TESSERA_WEB_WORKERS": "1"}
    arguments = [sys.executable, "-c", "from bench.floor import serve; serve()"]
    with processes.running(arguments, env, folder / "log") as pid:
        yield port, pid


async def view(port: int, pid: int, parallel: int, core: int) -> Floor:
    """The empty view, asked by ``parallel`` connections at once. Raises ``Refused``."""
    connections = [await Connection.open(port) for _ in range(parallel)]

    def asking(connection: Connection) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            answer = await connection.ask("GET", "/", "")
            if answer.body != b".":
                raise Refused(f"the empty view: {answer.status}")

        return ask

    work = [asking(connection) for connection in connections]
    measured = await load.measure(work, TIMES // parallel, {"server": pid}, core)
    for connection in connections:
        connection.close()
    return Floor(measured.count, measured.seconds, sum(measured.cpu.values()))


class Direct:
    """The floors that need no server of ours: done here, on the servers' core."""

    def __init__(self, folder: Path, cluster: Cluster | None) -> None:
        folder.mkdir()
        self._key = rsa.generate_private_key(65537, 2048)
        self._sqlite = sqlite3.connect(folder / "floor.db", isolation_level=None)
        self._sqlite.execute("PRAGMA journal_mode = WAL")
        self._sqlite.execute("PRAGMA synchronous = FULL")
        self._sqlite.execute("CREATE TABLE floor (id TEXT, payload TEXT)")
        self._roots = {} if cluster is None else {"database": cluster.pid}
        self._postgres = None
        if cluster is not None:
            self._postgres = psycopg.connect(cluster.address, autocommit=True)
            self._postgres.execute("CREATE TABLE floor (id text, payload text)")

    def close(self) -> None:
        """Close what is open."""
        self._sqlite.close()
        if self._postgres is not None:
            self._postgres.close()

    def measure(self, core: int) -> dict[str, Floor]:
        """Each of them, by name."""
        work: dict[str, Callable[[], object]] = {
            SIGNATURE: self._sign,
            COMMIT["sqlite"]: self._commit_on_sqlite,
        }
        if self._postgres is not None:
            work[COMMIT["postgres"]] = self._commit_on_postgres
        with cores.on(core):
            return {name: self._measure(once) for name, once in work.items()}

    def _measure(self, once: Callable[[], object]) -> Floor:
        before, start = cores.cpu_seconds(self._roots), time.perf_counter()
        own = time.process_time()
        for _ in range(TIMES):
            once()
        own = time.process_time() - own
        seconds = time.perf_counter() - start
        after = cores.cpu_seconds(self._roots)
        return Floor(TIMES, seconds, own + sum(after[name] - before[name] for name in before))

    def _sign(self) -> object:
        return self._key.sign(b"z" * 500, padding.PKCS1v15(), SHA256())

    def _commit_on_sqlite(self) -> object:
        return self._sqlite.execute("INSERT INTO floor VALUES (?, ?)", _ROW)

    def _commit_on_postgres(self) -> object:
        if self._postgres is None:
            raise RuntimeError("there is no Postgres")
        return self._postgres.execute("INSERT INTO floor VALUES (%s, %s)", _ROW)
