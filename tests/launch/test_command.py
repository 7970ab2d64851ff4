"""The ``tessera`` command: names, help, exit codes and what a script reads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from joserfc.jwk import ECKey

from launch.command import command
from tests.launch.test_every_command import leaves

pytestmark = pytest.mark.slow


class Tessera:
    """The command on a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.env = {**os.environ, "TESSERA_DATA_DIR": str(folder), "COLUMNS": "200"}

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "launch", *arguments],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def json(self, *arguments: str, stdin: str = "") -> Any:
        done = self(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str, stdin: str = "") -> str:
        done = self(*arguments, stdin=stdin)
        assert done.returncode != 0
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.stderr.strip()


@pytest.fixture(scope="module")
def tessera(tmp_path_factory: pytest.TempPathFactory) -> Tessera:
    command = Tessera(tmp_path_factory.mktemp("var"))
    assert command("db", "upgrade").returncode == 0
    return command


def test_every_command_has_help(tmp_path: Path) -> None:
    names = list(leaves(command))
    assert "group shut-out" in names
    for name in names:
        result = CliRunner().invoke(command, [*name.split(), "--help"])
        assert result.exit_code == 0, name
        assert result.output.startswith("Usage: "), name
        assert len(result.output.splitlines()) > 4, f"{name} says what it does"
    assert not list(tmp_path.iterdir()), "help needs no database"


def test_an_old_or_empty_database_is_said_in_a_line(tmp_path: Path) -> None:
    message = Tessera(tmp_path).refused("sync", "status")
    assert message == "Error: TSR-C20: The database is empty: run `tessera db upgrade` first."


def test_accounts_are_made_deactivated_and_reactivated(tessera: Tessera) -> None:
    address = "new.owner@example.org"
    weak = tessera.refused(
        "account", "create", address, "--role", "owner", "--password-stdin", stdin="short\n"
    )
    assert "at least 10 characters" in weak
    made = tessera(
        "account", "create", address, "--role", "owner", "--password-stdin",
        stdin="four unrelated words\n",
    )  # fmt: skip
    assert "owner, active" in made.stdout
    twice = tessera.refused("account", "create", address, "--role", "owner")
    assert "has an account already" in twice
    assert "last owner" in tessera.refused("account", "create", address, "--role", "member")
    assert "last owner" in tessera.refused("account", "deactivate", address)
    other = ("account", "create", "other@example.org", "--role", "owner")
    tessera(*other)
    assert "last owner" in tessera.refused("account", "deactivate", address), "invited only"
    tessera(*other, "--password-stdin", stdin="four unrelated words\n")
    assert "cannot sign in" in tessera("account", "deactivate", address.upper()).stdout
    assert "can sign in again" in tessera("account", "reactivate", address).stdout
    assert "no account" in tessera.refused("account", "deactivate", "nobody@example.org")
    assert tessera.refused("account", "create", "no address", "--role", "member")


def test_an_imported_member_can_be_given_a_password(tessera: Tessera, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Key,First Name,Email,Has Account\n1,Ada,ada@example.org,Yes\n")
    assert tessera.json("import", "people", str(file))["created"] == 1
    arguments = ("account", "create", "ADA@example.org", "--role", "member")
    given = tessera(*arguments, "--password-stdin", stdin="four unrelated words\n")
    assert "member, active" in given.stdout


def test_a_client_is_made_and_its_secret_said_once(tessera: Tessera) -> None:
    made = tessera.json(
        "client", "create", "Community", "--template", "higher-logic",
        "--redirect-uri", "https://community.example.org/HigherLogic/callback",
    )  # fmt: skip
    assert {"client_id", "client_secret"} <= set(made)
    for address in ("http://community.example.org/callback", "https://a.example/#x", "ftp://a"):
        tessera.refused("client", "create", "Bad", "--template", "oidc", "--redirect-uri", address)


def test_a_client_is_changed_and_shown(tessera: Tessera, tmp_path: Path) -> None:
    arguments = ("--template", "oidc", "--redirect-uri", "https://site.example.org/callback")
    client_id = tessera.json("client", "create", "A site", *arguments)["client_id"]
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}))
    signs = ("--authentication", "private_key_jwt", "--jwks", str(keys))
    assert tessera("client", "change", client_id, *signs).returncode == 0
    shown = tessera.json("client", "show", client_id)
    assert shown["authentication"] == "private_key_jwt"
    assert shown["redirect_uris"] == ["https://site.example.org/callback"]
    assert "no client nobody" in tessera.refused("client", "change", "nobody", "--disable")
    assert "PKCE" in tessera.refused("client", "change", client_id, "--no-pkce-required")


def test_the_association_is_set_by_name(tessera: Tessera) -> None:
    assert tessera("association", "set", "name", "Engineers").returncode == 0
    base = ("association", "set", "higher-logic.base-url")
    assert tessera(*base, "https://data.higherlogic.com").returncode == 0
    assert tessera(*base, "http://127.0.0.1:8001").returncode == 0
    assert tessera.refused(*base, "http://data.example.org")
    key = tessera("association", "set", "higher-logic.api-key", "-", stdin="very-secret-key\n")
    assert key.returncode == 0
    assert "very-secret-key" not in key.stdout + key.stderr
    assert tessera("association", "set", "higher-logic.integrate-bio", "yes").returncode == 0
    assert tessera.refused("association", "set", "higher-logic.integrate-bio", "perhaps")
    assert tessera.refused("association", "set", "shoe-size", "38")


def test_a_group_is_made_by_a_condition(tessera: Tessera) -> None:
    made = tessera.json(
        "group", "create", "Current", "--type", "security", "--key", "KEY-1",
        "--condition", '{"field": "Member Status", "op": "is", "value": "Current"}',
    )  # fmt: skip
    assert made["key"] == "KEY-1"
    assert made["sentence"] == "Member status is Current"
    for condition in ("{", "[]", '{"field": "shoe size", "op": "is", "value": "1"}'):
        message = tessera.refused(
            "group", "create", "Bad", "--type", "community", "--condition", condition
        )
        assert message.startswith("Error: ")
        assert len(message.splitlines()) == 1


def test_the_status_of_the_sync_is_what_a_script_reads(tessera: Tessera) -> None:
    status = tessera.json("sync", "status")
    assert {
        "state", "pending", "failed", "held", "accepted", "last_accepted_at", "groups"
    } <= set(status)  # fmt: skip


def test_lists_are_exported_to_a_file_or_to_the_output(tessera: Tessera, tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_text("First Name,Last Name,Email\n=Ex,Port,ex.port@example.org\n")
    assert tessera("import", "people", str(source)).returncode == 0
    file = tmp_path / "out.csv"
    done = tessera("export", "people", "--output", str(file))
    assert done.returncode == 0, done.stderr
    assert "rows written" in done.stderr
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfKey,")
    assert b"'=Ex,," in content
    assert {one.name for one in tmp_path.iterdir()} == {"people.csv", "out.csv"}
    again = tessera.json("import", "people", str(file))
    assert (again["created"], again["updated"], again["refused"]) == (0, 0, [])
    for what in ("companies", "groups", "fields", "clients", "audit", "waiting"):
        done = tessera("export", what, "--output", "-")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("\ufeff")
    assert "staff:export:made" in tessera("export", "audit", "--output", "-").stdout
    assert "no group" in tessera.refused("export", "members", "--group", "x", "--output", "-")
    assert "--group" in tessera.refused("export", "members", "--output", "-")
    assert "--group" in tessera.refused("export", "people", "--group", "x", "--output", "-")


def test_a_missing_file_is_said_in_a_line(tessera: Tessera) -> None:
    assert "does not exist" in tessera.refused("import", "people", "nowhere.csv")


def test_check_names_what_is_wrong_and_shows_no_secret(tessera: Tessera) -> None:
    done = tessera("check")
    assert done.returncode == 0, done.stderr
    assert "All is well." in done.stdout
    assert "TESSERA_SECRET_KEY=set" in done.stdout
    broken = Tessera(Path(tessera.env["TESSERA_DATA_DIR"]))
    broken.env["TESSERA_REDIS_URL"] = "redis://127.0.0.1:1/0"
    wrong = broken("check")
    assert wrong.returncode == 1
    assert "TSR-C22" in wrong.stderr


def test_keys_are_rotated(tessera: Tessera) -> None:
    assert tessera("keys", "rotate").returncode == 0


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x", "TSR-C21: The database cannot be"),
        ("DATABASE_URL", "foo", "TSR-C13: TESSERA_DATABASE_URL is"),
        ("REDIS_URL", "foo", "TSR-C14: TESSERA_REDIS_URL is"),
        ("DATA_DIR", "/proc/nowhere", "/proc/nowhere: "),
    ],
)
def test_what_the_deployment_lacks_is_said_in_a_line(
    tmp_path: Path, setting: str, value: str, says: str
) -> None:
    command = Tessera(tmp_path)
    if setting == "DATABASE_URL":
        command.env["TESSERA_SECRET_KEY"] = "s" * 48
        command.env["TESSERA_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
    command.env["TESSERA_" + setting] = value
    message = command.refused("sync", "status")
    assert message.startswith("Error: " + says)
    assert len(message.splitlines()) == 1


def test_a_setting_that_is_empty_is_one_that_is_not_set(tessera: Tessera) -> None:
    command = Tessera(Path(tessera.env["TESSERA_DATA_DIR"]))
    command.env["TESSERA_DATABASE_URL"] = ""
    assert command("sync", "status").returncode == 0
