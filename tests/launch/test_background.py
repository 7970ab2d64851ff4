"""The processes in the background outlive what they stand on."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr
from redis import Redis
from rq import Worker

from idp import jobs
from idp.settings import Settings
from launch import background
from launch.redis import RedisServer
from tests.background import process
from tests.stack import eventually


@pytest.mark.compliance("Y23")
def test_a_worker_waits_for_a_redis_that_is_away_when_it_starts(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = app.extensions["tessera-redis"]
    monkeypatch.setitem(app.extensions, "tessera-redis", Redis.from_url("unix:///nowhere.sock"))
    worked: list[bool] = []

    def wait(_seconds: float) -> bool:
        # In the meantime it is started.
        monkeypatch.setitem(app.extensions, "tessera-redis", there)
        return False

    def work(_worker: jobs.AppWorker, **_options: Any) -> bool:
        worked.append(True)
        return True

    monkeypatch.setattr(jobs.ending, "wait", wait)
    monkeypatch.setattr(jobs.AppWorker, "work", work)
    background.run_worker(app)
    assert worked == [True]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 3.0], ids=["with it", "while it waits for it"])
def test_a_worker_that_is_asked_to_end_ends_when_redis_is_gone(
    settings: Settings, tmp_path: Path, seconds: float
) -> None:
    """`tessera run` killed outright takes both along, and nobody says which goes first."""
    with RedisServer(tmp_path / "redis.sock") as redis:
        own = settings.model_copy(update={"redis_url": SecretStr(redis.address)})
        with process("run_worker", own) as worker:
            with Redis.from_url(redis.address) as client:
                eventually(lambda: len(Worker.all(client)) == 1, "it listens", 30)
            assert redis.process
            redis.process.kill()
            redis.process.wait()
            time.sleep(seconds)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
