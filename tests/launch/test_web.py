"""The processes that serve."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from launch import web


@pytest.fixture
def garbage() -> Iterator[None]:
    """Whatever is set of the garbage collection ends with the test."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("garbage")
def test_what_is_there_from_the_start_is_not_looked_through_for_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TESSERA_SECRET_KEY", "s" * 48)
    monkeypatch.setenv("TESSERA_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    app = web.application()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] >= 10_000
    assert "oauth.token" in app.view_functions
