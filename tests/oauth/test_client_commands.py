"""``tessera client``: making, changing and showing clients on the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.oauth import clients, commands
from idp.oauth.clients import Client
from tests import factories
from tests.oauth.signing_sites import KEYS, RSA

GOOD = "https://site.example.org/callback"
Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Iterator[Run]:
    """The command, with the app at hand as `tessera` gives it."""

    def call(*arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(commands.client, arguments, input=stdin)
        db.session.remove()
        return result

    with app.app_context():
        yield call
        db.session.remove()


@pytest.fixture
def made(run: Run) -> str:
    """The client_id of a plain client."""
    return str(
        answer(run("create", "A", "--template", "oidc", "--redirect-uri", GOOD, "--json"))[
            "client_id"
        ]
    )


@pytest.fixture
def keys_file(tmp_path: Path) -> str:
    """A file with public keys."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(KEYS))
    return str(path)


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def refused(result: Result) -> str:
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def found(client_id: str) -> Client:
    client = clients.find(client_id)
    assert client is not None
    return client


@pytest.mark.compliance("S19")
def test_a_client_that_signs_is_made_without_a_secret(run: Run, keys_file: str) -> None:
    arguments = (
        *("create", "A signer", "--template", "oidc", "--redirect-uri", GOOD),
        *("--authentication", "private_key_jwt", "--jwks", keys_file),
        *("--signing-algorithm", "ES256", "--access-token-format", "jwt"),
    )
    made = answer(run(*arguments, "--json"))
    assert made["client_secret"] is None
    client = found(made["client_id"])
    assert (client.authentication, client.secrets) == ("private_key_jwt", [])
    assert [key["kid"] for key in client.jwks["keys"]] == ["rsa", "ec"]
    assert (client.signing_algorithm, client.access_token_format) == ("ES256", "jwt")
    plain = run(*arguments)
    assert plain.output.startswith("client_id: ")
    assert plain.output.count("\n") == 1


def test_keys_come_from_standard_input_too(run: Run, made: str) -> None:
    done = run(
        *("change", made, "--authentication", "private_key_jwt", "--jwks", "-"),
        stdin=json.dumps(KEYS),
    )
    assert done.exit_code == 0, done.output
    assert len(found(made).jwks["keys"]) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[" * 5000, "no JSON"),
        ("\x80", "no JSON"),
        ("[1]", "JWK set"),
        ('{"keys": []}', "JWK set"),
        (json.dumps({"keys": [RSA.as_dict(private=True)]}), "This is a private key"),
        (" " * 65537, "larger than"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_in_a_line(
    run: Run, made: str, tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text.encode("latin-1"))
    arguments = ("--authentication", "private_key_jwt", "--jwks", str(path))
    message = refused(run("change", made, *arguments))
    assert message.startswith("Error: ")
    assert says in message
    assert message.count("\n") == 1
    assert found(made).authentication == "client_secret"
    assert RSA.as_dict(private=True)["d"] not in message


def test_what_is_not_named_stays(run: Run, made: str) -> None:
    before = answer(run("show", made, "--json"))
    assert run("change", made, "--name", "Another").exit_code == 0
    assert answer(run("show", made, "--json")) == {**before, "name": "Another"}


def test_every_setting_can_be_changed_and_shown(run: Run, made: str, keys_file: str) -> None:
    group = factories.group(name="Board of the command line", key="board-1")
    done = run(
        *("change", made, "--name", "Another"),
        *("--redirect-uri", GOOD + "1", "--redirect-uri", GOOD + "2"),
        *("--post-logout-redirect-uri", "https://site.example.org/bye"),
        *("--frontchannel-logout-uri", "https://site.example.org/out"),
        *("--backchannel-logout-uri", "https://site.example.org/told"),
        *("--pushed-required", "--consent-required", "--pkce-required"),
        *("--authentication", "private_key_jwt", "--jwks", keys_file),
        *("--signing-algorithm", "ES256", "--access-token-format", "jwt"),
        *("--permit-group", group.name, "--disable"),
    )
    assert done.exit_code == 0, done.output
    shown = answer(run("show", made, "--json"))
    expected = {
        "name": "Another",
        "active": False,
        "redirect_uris": [GOOD + "1", GOOD + "2"],
        "post_logout_redirect_uris": ["https://site.example.org/bye"],
        "frontchannel_logout_uri": "https://site.example.org/out",
        "backchannel_logout_uri": "https://site.example.org/told",
        "authentication": "private_key_jwt",
        "signing_algorithm": "ES256",
        "access_token_format": "jwt",
        "pkce_required": True,
        "pushed_required": True,
        "consent_required": True,
        "restricted": True,
        "permitted_groups": ["board-1"],
    }
    assert {name: shown[name] for name in expected} == expected
    text = run("show", made).output
    assert "name: Another\n" in text
    assert '"board-1"' in text
    recorded = select(AuditEvent).where(
        AuditEvent.subject == made, AuditEvent.name == Event.CLIENT_CHANGED
    )
    changed = db.session.scalars(recorded).one().detail["changed"]
    assert changed["signing_algorithm"] == ["RS256", "ES256"]
    assert changed["active"] == [True, False]


def test_it_can_all_be_taken_back(run: Run, made: str, keys_file: str) -> None:
    factories.group(name="Committee of the command line", key="committee-1")
    there = (
        *("--post-logout-redirect-uri", "https://site.example.org/bye"),
        *("--frontchannel-logout-uri", "https://site.example.org/out"),
        *("--permit-group", "committee-1", "--pushed-required", "--disable"),
    )
    back = (
        *("--post-logout-redirect-uri", "", "--frontchannel-logout-uri", ""),
        *("--permit-everyone", "--no-pushed-required", "--enable"),
    )
    before = answer(run("show", made, "--json"))
    for arguments in (there, back):
        assert run("change", made, *arguments).exit_code == 0
    assert answer(run("show", made, "--json")) == before


@pytest.mark.compliance("S19", "T06")
def test_who_changes_back_to_a_secret_is_given_a_new_one(
    run: Run, made: str, keys_file: str
) -> None:
    keys = ("--authentication", "private_key_jwt", "--jwks", keys_file)
    assert answer(run("change", made, *keys, "--json"))["client_secret"] is None
    assert found(made).secrets == []
    back = run("change", made, "--authentication", "client_secret")
    secret = back.output.removeprefix("client_secret: ").strip()
    assert found(made).check_client_secret(secret)
    # And with a secret of its own it is not given another.
    assert run("change", made, "--authentication", "client_secret").output == ""
    assert found(made).check_client_secret(secret)
    assert secret not in run("show", made).output


@pytest.mark.compliance("S04", "S01", "S03")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--no-pkce-required",),
        ("--redirect-uri", ""),
        ("--redirect-uri", "http://site.example.org/"),
        ("--post-logout-redirect-uri", "javascript:alert(1)"),
        ("--name", " "),
        ("--authentication", "none"),
        ("--authentication", "private_key_jwt"),
        ("--backchannel-logout-uri", "https://10.0.0.1/"),
        ("--identifier-attribute", "a b"),
        ("--permit-group", "nobody's"),
    ],
)
def test_what_a_client_cannot_be_is_refused_whole(
    run: Run, made: str, arguments: tuple[str, ...]
) -> None:
    before = answer(run("show", made, "--json"))
    message = refused(run("change", made, *arguments, "--signing-algorithm", "ES256"))
    assert message.startswith("Error: ")
    assert message.count("\n") == 1
    assert answer(run("show", made, "--json")) == before


def test_what_is_no_choice_is_a_usage_error(run: Run, made: str) -> None:
    for arguments in (
        (),
        ("--signing-algorithm", "HS256"),
        ("--signing-algorithm", "none"),
        ("--access-token-format", "saml"),
        ("--authentication", "client_secret_jwt"),
        ("--permit-everyone", "--permit-group", "x"),
        ("--jwks", "/nowhere/keys.json"),
    ):
        result = run("change", made, *arguments)
        assert result.exit_code == 2, arguments


def test_a_group_is_named_by_its_key_or_by_a_name_that_is_its_own(run: Run, made: str) -> None:
    factories.group(name="Twins", key="twin-1")
    factories.group(name="Twins", key="twin-2")
    assert "Several groups" in refused(run("change", made, "--permit-group", "Twins"))
    both = ("--permit-group", "twin-1", "--permit-group", "twin-2", "--permit-group", "twin-1")
    assert run("change", made, *both).exit_code == 0
    assert {group.key for group in found(made).permitted_groups} == {"twin-1", "twin-2"}


def test_nobody_is_changed_who_is_not_there(run: Run) -> None:
    for arguments in (("change", "nobody", "--name", "X"), ("show", "nobody")):
        assert refused(run(*arguments)) == "Error: There is no client nobody.\n"
