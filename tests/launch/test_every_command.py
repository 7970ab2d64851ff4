"""Every command that changes something leaves its event in the audit, by whom it was.

The walk goes by the commands themselves: one that is neither in ``WRITES`` nor in ``READS`` fails
the test.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select, text

import wsgi
from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory.importing import ColumnMapping, Target, named
from idp.oauth import registration
from launch.command import command
from tests import factories
from tests.admin.test_every_write import collected, hold

PASSWORD, API_KEY = "a brand new passphrase", "sk-of-higher-logic-0123456789"
CONDITION = '{"field": "city", "op": "is", "value": "York"}'

# What only shows, what starts a process, and what works off what is due: nobody decides a thing
# there. ``tidy`` deletes what has expired, as the clock does; ``db upgrade`` changes the schema.
READS = {
    *("check", "clock", "run", "web", "worker", "db upgrade", "tidy"),
    *("client list", "client show", "client worksheet", "group members", "group preview"),
    *("import-mappings list", "sync held", "sync history", "sync push", "sync show"),
    *("sync status", "sync verify"),
    # It has a test of its own: it needs a server that answers.
    "client self-test",
}

# In the order in which they are run: one makes what the next one changes.
WRITES: list[tuple[str, str, Event]] = [
    ("account create", "new@example.org --role staff --password-stdin", Event.ACCOUNT_CREATED),
    ("account deactivate", "new@example.org", Event.ACCOUNT_DEACTIVATED),
    ("account reactivate", "new@example.org", Event.ACCOUNT_REACTIVATED),
    ("account role", "new@example.org reader", Event.ROLE_CHANGED),
    ("association set", "name Engineers", Event.ASSOCIATION_CHANGED),
    ("association set", "higher-logic.api-key -", Event.CONNECTION_CHANGED),
    ("client create", "Site --template oidc --redirect-uri https://a.example/cb",
     Event.CLIENT_CREATED),
    ("client change", "{client} --name Other", Event.CLIENT_CHANGED),
    ("client claims", "{client} --map level=member_type", Event.CLIENT_CHANGED),
    ("client new-secret", "{client}", Event.CLIENT_SECRET_CHANGED),
    ("client end-old-secrets", "{client}", Event.CLIENT_SECRET_CHANGED),
    ("company deactivate", "acme", Event.CONTACT_DEACTIVATED),
    ("company reactivate", "acme", Event.CONTACT_REACTIVATED),
    ("company merge", "acme apex", Event.CONTACT_MERGED),
    ("person deactivate", "ada", Event.CONTACT_DEACTIVATED),
    ("person reactivate", "ada", Event.CONTACT_REACTIVATED),
    ("person merge", "ada bob", Event.CONTACT_MERGED),
    ("export", "people --output {folder}/people.csv", Event.EXPORTED),
    ("group create", "New --type community --condition '{condition}'", Event.GROUP_CREATED),
    ("group add", "board ada --role Chair", Event.MEMBER_ADDED),
    ("group remove", "board ada", Event.MEMBER_REMOVED),
    ("group shut-out", "board ada", Event.MEMBER_SHUT_OUT),
    ("group let-in", "board ada", Event.MEMBER_LET_IN),
    ("import", "people {folder}/new.csv", Event.CHANGED_BY_IMPORT),
    ("import", "people {folder}/new.csv --column City=city", Event.IMPORTED),
    ("import-mappings delete", "people Ours", Event.MAPPING_DELETED),
    ("keys rotate", "", Event.KEYS_ROTATED),
    ("sync allow", "board", Event.REMOVALS_ALLOWED),
    ("sync refuse", "board", Event.REMOVALS_REFUSED),
    ("sync reconcile", "", Event.RECONCILED),
    ("sync resend", "all", Event.RESENT),
]  # fmt: skip


def leaves(one: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of the commands below one."""
    if isinstance(one, click.Group):
        for name, part in one.commands.items():
            yield from leaves(part, (*path, name))
    else:
        yield " ".join(path)


@pytest.mark.compliance("A5")
def test_every_command_leaves_its_event_and_no_secret(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(leaves(command)) == {name for name, _arguments, _event in WRITES} | READS
    monkeypatch.setattr(wsgi, "create_app", lambda: app)
    made = collected(monkeypatch)
    factories.account(role="owner", email="owner@example.org")
    factories.person(key="ada", city="Bath")
    factories.person(key="bob")
    factories.company(key="acme")
    factories.company(key="apex")
    factories.group(key="board")
    client, _secret = registration.create("HL", "oidc", ["https://hl.example/cb"])
    named.save("Ours", ColumnMapping("people", {"Name": Target("field", "last_name")}))
    client_id = client.client_id
    db.session.commit()
    (tmp_path / "new.csv").write_text("Key,First Name,City\nada,Ada,York\n")
    silent = []
    for name, arguments, event in WRITES:
        before = db.session.scalar(select(func.max(AuditEvent.id))) or 0
        db.session.rollback()
        if name in {"sync allow", "sync refuse"}:
            hold()
        given = arguments.replace("{client}", client_id).replace("{folder}", str(tmp_path))
        given = given.replace("{condition}", CONDITION)
        secret = API_KEY if "api-key" in given else PASSWORD
        result = CliRunner().invoke(command, f"{name} {given}", input=f"{secret}\n")
        left = db.session.execute(
            select(AuditEvent.name, AuditEvent.actor).where(AuditEvent.id > before)
        ).all()
        db.session.rollback()
        mine = [row.actor for row in left if row.name == event.value]
        if not mine or not all(actor.startswith("command line") for actor in mine):
            silent.append((name, result.output, repr(result.exception), left))
    assert silent == []
    kept = text("SELECT actor, subject, also_about, detail FROM audit_event")
    everything = [str(tuple(row)) for row in db.session.execute(kept)]
    assert [
        (row, one) for row in everything for one in {PASSWORD, API_KEY, *made} if one in row
    ] == []
