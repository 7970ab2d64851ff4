"""Clients: what they may be given, and the commands that make them."""

import json

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory.contacts import InvalidValue
from idp.oauth import clients, commands, keys, registration
from idp.oauth.clients import Client
from tests import factories

GOOD = "https://site.example.org/callback"


@pytest.mark.compliance("S01", "S03")
@pytest.mark.parametrize(
    "uri",
    [
        "http://site.example.org/cb",
        "https://site.example.org;script-src/cb",
        "https://site.example.org/cb#here",
        "https://site.example.org/cb#",
        "https://*.example.org/cb",
        "https://ada:secret@site.example.org/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.app:/cb",
        "/cb",
        "//site.example.org/cb",
        "https:///cb",
        "https://site.example.org/a b",
        "https://site.example.org/\\evil",
        "https://site.example.org/é",
        "https://site.example.org:port/",
        "https://[::1",
        "https://site.example.org/" + "x" * 2000,
        "http://127.0.0.1.example.org/",
        "",
    ],
)
def test_addresses_that_nobody_may_be_sent_to(app: Flask, uri: str) -> None:
    with app.app_context():
        with pytest.raises(InvalidValue):
            registration.create("A site", "oidc", [uri])
        if uri:
            with pytest.raises(InvalidValue):
                registration.create("A site", "oidc", [GOOD], [uri])
            with pytest.raises(InvalidValue):
                registration.create("A site", "oidc", [GOOD], [], uri)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:8001/cb", "http://localhost/cb", "http://[::1]:9/", GOOD + "?a=1"]
)
def test_addresses_that_are_fine(app: Flask, uri: str) -> None:
    with app.app_context():
        client, _ = registration.create("A site", "oidc", [uri, uri])
        assert client.redirect_uris == [uri]
        db.session.rollback()


def test_what_a_client_needs(app: Flask) -> None:
    with app.app_context():
        for arguments in (("", "oidc", [GOOD]), ("A", "saml", [GOOD]), ("A", "oidc", [])):
            with pytest.raises(InvalidValue):
                registration.create(*arguments)


@pytest.mark.compliance("S04", "S18")
def test_pkce_is_required_but_of_higher_logic(app: Flask) -> None:
    with app.app_context():
        plain, secret = registration.create("A site", "oidc", [GOOD])
        community, _ = registration.create("HL", "higher-logic", [GOOD])
        db.session.commit()
        assert plain.pkce_required
        assert not community.pkce_required
        assert plain.client_id != community.client_id
        assert len(secret) >= 43
        assert secret not in plain.secrets[0].secret_hash
        with pytest.raises(InvalidValue):
            registration.change(plain, pkce_required=False)
        registration.change(community, pkce_required=True)


@pytest.mark.compliance("S18")
def test_a_client_id_is_ours_to_choose_and_never_a_persons_key(app: Flask) -> None:
    with app.app_context():
        client, _ = registration.create("A site", "oidc", [GOOD])
        for key in (client.client_id, "client-" + "11" * 12):
            with pytest.raises(InvalidValue, match="names a client"):
                factories.person(key=key)
        assert factories.person(key="client-11").key == "client-11"
        with pytest.raises(TypeError):
            registration.create("A site", "oidc", [GOOD], client_id="mine")
        db.session.rollback()


@pytest.mark.compliance("B04")
@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", ""])
def test_no_client_has_id_tokens_without_a_signature_of_ours(app: Flask, algorithm: str) -> None:
    with app.app_context():
        client, _ = registration.create("A site", "oidc", [GOOD])
        db.session.commit()
        with pytest.raises(InvalidValue):
            registration.change(client, signing_algorithm=algorithm)
        # Nor behind the model's back.
        with pytest.raises(IntegrityError):
            db.session.execute(update(Client).values(signing_algorithm=algorithm))
        db.session.rollback()
    facts = app.test_client().get("/.well-known/openid-configuration").json
    assert algorithm not in facts["id_token_signing_alg_values_supported"]


def test_changes_are_recorded_without_secrets(app: Flask) -> None:
    with app.app_context():
        client, first = registration.create("A site", "oidc", [GOOD])
        registration.change(client, name="Another", redirect_uris=[GOOD + "2"])
        registration.change(client, name="Another")
        second = registration.new_secret(client)
        registration.change(client, active=False)
        db.session.commit()
        assert clients.find(client.client_id) is client
        assert not client.active
        rows = db.session.scalars(
            select(AuditEvent).where(AuditEvent.subject == client.client_id).order_by(AuditEvent.id)
        ).all()
        assert [row.name for row in rows] == [
            Event.CLIENT_CREATED,
            Event.CLIENT_CHANGED,
            Event.CLIENT_SECRET_CHANGED,
            Event.CLIENT_CHANGED,
        ]
        assert rows[1].detail["changed"]["name"] == ["A site", "Another"]
        assert rows[3].detail["changed"]["active"] == [True, False]
        written = json.dumps([row.detail for row in rows])
        assert first not in written
        assert second not in written
        with pytest.raises(TypeError):
            registration.change(client, client_id="mine")


def test_the_command_line(app: Flask) -> None:
    run = CliRunner()
    with app.app_context():
        made = run.invoke(
            commands.client,
            [
                *("create", "The community", "--template", "higher-logic", "--json"),
                *("--redirect-uri", GOOD, "--redirect-uri", GOOD.upper().lower() + "2"),
                *("--post-logout-redirect-uri", "https://site.example.org/bye"),
                *("--frontchannel-logout-uri", "https://site.example.org/out"),
            ],
        )
        assert made.exit_code == 0, made.output
        answer = json.loads(made.output)
        assert answer.keys() == {"client_id", "client_secret"}
        client = clients.find(answer["client_id"])
        assert client.check_client_secret(answer["client_secret"])
        assert client.redirect_uris == [GOOD, GOOD + "2"]
        assert client.frontchannel_logout_uri == "https://site.example.org/out"
        listed = run.invoke(commands.client, ["list", "--json"])
        assert answer["client_id"] in [row["client_id"] for row in json.loads(listed.output)]
        assert answer["client_secret"] not in listed.output
        assert "The community" in run.invoke(commands.client, ["list"]).output

        plain = run.invoke(
            commands.client, ["create", "X", "--template", "oidc", "--redirect-uri", GOOD]
        )
        assert plain.output.count("\n") == 2
        refused = run.invoke(
            commands.client,
            ["create", "X", "--template", "oidc", "--redirect-uri", "http://site.example.org"],
        )
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: ")
        assert refused.output.count("\n") == 1

        before = keys.current().kid
        rotated = run.invoke(commands.keys, ["rotate"])
        assert rotated.exit_code == 0
        assert rotated.output.strip() != before
        assert keys.current().kid == rotated.output.strip()
        assert db.session.scalar(select(Client).where(Client.client_id == "nobody")) is None
        db.session.remove()
