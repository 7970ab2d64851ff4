"""What Prometheus is told, and whom nothing is told."""

import math
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from idp.database import db
from idp.settings import ConfigurationError, Settings, load
from sync.protocol.wire import Verdict
from sync.sent import activity
from tests.sync.conftest import Statements, Tenant, due_now, member, members, push, synced
from wsgi import create_app

TOKEN = "a token of the tests, for nobody else"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A deployment whose metrics are open to who has the token."""
    return settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})


def scrape(app: Flask, authorization: str | None = f"Bearer {TOKEN}") -> Any:
    headers = {"Authorization": authorization} if authorization is not None else {}
    return app.test_client().get("/metrics", headers=headers)


def samples(app: Flask) -> dict[str, float]:
    response = scrape(app)
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=0.0.4")
    return {
        sample.name + "".join(f"_{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


@pytest.mark.compliance("Y13")
def test_the_figures_of_this_moment(app: Flask, tenant: Tenant) -> None:
    before = samples(app)
    assert math.isnan(before["tessera_sync_last_success_age_seconds"])
    assert before["tessera_sync_connected"] == 1
    people = members(3)
    synced()
    tenant.make(reject_keys={people[0].key: "No."})
    push()
    person = member()
    found = samples(app)
    assert found["tessera_sync_pending_live"] == 1
    assert found["tessera_sync_pending_bulk"] == 0
    assert found["tessera_sync_failed"] == 1
    assert found["tessera_sync_held"] == 0
    assert found["tessera_sync_accepted_total"] == 2
    assert found["tessera_sync_requests_total_accepted"] == 2
    assert found["tessera_sync_requests_total_wrong_key"] == 0
    assert found["tessera_sync_last_success_age_seconds"] >= 0
    assert found["tessera_sync_oldest_pending_age_seconds"] >= 0
    assert (found["tessera_sync_stopped"], found["tessera_sync_breaker_open"]) == (0, 0)

    tenant.make(next_responses=[{"status": 503}])
    push()
    assert samples(app)["tessera_sync_breaker_open"] == 1
    due_now()
    tenant.make(next_responses=[{"status": 403}])
    push()
    stopped = samples(app)
    assert stopped["tessera_sync_stopped"] == 1
    assert stopped["tessera_sync_stalled_seconds"] >= 0
    assert person.key not in scrape(app).text


def test_every_web_process_says_the_same(app: Flask, settings: Settings) -> None:
    tally = activity.Tally()
    tally.count(Verdict.ACCEPTED, 7)
    tally.write()
    db.session.commit()
    here = samples(app)
    another = create_app(settings)
    assert another.test_client().get("/metrics").status_code == 401
    with another.app_context():
        there = samples(another)
        db.session.remove()
        db.engine.dispose()
    assert here["tessera_sync_accepted_total"] == there["tessera_sync_accepted_total"] == 7


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ünïcode"],
)
def test_who_has_no_token_is_told_nothing(app: Flask, authorization: str | None) -> None:
    response = scrape(app, authorization)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.data == b""


def test_a_scrape_costs_a_fixed_number_of_statements_and_writes_nothing(app: Flask) -> None:
    def counted() -> list[str]:
        with Statements() as statements:
            scrape(app)
        return statements.seen

    few = counted()
    members(30)
    synced()
    assert len(counted()) == len(few) <= 7
    assert all(statement.lstrip().startswith("SELECT") for statement in few)


def test_a_short_token_is_refused_at_start_and_none_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TESSERA_METRICS_TOKEN", "short")
    with pytest.raises(ConfigurationError, match="TSR-C15"):
        load()
    monkeypatch.setenv("TESSERA_METRICS_TOKEN", TOKEN)
    assert load().redacted()["metrics_token"] == "set"


class TestWithoutTheSetting:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"metrics_token": None})

    def test_there_is_no_such_page(self, app: Flask) -> None:
        assert scrape(app).status_code == 404
        assert scrape(app, None).status_code == 404
