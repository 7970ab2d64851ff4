"""The processes in the background outlive what they stand on."""

from typing import Any

import pytest
from flask import Flask
from redis import Redis

from idp import jobs
from launch import background


@pytest.mark.compliance("Y23")
def test_a_worker_waits_for_a_redis_that_is_away_when_it_starts(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = app.extensions["tessera-redis"]
    monkeypatch.setitem(app.extensions, "tessera-redis", Redis.from_url("unix:///nowhere.sock"))
    worked: list[bool] = []

    def wait(_seconds: float) -> None:
        # In the meantime it is started.
        monkeypatch.setitem(app.extensions, "tessera-redis", there)

    def work(_worker: jobs.AppWorker, **_options: Any) -> bool:
        worked.append(True)
        return True

    monkeypatch.setattr(background.time, "sleep", wait)
    monkeypatch.setattr(jobs.AppWorker, "work", work)
    background.run_worker(app)
    assert worked == [True]
