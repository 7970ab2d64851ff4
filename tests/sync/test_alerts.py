"""Trouble is told of by mail: once when it begins, once when it is over."""

import datetime as dt
import email
import email.policy
import smtplib
import threading
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from redis import Redis
from sqlalchemy import func, select, update

from idp import mail
from idp.database import db, now
from idp.directory import conditions, groups
from idp.directory.contacts import InvalidValue
from idp.jobs import queue
from sync import connection, ledger
from sync.sent import activity
from sync.standing import alert_mails, alerts
from sync.standing.alerts import SyncAlert
from tests import factories
from tests.sync.conftest import (
    API_KEY,
    Statements,
    Tenant,
    due_now,
    member,
    members,
    push,
    push_until_done,
    synced,
)

NOBODY = {"field": "member_status", "op": "is", "value": "Nobody"}


def look() -> int:
    """The clock looks, and a worker sends what is due."""
    told = alerts.tick()
    alert_mails.send()
    db.session.rollback()
    return told


def inbox() -> list[EmailMessage]:
    folder = Path(current_app.config["TESSERA"].data_dir) / "mail"
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(folder.glob("*.eml"))
    ]


def text_of(message: EmailMessage) -> str:
    return str(message.get_content())


def hours_pass(hours: float) -> None:
    """What happened until now happened so many hours ago."""
    by = dt.timedelta(hours=hours)
    for table, names in (
        (ledger.table, ("wanted_since",)),
        (activity.table, ("minute", "first_at", "last_at")),
        (connection.HigherLogicConnection.__table__, ("resumed_at",)),
    ):
        for row in db.session.execute(select(table)).mappings().all():
            key = [column == row[column.name] for column in table.primary_key]
            values = {name: row[name] - by for name in names if row[name] is not None}
            if values:
                db.session.execute(update(table).where(*key).values(values))  # type: ignore[arg-type]
        # One after the other, as workers lock them.
        db.session.commit()


@pytest.fixture
def told(app: Flask) -> str:
    """An owner, who is told when nobody else is named."""
    owner = factories.account(role="owner", email="owner@example.org", member_status="")
    return owner.person.email


@pytest.mark.compliance("Y13")
def test_no_success_for_hours_is_mailed_once_and_so_is_its_end(tenant: Tenant, told: str) -> None:
    synced()
    member()
    tenant.make(failure_rate=1)
    push()
    assert look() == 0
    hours_pass(5.9)
    assert look() == 0
    hours_pass(0.2)
    assert look() == 1
    for _ in range(3):
        due_now()
        push()
        hours_pass(7)
        assert look() == 0
    assert [message["To"] for message in inbox()] == [told]
    text = text_of(inbox()[0])
    assert "1 contact waits to be sent" in text
    assert "http://127.0.0.1:8000/panel/" in text
    assert API_KEY not in text

    tenant.make(failure_rate=0)
    due_now()
    push_until_done()
    assert look() == 1
    assert look() == 0
    assert "accepts again" in inbox()[1]["Subject"]
    assert "Everything that waited has been sent." in text_of(inbox()[1])
    assert len(inbox()) == 2


@pytest.mark.compliance("Y13")
def test_hours_without_anything_to_send_are_no_trouble(tenant: Tenant, told: str) -> None:
    synced()
    member()
    push()
    hours_pass(100)
    assert look() == 0
    member()
    assert look() == 0


@pytest.mark.compliance("Y19")
def test_a_refused_key_is_mailed_once(tenant: Tenant, told: str) -> None:
    synced()
    people = [member(), member()]
    tenant.make(next_responses=[{"status": 401}] * 3)
    for person in people:
        push()
        assert look() == (1 if person is people[0] else 0)
        person.job_title = "Analyst"
        db.session.commit()
    # Nor is it told beside it that nothing is accepted.
    hours_pass(50)
    assert look() == 0
    assert len(inbox()) == 1
    assert "refused our key" in inbox()[0]["Subject"]
    assert "Test connection" in text_of(inbox()[0])

    tenant.make(next_responses=[])
    connection.change(api_key=API_KEY + "x")
    connection.change(api_key=API_KEY)
    db.session.commit()
    # It was mended, and nobody is told now of the hours before.
    assert look() == 1
    assert "was mended" in inbox()[1]["Subject"]
    push_until_done()
    assert look() == 0
    assert len(inbox()) == 2


def test_removals_that_are_held_are_mailed_once_for_each_hold(tenant: Tenant, told: str) -> None:
    group = synced(name="Policy Committee")
    members(40)
    push()
    before = group.condition
    for number in (1, 3):
        groups.change(group, condition=conditions.parse(NOBODY))
        db.session.commit()
        push()
        assert look() == 1
        assert look() == 0
        begun = inbox()[number - 1]
        assert "“Policy Committee” are held back" in begun["Subject"]
        assert "40 removals" in text_of(begun)
        groups.change(group, condition=before)
        db.session.commit()
        push()
        assert look() == 1
        assert "not held back any more" in inbox()[number]["Subject"]
    assert len(inbox()) == 4


def test_removals_that_are_held_of_many_groups_at_once_are_one_mail(
    tenant: Tenant, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_mails, "MOST_LISTED", 2)
    made = [synced(name=name) for name in ("Board", "Chapter", "Council")]
    members(8)
    push()
    before = made[0].condition
    for condition, number in ((conditions.parse(NOBODY), 1), (before, 2)):
        for group in made:
            groups.change(group, condition=condition)
        db.session.commit()
        push()
        assert look() == 3
        assert look() == 0
        assert len(inbox()) == number
    begun, over = inbox()
    assert "removals from 3 groups are held back" in begun["Subject"]
    for words in (
        "- “Board”: 8 removals (nobody would be left in it)\n",
        "- “Chapter”: 8 removals",
        "- and 1 more group\n",
        "in these groups",
    ):
        assert words in text_of(begun)
    assert "“Council”" not in text_of(begun)
    assert "not held back any more" in over["Subject"]


def test_two_clocks_tell_once(app: Flask, told: str) -> None:
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.execute(update(connection.HigherLogicConnection).values(stopped_at=now()))
    db.session.commit()
    barrier = threading.Barrier(3)
    results: list[int] = []

    def clock() -> None:
        with app.app_context():
            barrier.wait()
            results.append(alerts.tick())
            db.session.remove()

    threads = [threading.Thread(target=clock) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 0, 1]
    assert db.session.scalar(select(func.count()).select_from(alert_mails.table)) == 1


def test_the_addresses_that_were_set_are_told_and_the_owners_are_not(app: Flask, told: str) -> None:
    connection.change(
        tenant_code="ACME", api_key="a-key", alert_addresses="it@example.org; ops@example.org"
    )
    db.session.execute(update(connection.HigherLogicConnection).values(stopped_at=now()))
    db.session.commit()
    look()
    assert [message["To"] for message in inbox()] == ["it@example.org", "ops@example.org"]


def test_owners_who_may_not_sign_in_are_not_told(app: Flask, told: str) -> None:
    gone = factories.account(role="owner")
    gone.deactivated_at = now()
    factories.account(role="staff")
    db.session.commit()
    assert alert_mails.addresses() == [told]


def test_a_mail_outlives_redis_and_a_mail_server_that_is_away(
    app: Flask, told: str, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.execute(update(connection.HigherLogicConnection).values(stopped_at=now()))
    db.session.commit()
    assert alerts.tick() == 1
    assert len(queue(alert_mails.QUEUE)) == 1
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    alerts.tick()
    assert len(queue(alert_mails.QUEUE)) == 1

    def away(*_: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(mail, "send", away)
    assert alert_mails.send() == {"sent": 0, "not_sent": 1}
    monkeypatch.undo()
    assert alert_mails.send() == {"sent": 0, "not_sent": 0}
    db.session.execute(update(alert_mails.table).values(due_at=now()))
    db.session.commit()
    assert alert_mails.send() == {"sent": 1, "not_sent": 0}
    assert alert_mails.send() == {"sent": 0, "not_sent": 0}
    assert len(inbox()) == 1


def test_a_mail_that_nobody_takes_for_days_is_given_up(
    app: Flask, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.execute(update(connection.HigherLogicConnection).values(stopped_at=now()))
    db.session.commit()
    alerts.tick()
    db.session.execute(update(alert_mails.table).values(created_at=now() - dt.timedelta(days=4)))
    db.session.commit()

    def away(*_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(mail, "send", away)
    assert alert_mails.send() == {"sent": 0, "not_sent": 1}
    assert db.session.scalar(select(alert_mails.table.c.due_at)) is None


def test_without_a_connection_nobody_is_told_of_anything(app: Flask, told: str) -> None:
    synced()
    member()
    hours_pass(100)
    assert look() == 0
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.commit()
    # Pending for long, but it could be sent from now on only.
    assert look() == 0


def test_a_look_that_finds_nothing_new_only_reads(app: Flask, told: str) -> None:
    with Statements() as statements:
        look()
    assert statements.number <= 12
    assert all(one.lstrip().startswith("SELECT") for one in statements.seen)


def test_what_was_over_long_ago_is_deleted_with_its_mails(app: Flask, told: str) -> None:
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.execute(update(connection.HigherLogicConnection).values(stopped_at=now()))
    db.session.commit()
    alerts.tick()
    assert alerts.tidy() == 0
    db.session.execute(update(SyncAlert).values(over_at=now() - dt.timedelta(days=91)))
    db.session.commit()
    assert alerts.tidy() == 1
    assert db.session.scalar(select(func.count()).select_from(alert_mails.table)) == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("alert_addresses", "ops@example.org, nobody", "“nobody” is no e-mail address."),
        ("alert_addresses", [f"a{n}@example.org" for n in range(11)], "At most 10"),
        ("alert_after_hours", 0, "from 1 to 168"),
        ("alert_after_hours", 169, "from 1 to 168"),
        ("alert_after_hours", "soon", "from 1 to 168"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    app: Flask, name: str, value: Any, message: str
) -> None:
    with pytest.raises(InvalidValue, match=message) as error:
        connection.change(**{name: value})
    assert error.value.field == name


def test_an_address_is_kept_once(app: Flask) -> None:
    row = connection.change(alert_addresses="Ops@example.org,\nops@EXAMPLE.org")
    assert row.alert_addresses == ["Ops@example.org"]


def test_a_name_with_line_ends_of_all_kinds_is_mailed(tenant: Tenant, told: str) -> None:
    group = synced(name="Policy\u2028Committee\u2029North")
    members(40)
    push()
    groups.change(group, condition=conditions.parse(NOBODY))
    db.session.commit()
    push()
    assert look() == 1
    (begun,) = inbox()
    assert "“Policy Committee North” are held back" in begun["Subject"]


def test_what_no_mail_can_be_made_of_holds_up_no_other(
    app: Flask, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.change(
        tenant_code="T", api_key=API_KEY, alert_addresses=["odd@example.org", "two@example.org"]
    )
    db.session.execute(
        update(connection.HigherLogicConnection).values(stopped_at=now(), stopped_reason="No.")
    )
    db.session.commit()
    send = mail.send

    def odd(to: str, subject: str, text: str) -> None:
        if to.startswith("odd"):
            raise ValueError("no header")
        send(to, subject, text)

    monkeypatch.setattr(mail, "send", odd)
    assert alerts.tick() == 1
    assert alert_mails.send() == {"sent": 1, "not_sent": 1}
    assert [message["To"] for message in inbox()] == ["two@example.org"]


def test_what_waited_and_was_refused_is_not_called_accepted(tenant: Tenant, told: str) -> None:
    synced()
    person = member()
    tenant.make(failure_rate=1, reject_keys={person.key: "No."})
    push()
    hours_pass(7)
    assert look() == 1
    tenant.make(failure_rate=0)
    due_now()
    push()
    assert look() == 1
    over = inbox()[1]
    assert "nothing waits for Higher Logic any more" in over["Subject"]
    assert "It refused 1 record" in text_of(over)
    assert "Everything that waited" not in text_of(over)
