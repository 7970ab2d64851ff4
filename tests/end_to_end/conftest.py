"""A running Tessera for each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests import stack
from tests.conftest import DATABASES


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in DATABASES],
)
def tessera(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stack.Stack]:
    """All processes of Tessera on an empty database, with staff, clients and the sandbox."""
    address = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = f"whole_{request.module.__name__.rsplit('.', 1)[-1]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        address = server.replace("/postgres?", f"/{name}?", 1)
    folder: Path = tmp_path_factory.mktemp("tessera")
    with stack.running(folder, address) as running:
        yield running
