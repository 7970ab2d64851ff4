"""A running Tessera for each kind of database, shared by all the clients."""

from collections.abc import Iterator

import pytest

from tests.conftest import DATABASES
from tests.foreign.tessera import Tessera, running
from tests.stack import Person


@pytest.fixture(scope="session", params=DATABASES)
def tessera(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tessera]:
    """Tessera's web server under Granian, on a database of its own."""
    with running(tmp_path_factory.mktemp("tessera"), request.param, request) as started:
        yield started


@pytest.fixture
def browser(tessera: Tessera) -> Iterator[Person]:
    """Somebody new at a browser."""
    person = tessera.browser()
    with person.http:
        yield person
