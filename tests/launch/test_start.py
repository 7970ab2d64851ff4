"""A start without what it needs is refused in a line, by every process that would need it."""

import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.launch.test_command import Tessera

pytestmark = pytest.mark.slow


@pytest.fixture
def tessera(tmp_path: Path) -> Tessera:
    """A deployment that has signed something."""
    command = Tessera(tmp_path / "var")
    assert command("db", "upgrade").returncode == 0
    assert command("keys", "rotate").returncode == 0
    return command


@pytest.mark.compliance("K3")
@pytest.mark.parametrize("process", ["web", "worker", "clock", "check"])
def test_without_a_readable_signing_key_nothing_starts(tessera: Tessera, process: str) -> None:
    tessera.env["TESSERA_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
    done = tessera(process)
    assert done.returncode != 0
    assert "TSR-C10" in done.stderr
    assert "Add the old key behind the new one" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.compliance("K3")
def test_the_old_encryption_key_behind_the_new_one_mends_it(tessera: Tessera) -> None:
    import json

    kept = json.loads((Path(tessera.env["TESSERA_DATA_DIR"]) / "secrets.json").read_text())
    new = Fernet.generate_key().decode()
    tessera.env["TESSERA_ENCRYPTION_KEYS"] = ",".join([new, *kept["encryption_keys"]])
    done = tessera("check")
    assert done.returncode == 0, done.stderr


@pytest.mark.compliance("K4")
def test_no_private_key_is_readable_in_the_database_file(tessera: Tessera) -> None:
    file = Path(tessera.env["TESSERA_DATA_DIR"]) / "tessera.db"
    assert b"PRIVATE KEY" not in file.read_bytes()
    with sqlite3.connect(file) as connection:
        sealed = [row[0] for row in connection.execute("SELECT private_key FROM signing_key")]
    connection.close()
    assert len(sealed) == 2
    assert all(text.startswith("gAAAA") for text in sealed), "Fernet"


@pytest.mark.parametrize("process", ["web", "worker", "clock"])
def test_an_empty_database_is_said_by_every_process(tmp_path: Path, process: str) -> None:
    message = Tessera(tmp_path / "var").refused(process)
    assert message.startswith("Error: TSR-C20: The database is empty")
