"""Deployment settings: what is generated, what is refused, each refusal with its id."""

import errno
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from idp import settings as deployment
from idp.settings import ConfigurationError

KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("TESSERA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / "var"))


def test_embedded_mode_makes_its_secrets_once_and_keeps_them_private(tmp_path: Path) -> None:
    first, second = deployment.load(), deployment.load()
    assert first.secret_key == second.secret_key
    assert first.encryption_keys == second.encryption_keys
    mode = (tmp_path / "var" / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_secrets_that_are_kept_are_read_though_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    first = deployment.load()
    monkeypatch.setattr(deployment.tempfile, "NamedTemporaryFile", full)
    assert deployment.load().secret_key == first.secret_key


def test_an_external_database_needs_secrets_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_DATABASE_URL", "postgresql://localhost/tessera")
    with pytest.raises(ConfigurationError, match="TSR-C02"):
        deployment.load()
    monkeypatch.setenv("TESSERA_SECRET_KEY", "s" * 40)
    with pytest.raises(ConfigurationError, match="TSR-C04"):
        deployment.load()
    monkeypatch.setenv("TESSERA_ENCRYPTION_KEYS", KEY)
    settings = deployment.load()
    assert settings.database_address == "postgresql+psycopg://localhost/tessera"


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("TESSERA_PORT", "eight thousand", "TSR-C01"),
        ("TESSERA_PORT", "70000", "TSR-C01"),
        ("TESSERA_SECRET_KEY", "brief", "TSR-C03"),
        ("TESSERA_ENCRYPTION_KEYS", "no key", "TSR-C05"),
        ("TESSERA_PUBLIC_URL", "tessera.example.org", "TSR-C06"),
        ("TESSERA_PUBLIC_URL", "https://tessera.example.org?x=1", "TSR-C07"),
        ("TESSERA_PUBLIC_URL", "https://example.org/tessera", "TSR-C08"),
        ("TESSERA_PUBLIC_URL", "http://tessera.example.org", "TSR-C09"),
    ],
)
def test_a_wrong_setting_is_named_with_its_id(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, id: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=id) as refused:
        deployment.load()
    if name in {"TESSERA_SECRET_KEY", "TESSERA_ENCRYPTION_KEYS"}:
        assert value not in str(refused.value)


def test_what_is_shown_of_the_settings_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_SECRET_KEY", "a-secret-" * 6)
    monkeypatch.setenv("TESSERA_REDIS_URL", "redis://:hidden@localhost")
    shown = str(deployment.load().redacted())
    assert "a-secret" not in shown
    assert "hidden" not in shown


def test_a_deep_data_folder_still_has_a_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / ("deep" * 30)))
    assert len(str(deployment.load().redis_socket)) < 108


def test_a_socket_folder_that_others_can_open_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path / ("deep" * 30)))
    folder = deployment.load().redis_socket.parent
    folder.mkdir()
    try:
        folder.chmod(0o777)
        with pytest.raises(ConfigurationError, match="TSR-C12"):
            _ = deployment.load().redis_socket
        folder.chmod(0o700)
        assert deployment.load().redis_socket.parent == folder
    finally:
        folder.rmdir()


def test_the_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    deployment.load()
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
