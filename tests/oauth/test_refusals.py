"""Too many refused requests of one network: they wait, and nobody else does."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.database import db
from idp.limits import limiter
from idp.oauth.pushed import PushedRequest
from tests.oauth.conftest import app_on, migrated_settings, sign_in, site_in


@pytest.fixture
def limited(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An app that counts, as the deployed one does."""
    monkeypatch.setattr(limiter, "enabled", True)
    for app in app_on(migrated_settings("sqlite", tmp_path / "var", request)):
        with app.app_context():
            limiter.reset()
        yield app


def test_what_is_refused_counts_and_what_succeeds_does_not(limited: Flask) -> None:
    site = site_in(limited)
    sign_in(limited, site.browser)
    wrong = dataclasses.replace(site, secret="not the secret")
    for _ in range(600):
        assert wrong.post("/oauth/token", {"grant_type": "refresh_token"}).status_code == 401
    answer = wrong.post("/oauth/token", {"grant_type": "refresh_token"})
    assert answer.status_code == 429
    assert answer.json["error"] == "temporarily_unavailable"
    assert answer.headers["Retry-After"] == "60"
    # The community's server, behind the same address, goes on.
    assert site.tokens()["token_type"] == "Bearer"


def test_who_proves_nothing_does_not_fill_the_database_with_requests(limited: Flask) -> None:
    phone, site = site_in(limited, "app"), site_in(limited)
    for _ in range(120):
        assert phone.post("/oauth/par", phone.parameters()).status_code == 201
    answer = phone.post("/oauth/par", phone.parameters())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    with limited.app_context():
        assert db.session.scalar(select(func.count()).select_from(PushedRequest)) == 120
    for _ in range(130):
        assert site.post("/oauth/par", site.parameters()).status_code == 201
