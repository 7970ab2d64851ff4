"""What the panel and the command line are told."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from idp.database import db
from idp.directory import accounts
from sync import commands, connection
from sync.standing import kept, saying, status
from tests import factories
from tests.sync.conftest import (
    API_KEY,
    Statements,
    Tenant,
    member,
    members,
    push,
    row,
    synced,
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands.sync, arguments)


def test_a_groups_way_to_up_to_date(tenant: Tenant) -> None:
    people = members(4)
    factories.person()
    group = factories.group(type="security", name="Current members")
    assert saying.label(status.of_group(group)) == "Sync is off"
    from idp.directory import groups

    groups.switch_sync(group, True)
    db.session.commit()
    before = status.of_group(group)
    assert (before["state"], before["due"], before["sent"]) == ("pending", 4, 0)
    assert saying.label(before) == "Syncing: 0 of 4 sent"

    tenant.make(reject_keys={people[0].key: "No."})
    push()
    after = status.of_group(group)
    assert (after["state"], after["sent"], after["failed"]) == ("failing", 3, 1)
    assert saying.label(after) == "1 refused by Higher Logic"
    assert status.of_contact(people[0])["error"] == "No."
    assert saying.label(status.of_contact(people[0])) == "Refused by Higher Logic"

    tenant.make(reject_keys={})
    people[0].job_title = "Analyst"
    db.session.commit()
    push()
    done = status.of_group(group)
    assert saying.label(done) == "Up to date"
    assert done == status.overall()["groups"][0]
    assert dt.datetime.fromisoformat(done["last_accepted_at"]).tzinfo is not None
    assert status.of_contact(people[0])["state"] == "up_to_date"
    assert status.of_contact(people[0])["error"] == ""


def test_who_is_left_out_and_why(app: Flask) -> None:
    group = synced(selects="both")
    factories.person()
    factories.person(active=False)
    member()
    account = accounts.of_person(member())
    assert account is not None
    accounts.deactivate(account)
    factories.company(member_status="Current")
    factories.company(member_status="Current", active=False)
    db.session.commit()
    factories.person(email="")
    assert status.left_out(group) == {
        "no_account": 1,
        "no_email": 1,
        "duplicate_email": 0,
        "inactive": 2,
        "account_deactivated": 1,
    }
    assert status.of_group(group)["due"] == 2


def test_statements_do_not_grow_with_groups_or_members(app: Flask) -> None:
    def counted() -> int:
        with Statements() as statements:
            status.overall()
        return statements.number

    members(3)
    synced()
    few = counted()
    members(30)
    for _ in range(5):
        synced()
    assert counted() == few <= 10


def test_a_large_group_is_not_counted_for_every_look_at_its_page(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    members(2)
    group = synced()
    monkeypatch.setattr(kept, "LONG", 0.0)
    monkeypatch.setattr(kept, "TIMES", 1e9)
    before = status.of_group(group)
    members(1)
    assert status.of_group(group) == before
    monkeypatch.setattr(kept, "TIMES", 0)
    other = synced()
    assert status.of_group(other)["due"] == 3


def test_a_contact_that_the_feed_is_not_about(app: Flask) -> None:
    assert status.of_contact(factories.person())["state"] == "not_in_scope"


def test_the_status_command(tenant: Tenant) -> None:
    group = synced(name="Current members")
    members(2)
    found = json.loads(run("status", "--json").output)
    assert (found["state"], found["pending"], found["failed"]) == ("pending", 2, 0)
    assert (found["held"], found["accepted"], found["last_accepted_at"]) == (0, 0, None)
    assert found["groups"][0]["key"] == group.key
    push()
    assert "Up to date" in run("status").output


def test_the_push_command_pushes_everything_and_says_so(tenant: Tenant) -> None:
    synced()
    member(company=factories.company())
    tenant.make(next_responses=[{"status": 503}])
    result = run("push")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("2 accepted in 3 requests")


def test_the_push_command_fails_with_one_line(app: Flask, unused: Tenant) -> None:
    assert run("push").exit_code == 1
    assert run("push").output == (
        "Error: Higher Logic is not connected: set tenant code and API key.\n"
    )
    connection.change(base_url=unused.base, tenant_code="ACME", api_key="an-expired-key")
    db.session.commit()
    synced()
    member()
    stopped = run("push")
    assert stopped.exit_code == 1
    assert stopped.output.startswith("Error: The sync is stopped: Higher Logic refused")
    connection.change(api_key=API_KEY)
    db.session.commit()
    unused.make(failure_rate=1)
    assert "1 still pending" in run("push", "--wait", "0").output


def test_the_resend_and_reconcile_commands(tenant: Tenant) -> None:
    group = synced()
    people = members(2)
    push()
    before = row(people[0]).wanted
    assert run("resend", group.key).output == "2 contacts to be sent again\n"
    assert run("reconcile").output == (
        "0 compared: 0 differ, 0 missing, 0 orphaned; 2 pending anyway, 0 held\n"
    )
    assert row(people[0]).wanted == before + 1
    assert run("resend", "all").exit_code == 0
    assert run("resend", "nobody").output == (
        "Error: No contact and no group has the key nobody.\n"
    )


def test_every_state_has_words() -> None:
    for state in ("not_connected", "stopped", "pending", "up_to_date", "failing", "off"):
        assert saying.label({"state": state})
