"""`python -m sandbox`: starts, serves, stops; and the settings it starts with."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.settings import Settings, SettingsError, from_environment
from sandbox.tenant import Tenant
from tests.sandbox.conftest import wait_for
from tests.sandbox.records import person
from tests.serving import free_port


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SANDBOX_")}
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        env={**inherited, **environment},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/control/state", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    port = free_port()
    process = start({"SANDBOX_PORT": str(port), "SANDBOX_DATA_DIR": str(tmp_path / "data")})
    try:
        base = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(base), 15)
        key = (tmp_path / "data" / "api-key").read_text()
        pushed = requests.post(
            f"{base}/push/v1/members",
            json={"TenantCode": "SANDBOX", "Items": [person("ada")]},
            headers={"x-api-key": key},
            timeout=10,
        )
        assert pushed.json()["success"] is True
        script = [{"drop_connection": True}]
        requests.patch(f"{base}/control", json={"next_responses": script}, timeout=10)
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{base}/push/v1/members", headers={"x-api-key": key}, timeout=10)
        assert answers(base)
    finally:
        process.send_signal(stop)
        output, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert output == f"Higher Logic sandbox: {base}\n"
    assert errors == ""
    assert not answers(base)
    for name in ("api-key", "cookie-key", "sandbox.sqlite3"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start({"SANDBOX_PORT": str(port), "SANDBOX_DATA_DIR": str(tmp_path)})
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 1
    assert errors == f"sandbox: 127.0.0.1:{port} cannot be listened on: Address already in use\n"


def test_a_data_directory_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_text("this is no database, whatever its name says")
    process = start({"SANDBOX_PORT": str(free_port()), "SANDBOX_DATA_DIR": str(tmp_path)})
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "cannot be used" in errors


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "0.0.0.0"),
        ("HOST", "example.org"),
        ("PORT", "none"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("ISSUER", "association"),
        ("TOKEN_URL", "ftp://x"),
        ("SCOPE", "a" * 2001),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"SANDBOX_{name}"):
        from_environment({f"SANDBOX_{name}": value})


def test_the_environment_says_how_to_start() -> None:
    settings = from_environment(
        {"SANDBOX_PORT": "8123", "SANDBOX_ISSUER": "https://id.example/", "SANDBOX_API_KEY": ""}
    )
    assert settings.base_url == "http://127.0.0.1:8123"
    assert settings.issuer == "https://id.example"
    assert settings.api_key == ""
    assert from_environment({}) == Settings()


def test_the_environment_gives_the_first_value_and_the_page_the_next(
    restarted: Callable[..., Any],
) -> None:
    def tenant(sandbox: Any) -> Tenant:
        found: Tenant = sandbox.app.extensions["sandbox"].tenant
        return found

    with restarted(community_client_id="one") as sandbox:
        assert tenant(sandbox).sign_in().community_client_id == "one"
        assert tenant(sandbox).sign_in().token_url == "http://127.0.0.1:8000/oauth/token"
        tenant(sandbox).set_sign_in({**tenant(sandbox).entered(), "community_client_id": "two"})
    with restarted(community_client_id="one") as sandbox:
        assert tenant(sandbox).sign_in().community_client_id == "two"
    with restarted(community_client_id="three") as sandbox:
        assert tenant(sandbox).sign_in().community_client_id == "three"
