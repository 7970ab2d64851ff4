"""A stage for each database and module: workers and a clock as processes, a real Redis, and the
sandbox over HTTP; and an app that edits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from idp import prepared
from idp.database import db
from sync import connection
from tests import databases
from tests.chaos.arena import API_KEY, TENANT, Arena, arena
from tests.conftest import DATABASES
from tests.end_to_end.feed.watching import until_accepted
from wsgi import create_app

# What the clock does once a minute, or twice, it does here each second.
LONGEST_TICK = 1.0


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in DATABASES],
)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """Everything started, and the app connected to the sandbox."""
    folder: Path = tmp_path_factory.mktemp("feed")
    address = databases.migrated(request.param, folder / "var", request)
    with arena(folder, address, longest_tick=LONGEST_TICK) as stage:
        stage.set_control(keep_history=True, refresh_per_second=None)
        app = create_app(stage.settings)
        with app.app_context():
            connection.change(base_url=stage.url, tenant_code=TENANT, api_key=API_KEY)
            connection.change(alert_addresses="staff@example.org")
            db.session.commit()
            yield stage
            db.session.remove()
            prepared.release()
            db.engine.dispose()
    if address is not None:
        databases.drop(request.getfixturevalue("postgres_server"), address)


@pytest.fixture
def stage(running: Arena) -> Iterator[Arena]:
    """The stage, well, everything accepted; and so it is left."""
    running.set_control(next_responses=[], latency_ms=0, failure_rate=0, reject_keys={})
    running.start_all()
    connection.get().clear()
    db.session.commit()
    until_accepted()
    yield running
    db.session.rollback()
    assert running.ended == []
