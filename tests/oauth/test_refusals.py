"""Too many refused requests of one network: they wait, and nobody else does."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from idp.limits import limiter
from tests.oauth.conftest import app_on, settings_on, sign_in, site_in


@pytest.fixture
def limited(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An app that counts, as the deployed one does."""
    monkeypatch.setattr(limiter, "enabled", True)
    for app in app_on(settings_on("sqlite", tmp_path, request)):
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
