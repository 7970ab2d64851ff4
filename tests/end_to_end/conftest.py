"""A running Tessera for each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases, stack
from tests.conftest import DATABASES


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in DATABASES],
)
def tessera(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stack.Stack]:
    """All processes of Tessera on an empty database, with staff, clients and the sandbox."""
    address = databases.empty(request.param, request)
    folder: Path = tmp_path_factory.mktemp("tessera")
    with stack.running(folder, address) as running:
        yield running
