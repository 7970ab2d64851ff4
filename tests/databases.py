"""Databases of a test's own, on the tests' Postgres or as files."""

import shutil
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest


def empty(kind: str, request: pytest.FixtureRequest) -> str | None:
    """A database without any table: its address, ``None`` for SQLite in the data folder."""
    return None if kind == "sqlite" else new_database(request.getfixturevalue("postgres_server"))


def migrated(kind: str, folder: Path, request: pytest.FixtureRequest) -> str | None:
    """A copy of what the migrations make: its address, ``None`` for SQLite in ``folder``."""
    if kind == "sqlite":
        folder.mkdir()
        shutil.copy(request.getfixturevalue("migrated_sqlite"), folder / "tessera.db")
        return None
    template = request.getfixturevalue("migrated_postgres")
    return new_database(request.getfixturevalue("postgres_server"), template)


def new_database(server: str, template: str = "template0") -> str:
    """Make a database on Postgres, a copy of another or with nothing in it; its address."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY FILE_COPY"
        )
    return server.replace("/postgres?", f"/{name}?", 1)


def drop(server: str, address: str) -> None:
    """Drop a database on Postgres, whoever is connected to it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name_of(address)} WITH (FORCE)")


def name_of(address: str) -> str:
    """The name of the database at an address on Postgres."""
    return urlsplit(address).path.removeprefix("/")
