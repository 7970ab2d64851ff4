"""What is kept of each push, for how long, and what is never in it."""

import datetime as dt
import zlib
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update

from idp import tidying
from idp.database import db, now
from idp.directory import fields, merging
from idp.directory.contacts import Contact, InvalidValue
from sync import connection, noting, tidy
from sync.protocol import transport
from sync.sent import history, packing
from tests.sync.conftest import (
    API_KEY,
    TENANT,
    Tenant,
    due_now,
    member,
    members,
    push,
    row,
    synced,
)


def kept(contact: Contact | None = None) -> list[Any]:
    """The rows of the history, the oldest first."""
    query = select(history.table).order_by(history.table.c.id)
    if contact is not None:
        query = query.where(history.table.c.contact_id == contact.id)
    found = db.session.execute(query).all()
    db.session.rollback()
    return list(found)


def age(days: float, *conditions: Any) -> None:
    """What was sent was sent longer ago."""
    by = now() - dt.timedelta(days=days)
    db.session.execute(update(history.table).where(*conditions).values(first_at=by, last_at=by))
    db.session.commit()


def test_an_acceptance_is_kept_with_what_was_sent(tenant: Tenant) -> None:
    synced(name="Current members")
    first, second = members(2)
    before = now()
    push()
    one, other = kept()
    assert (one.contact_id, other.contact_id) == (first.id, second.id)
    assert (one.code, one.batch_size, one.tries) == ("accepted", 2, 1)
    assert before <= one.first_at == one.last_at <= now()
    assert one.milliseconds >= 0
    found = history.accepted_last(first)
    assert found is not None
    item = history.item_of(found)
    assert item["MemberDetails"] == tenant.details(first.key)
    assert [group["GroupName"] for group in item["SecurityGroups"]] == ["Current members"]


def test_what_is_unchanged_leaves_no_row(tenant: Tenant) -> None:
    synced()
    members(3)
    push()
    noting.note_everything()
    db.session.commit()
    push()
    assert len(kept()) == 3


@pytest.mark.compliance("Y04", "Y05")
def test_of_a_halved_batch_the_single_refusals_and_the_acceptances_are_kept(
    tenant: Tenant,
) -> None:
    people = members(100)
    tenant.make(reject_keys={people[13].key: "Thirteen is bad."})
    synced()
    totals = push()
    assert totals.requests > 2
    assert len(kept()) == 100
    (refused,) = kept(people[13])
    assert (refused.code, refused.words) == ("refused", "Thirteen is bad.")
    assert refused.batch_size == 1
    assert history.item_of(refused)["MemberDetails"]["LegacyContactKey"] == people[13].key
    assert history.accepted_last(people[13]) is None


def test_an_outage_is_one_row_however_often_it_is_tried(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    person = member()

    def away(*_: Any) -> Any:
        raise transport.NoAnswer("Higher Logic did not answer in time.")

    with monkeypatch.context() as patched:
        patched.setattr(transport, "post", away)
        for _ in range(20):
            push()
            due_now()
    (outage,) = kept(person)
    assert (outage.code, outage.tries) == ("no_answer", 20)
    assert outage.first_at < outage.last_at == row(person).last_pushed_at
    due_now()
    push()
    assert [one.code for one in kept(person)] == ["no_answer", "accepted"]


def test_the_same_refusal_is_counted_and_another_record_is_another_row(tenant: Tenant) -> None:
    synced()
    person = member()
    tenant.make(reject_keys={person.key: "No."})
    for _ in range(3):
        push()
        due_now()
    person.job_title = "Analyst"
    db.session.commit()
    push()
    assert [(one.code, one.tries) for one in kept(person)] == [("refused", 3), ("refused", 1)]


@pytest.mark.compliance("Y19")
def test_a_refused_key_is_in_the_history_once(tenant: Tenant) -> None:
    synced()
    person = member()
    connection.change(api_key="the-wrong-one")
    db.session.commit()
    push()
    push()
    (only,) = kept(person)
    assert (only.code, only.tries) == ("wrong_key", 1)


@pytest.mark.compliance("Y04")
def test_no_secret_and_no_unsynced_field_is_in_the_history(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = fields.create("Blood type", "text")
    shown = fields.create("Region", "text", in_members_section=True, sync=True)
    person = member()
    fields.set_value(person, secret, "AB-negative")
    fields.set_value(person, shown, "Northeast")
    synced()
    db.session.commit()
    push()
    # And where the far side says the key aloud.
    monkeypatch.setattr(
        transport,
        "post",
        lambda *_: transport.Response(
            200, {}, b'{"success": false, "errorMessage": "%s is no good"}' % API_KEY.encode()
        ),
    )
    person.job_title = "Analyst"
    db.session.commit()
    push()
    assert [one.words for one in kept(person)][-1] == "[the API key] is no good"
    assert "AB-negative" not in everything()
    assert "Northeast" in everything()
    for secret_word in (API_KEY, connection.get().sealed_key, "x-api-key"):
        assert secret_word not in everything("ledger", "audit_event")
    # That it was entered, and by whom, is in the audit.
    assert f'"{TENANT}"' not in everything("ledger")


def everything(*more: str) -> str:
    """All that the history holds, and more tables, as text."""
    held = [str(history.item_of(one)) + str(tuple(one)) for one in kept()]
    for name in more:
        held += [str(tuple(one)) for one in db.session.execute(text(f"SELECT * FROM {name}"))]
    db.session.rollback()
    return "\n".join(held)


def test_the_history_goes_with_the_contact(tenant: Tenant) -> None:
    synced()
    person, other = members(2)
    push()
    contact = Contact.__table__
    db.session.execute(text("DELETE FROM account WHERE person_id = :id"), {"id": person.id})
    db.session.execute(delete(contact).where(contact.c.id == person.id))
    db.session.commit()
    assert [one.contact_id for one in kept()] == [other.id]


def test_the_history_of_a_merged_record_is_its_successors(tenant: Tenant) -> None:
    synced()
    kept_one, gone = members(2)
    push()
    merging.merge(kept_one, gone, whose="kept")
    db.session.commit()
    push()
    found = db.session.execute(history.of_contact(kept_one)).all()
    assert {one.key for one in found} == {kept_one.key, gone.key}
    newest = next(one for one in found if one.key == gone.key)
    assert history.item_of(newest)["MemberDetails"]["IsActive"] is False


def test_another_tenant_has_accepted_nothing(tenant: Tenant) -> None:
    synced()
    person = member()
    push()
    connection.change(tenant_code="ANOTHER")
    db.session.commit()
    assert history.accepted_last(person) is None
    assert len(kept(person)) == 1


def test_history_is_kept_for_the_days_that_are_set(tenant: Tenant) -> None:
    synced()
    person = member()
    for number in range(4):
        person.job_title = f"Title {number}"
        db.session.commit()
        push()
    first, second, _third, _last = kept(person)
    connection.change(history_days=30)
    db.session.commit()
    age(31, history.table.c.id.in_([first.id, second.id]))
    assert tidy.run() == 2
    assert len(kept(person)) == 2
    assert tidy.run() == 0


def test_what_higher_logic_has_is_kept_until_it_was_replaced_long_ago(tenant: Tenant) -> None:
    synced()
    person, other = members(2)
    push()
    age(400)
    db.session.execute(
        text("UPDATE ledger SET accepted_at = (SELECT max(last_at) FROM push_attempt)")
    )
    db.session.commit()
    assert tidy.run() == 0
    assert history.accepted_last(person) is not None
    person.job_title = "Analyst"
    db.session.commit()
    push()
    assert tidy.run() == 0
    assert len(kept(person)) == 2
    # The one that took its place grows old as well, and stays in its stead.
    age(91, history.table.c.id == kept(person)[-1].id)
    assert tidy.run() == 1
    (left,) = kept(person)
    assert history.item_of(left)["MemberDetails"]["Title"] == "Analyst"
    assert len(kept(other)) == 1


def test_tidying_takes_bounded_bites(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "BATCH", 2)
    monkeypatch.setattr(tidying, "PAUSE", 0)
    synced()
    person = member()
    for number in range(6):
        person.job_title = f"Title {number}"
        db.session.commit()
        push()
    age(91)
    assert tidy.run(seconds=0) == 0
    assert tidy.run() == 5
    assert len(kept(person)) == 1


@pytest.mark.parametrize("days", ["0", "-1", "3651", "a month", "", "1.5", "9" * 30])
def test_days_that_are_none_are_refused(app: Flask, days: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        connection.change(history_days=days)
    assert refused.value.field == "history_days"


def test_what_is_packed_is_read_by_every_version_to_come() -> None:
    dictionary = packing._DICTIONARIES[1]
    assert (len(dictionary), zlib.adler32(dictionary)) == (1514, 2358173819)
    item = {"MemberDetails": {"LegacyContactKey": "ключ", "LastName": "Ängström 😀"}}
    assert packing.unpack(packing.pack(item)) == item
