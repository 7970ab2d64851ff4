"""Workers and a clock as processes: what is lost in between costs time, and no notice."""

import signal

import pytest
from flask import Flask
from redis import Redis

from idp.settings import Settings
from tests.background import process
from tests.oauth.backchannel.conftest import later, notices, sign_in_and_out
from tests.oauth.conftest import site_in
from tests.receiver import Receiver

pytestmark = pytest.mark.slow


@pytest.mark.compliance("BC1")
def test_a_worker_tells_as_soon_as_somebody_signed_out(
    app: Flask, settings: Settings, receiver: Receiver
) -> None:
    site = site_in(app, backchannel_logout_uri=receiver.url)
    with process("run_worker", settings) as worker:
        for _ in range(2):
            sign_in_and_out(site)
            assert receiver.told.acquire(timeout=30)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    assert all(notice.delivered_at for notice in notices(app))


@pytest.mark.compliance("BC5")
def test_a_worker_killed_while_it_waits_for_a_site_costs_time_only(
    app: Flask, settings: Settings, receiver: Receiver, redis_server: str
) -> None:
    """Kill -9 in the middle of a request, flush Redis: the clock finds what is due again."""
    site = site_in(app, backchannel_logout_uri=receiver.url)
    receiver.silent.set()
    with process("run_worker", settings) as worker:
        sign_in_and_out(site)
        assert receiver.told.acquire(timeout=30)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    claimed = notices(app)[0]
    assert (claimed.attempts, claimed.delivered_at) == (1, None)
    receiver.let_go.set()
    receiver.silent.clear()
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    later(app, redis_server)  # the killed worker's lease runs out
    with process("run_clock", settings) as beat, process("run_worker", settings) as worker:
        assert receiver.told.acquire(timeout=30)
        for one in (beat, worker):
            one.send_signal(signal.SIGTERM)
            assert one.wait(20) == 0
    told = notices(app)[0]
    assert told.delivered_at is not None
    assert told.attempts == 2
    assert len(receiver.tokens) == 2
    assert receiver.tokens[0] != receiver.tokens[1]
