"""Step 6 of the main job: a killed worker and a flushed Redis in the middle of the first sync."""

import time

import pytest
import redis

from tests.stack import SAMPLE, Stack, eventually

pytestmark = pytest.mark.slow

CURRENT = '{"field": "member_status", "op": "is", "value": "Current"}'
EXPECTED = 1414


@pytest.mark.compliance("Y09", "Y23")
def test_a_killed_worker_and_a_flushed_redis_lose_nothing(tessera: Stack) -> None:
    tessera.cli("import", "companies", str(SAMPLE / "companies.csv"))
    tessera.cli("import", "people", str(SAMPLE / "people.csv"))
    tessera.cli("association", "set", "higher-logic.base-url", tessera.sandbox_url)
    tessera.cli("association", "set", "higher-logic.tenant-code", "MADEUP")
    tessera.cli("association", "set", "higher-logic.api-key", "-", stdin=tessera.api_key + "\n")
    tessera.set_control(latency_ms=150)
    group = tessera.cli_json(
        "group", "create", "Current members", "--type", "security", "--condition", CURRENT, "--sync"
    )

    def pushed() -> int:
        members: int = len(tessera.group_members(group["key"]))
        return members

    eventually(lambda: pushed() > 200, "the first sync is on its way")
    tessera.kill("worker")
    with redis.Redis.from_url(tessera.redis.address) as connection:
        connection.flushall()
    before = pushed()
    assert 200 < before < EXPECTED, "it was killed in the middle"
    time.sleep(1)
    tessera.start("worker")
    eventually(lambda: tessera.sync_status()["pending"] == 0, "nothing is pending", 120, 1)
    eventually(lambda: tessera.control()["contacts_pending_refresh"] == 0, "the queue drained")
    assert pushed() == EXPECTED
    status = tessera.sync_status()
    assert (status["state"], status["failed"], status["held"]) == ("up_to_date", 0, 0)
    # a second look changes nothing: every digest is the accepted one
    requests_before = tessera.control()["requests"]
    tessera.cli("sync", "reconcile")
    eventually(lambda: tessera.sync_status()["pending"] == 0, "reconciled", 60, 0.5)
    assert tessera.control()["requests"] == requests_before
