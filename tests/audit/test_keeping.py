"""What the audit keeps of an event, and for how long."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import IntegrityError

from idp import association, audit, tidying
from idp.audit import AuditEvent, Event, Noted, Who, masking, retention
from idp.database import db, now
from idp.directory.contacts import InvalidValue
from launch import background


@pytest.mark.compliance("A5")
@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *((name, True) for name in ("password", "api_key", "client_secret", "token", "API key")),
        *((name, True) for name in ("token_hash", "sealed_key", "old_password", "refresh_token")),
        *((name, False) for name in ("key", "email", "tenant_code", "access_token_format")),
        *((name, False) for name in ("id_token_signed_response_alg", "company_key", "secretary")),
    ],
)
def test_what_is_secret_is_known_by_its_name(name: str, secret: bool) -> None:
    kept = masking.kept({"changed": {name: ["", "hunter2"]}, name: {"deep": ["hunter2"]}})
    assert ("hunter2" not in json.dumps(kept)) is secret
    assert kept["changed"][name][0] == "", "that there was none before is no secret"


def test_what_is_kept_is_json_bounded_and_without_private_keys() -> None:
    kept = masking.kept(
        {
            "day": dt.date(2026, 3, 1),
            "number": Decimal("1.50"),
            "several": {"b", "a"},
            "sealed": SecretStr("hunter2"),
            "raw": b"hunter2",
            "bio": "x" * 9000,
            "many": list(range(500)),
            "jwks": {"keys": [{"kty": "RSA", "n": "public", "d": "hunter2", "p": "hunter2"}]},
        }
    )
    assert "hunter2" not in json.dumps(kept)
    assert (kept["day"], kept["number"], kept["several"]) == ("2026-03-01", "1.50", ["a", "b"])
    assert len(kept["bio"]) == masking.LONGEST_TEXT + 1
    assert kept["many"][-1] == "… and 300 more"
    assert kept["jwks"]["keys"][0]["n"] == "public"
    with pytest.raises(TypeError):
        masking.kept({"what": object()})


def test_many_events_say_the_same_as_one(app: Flask) -> None:
    with audit.acting_for(Who("pat@example.org", "pat")):
        audit.record_many(
            Event.CHANGED_BY_IMPORT,
            [Noted(f"key-{number}", {"password": "hunter2"}, "other") for number in range(1200)],
        )
        audit.record(Event.CHANGED_BY_IMPORT, "key-1", also_about="other", password="hunter2")
    db.session.commit()
    event = AuditEvent.__table__.c
    columns = (event.actor, event.actor_key, event.also_about, event.name)
    assert len(db.session.execute(select(*columns).distinct()).all()) == 1
    assert db.session.scalar(select(func.count()).select_from(AuditEvent)) == 1201
    details = db.session.scalars(select(event.detail)).all()
    assert all(detail == {"password": audit.HIDDEN} for detail in details)


def old(days: int, number: int = 1) -> None:
    for _ in range(number):
        db.session.add(
            AuditEvent(name="a:b:c", actor="x", at=now() - dt.timedelta(days=days), detail={})
        )
    db.session.commit()


def left() -> int:
    return db.session.scalar(select(func.count()).where(AuditEvent.name == "a:b:c")) or 0


@pytest.mark.compliance("A5")
def test_the_database_lets_nothing_go_before_its_time(app: Flask) -> None:
    old(729)
    for statement in (
        delete(AuditEvent),
        text("UPDATE audit_event SET name = 'x:y:z'"),
        text("UPDATE audit_event SET at = '2000-01-01 00:00:00'"),
    ):
        with pytest.raises(IntegrityError):
            db.session.execute(statement)
        db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        with pytest.raises(IntegrityError):
            db.session.execute(text("TRUNCATE audit_event"))
        db.session.rollback()
    # Whatever the association's row was made to say.
    association.change(name="Guild")
    db.session.commit()
    old(80)
    db.session.execute(text("UPDATE association SET audit_days = 1"))
    with pytest.raises(IntegrityError):
        db.session.execute(delete(AuditEvent))
    db.session.rollback()
    assert left() == 2


def test_the_clock_deletes_what_is_older_than_the_association_keeps(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(tidying, "PAUSE", 0)
    old(740, 7)
    old(400, 2)
    assert retention.tick() == 7
    assert left() == 2
    association.change(audit_days=365)
    db.session.commit()
    assert retention.run() == 2
    assert left() == 0
    changed = db.session.scalars(
        select(AuditEvent.detail).where(AuditEvent.name == Event.ASSOCIATION_CHANGED)
    ).one()
    assert changed == {"changed": {"audit_days": [730, 365]}}
    assert retention.tick in [tick.look for tick in background.TICKS]


def test_the_audit_is_kept_for_a_number_of_days_that_makes_sense(app: Flask) -> None:
    for days in (0, 89, 3651):
        with pytest.raises(InvalidValue):
            association.change(audit_days=days)
        db.session.rollback()
