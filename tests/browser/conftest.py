"""A running Tessera for a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stack


@pytest.fixture(scope="module")
def tessera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    """All processes of Tessera, with the sample association imported."""
    folder: Path = tmp_path_factory.mktemp("tessera")
    with stack.running(folder, None) as running:
        running.cli("import", "companies", str(stack.SAMPLE / "companies.csv"))
        running.cli("import", "people", str(stack.SAMPLE / "people.csv"))
        yield running
