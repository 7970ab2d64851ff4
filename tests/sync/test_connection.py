"""What staff set of Higher Logic, and what they are told about it."""

from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from flask import Flask
from sqlalchemy import select, text

from idp import audit
from idp.database import db
from idp.directory.contacts import InvalidValue
from sync import connection
from sync.delivery import gate
from sync.protocol import wire
from tests.sync.conftest import API_KEY, TENANT, Tenant, member, push, row, synced


def events(name: audit.Event) -> list[audit.AuditEvent]:
    query = select(audit.AuditEvent).where(audit.AuditEvent.name == name.value)
    return list(db.session.scalars(query.order_by(audit.AuditEvent.id)))


def test_a_fresh_connection_has_the_defaults_and_is_not_configured(app: Flask) -> None:
    fresh = connection.get()
    assert fresh.base_url == "https://data.higherlogic.com"
    assert not fresh.configured
    assert not gate.is_open()
    assert connection.test().ok is False


def test_the_key_is_kept_encrypted_and_shown_by_its_end(app: Flask) -> None:
    connection.change(tenant_code=f" {TENANT} ", api_key=API_KEY)
    db.session.commit()
    kept = connection.get()
    assert kept.configured
    assert (kept.tenant_code, kept.api_key, kept.key_hint) == (TENANT, API_KEY, API_KEY[-4:])
    stored = db.session.execute(text("SELECT * FROM higher_logic_connection")).one()
    audited = [event.detail for event in events(audit.Event.CONNECTION_CHANGED)]
    assert API_KEY not in repr(stored) + repr(audited) + repr(kept.target())
    assert audited == [{"changed": {"api_key": ["", audit.HIDDEN], "tenant_code": ["", TENANT]}}]


def test_what_is_set_to_the_same_is_no_change(app: Flask) -> None:
    connection.change(api_key=API_KEY)
    connection.change(api_key=API_KEY)
    db.session.commit()
    assert len(events(audit.Event.CONNECTION_CHANGED)) == 1


def test_base_urls_that_are_refused(app: Flask) -> None:
    for url in (
        *("http://data.higherlogic.com", "ftp://data.higherlogic.com", "data.higherlogic.com"),
        *("https://a@data.higherlogic.com", "https://hl.example/v1", "https://hl.example?x=1"),
        *("https://hl.example#x", "https://", "https://hl.example:0", "https://hl.example:99999"),
        *("https://hl .example", "https://[", "https://" + "x" * 300, "", "https://hl.example?"),
    ):
        with pytest.raises(InvalidValue):
            connection.change(base_url=url)


def test_base_urls_that_are_taken(app: Flask) -> None:
    for given, kept in {
        "https://Data.HigherLogic.com/": "https://data.higherlogic.com",
        "http://127.0.0.1:8001": "http://127.0.0.1:8001",
        "http://[::1]:8001": "http://[::1]:8001",
    }.items():
        assert connection.change(base_url=given).base_url == kept


def test_values_that_are_refused(app: Flask) -> None:
    refused: list[dict[str, Any]] = [
        {"api_key": "two words"},
        {"api_key": "line\nbreak"},
        {"api_key": "x" * 501},
        {"tenant_code": "ÄCME"},
        {"tenant_code": "x" * 101},
        {"member_statuses": ["x" * 300]},
    ]
    for values in refused:
        with pytest.raises(InvalidValue):
            connection.change(**values)


def test_the_test_says_that_it_works(tenant: Tenant) -> None:
    outcome = connection.test()
    assert outcome.ok, outcome
    assert connection.get().last_test_ok is True
    connection.change(batch_size=50)
    assert connection.get().last_test_ok is True
    connection.change(api_key="another-key")
    untested = connection.get()
    assert (untested.last_tested_at, untested.last_test_ok) == (None, None), "not with this key"
    db.session.rollback()
    assert [event.detail["ok"] for event in events(audit.Event.CONNECTION_TESTED)] == [True]
    assert tenant.keys() == set()


def test_the_test_says_what_is_wrong(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(**values: str) -> wire.Outcome:
        connection.change(**values)
        db.session.commit()
        return connection.test()

    assert "refused the API key" in tried(api_key="another-key").message
    assert connection.get().stopped_at is not None
    assert "refused the API key" in tried(api_key=API_KEY, tenant_code="OTHER").message
    assert tried(tenant_code=TENANT).ok
    assert connection.get().stopped_at is None
    tenant.make(next_responses=[{"status": 200, "html": True}])
    assert "not its JSON" in connection.test().message
    assert "cannot be reached" in tried(base_url="http://127.0.0.1:9").message
    tls = tenant.base.replace("http://", "https://")
    assert "certificate" in tried(base_url=tls).message
    assert connection.get().last_test_ok is False


def test_a_key_that_cannot_be_decrypted_stops_the_sync_with_a_clear_reason(
    app: Flask, tenant: Tenant
) -> None:
    synced()
    member()
    app.extensions["tessera-cipher"] = MultiFernet([Fernet(Fernet.generate_key())])
    assert connection.get().key_hint == ""
    assert "enter it again" in connection.test().message
    assert push().requests == 0
    assert "TESSERA_ENCRYPTION_KEYS" in connection.get().stopped_reason
    connection.change(api_key=API_KEY)
    db.session.commit()
    assert push().accepted == 1


def test_switching_a_property_on_sends_what_it_adds(tenant: Tenant) -> None:
    tenant.make(
        properties={"MembershipIntegrateBio": True, "IntegrateSocialMediaSites": True},
    )
    synced()
    person = member(bio="Counts.", website="https://ada.example")
    push()
    assert "Bio" not in tenant.details(person.key)
    connection.change(integrate_bio=True, integrate_social_media=True)
    db.session.commit()
    assert push().accepted == 1
    assert tenant.details(person.key)["Bio"] == "Counts."
    assert tenant.details(person.key)["WebsiteUrl"] == "https://ada.example"


def test_another_tenant_is_told_everything_again(tenant: Tenant) -> None:
    synced()
    person = member()
    push()
    assert row(person).accepted_at is not None
    connection.change(base_url=tenant.base.replace("127.0.0.1", "localhost"))
    db.session.commit()
    assert row(person).accepted_at is None
    totals = push()
    assert (totals.accepted, totals.unchanged) == (1, 0)
