"""A minute of everything going wrong on Postgres, and half a one on SQLite: nothing is lost."""

import datetime as dt
from pathlib import Path

import pytest

from sync import noting
from tests import databases
from tests.chaos.arena import arena
from tests.chaos.run import run
from tests.conftest import DATABASES

pytestmark = pytest.mark.slow

# By these, who is out of use is told as in no group, and as inactive.
SEEDS = {"sqlite": 20261123, "postgres": 20261125}
SECONDS = {"sqlite": 30, "postgres": 60}


@pytest.mark.compliance("Y09", "Y20", "Y21", "Y22", "Y23")
@pytest.mark.parametrize("kind", DATABASES)
def test_nothing_is_lost_whatever_goes_wrong(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is outside of the tests.
    monkeypatch.setattr(noting, "QUIET", dt.timedelta(seconds=0.3))
    address = databases.migrated(kind, tmp_path / "var", request)
    with arena(tmp_path, address) as stage:
        report = run(stage, SEEDS[kind], SECONDS[kind])
    assert report.wrong == [], "\n".join(report.lines())
    assert report.policy == {"sqlite": "no_groups", "postgres": "inactive"}[kind]
    assert report.converged_after is not None
    assert sum(report.edits.values()) > 20
    assert report.pushes > 5
