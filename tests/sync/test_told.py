"""What is kept of what Higher Logic was told of a contact's groups."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import select

from idp.database import db
from idp.directory import groups
from idp.directory.membership import hand
from sync import connection, ledger
from sync.records import entries, feed, told
from tests import factories
from tests.sync.conftest import TENANT, Tenant, member, push, row, synced

TODAY = dt.datetime.now(dt.UTC).date().isoformat()


def test_an_acceptance_keeps_the_groups_that_were_told(tenant: Tenant) -> None:
    everybody = synced()
    roles = factories.group(
        {"field": "member_status", "op": "is", "value": "Nobody"}, type="community", sync=True
    )
    person = member()
    end = dt.date(2199, 1, 1)
    hand.add(roles, person, role="Chair", begin_on=dt.date(2020, 1, 1), end_on=end)
    hand.add(roles, person, role="Member")
    db.session.commit()
    assert row(person).told is None
    push()
    assert row(person).told == {
        everybody.key: [["", TODAY, None]],
        roles.key: [["Chair", "2020-01-01", "2199-01-01"], ["Member", TODAY, None]],
    }
    record = feed.build([person.id], connection.get().wanted)[person.id]
    kept = row(person).told
    put_back = [entry for group in (everybody, roles) for entry in told.entries(kept, group)]
    assert entries.in_order(put_back) == list(record.groups)


def test_what_is_left_out_of_an_accepted_record_is_not_told_any_more(tenant: Tenant) -> None:
    group = synced()
    person = member()
    push()
    groups.switch_sync(group, False)
    db.session.commit()
    assert group.key in row(person).told
    push()
    assert row(person).told == {}


def test_another_tenant_was_told_of_nothing(tenant: Tenant) -> None:
    synced()
    person = member()
    push()
    connection.change(tenant_code=TENANT + "2")
    db.session.commit()
    assert row(person).told is None


@pytest.mark.parametrize("key", ["plain", "it's", 'a"quoted"key', "a.b[0]", "$", "ключ"])
def test_who_was_told_of_a_group_is_found_whatever_its_key(app: Flask, key: str) -> None:
    synced()
    person, other, third = member(), member(), member()
    table, entry = ledger.table, [["", TODAY, None]]
    for one, said in ((person, {"x": entry, key: entry}), (other, {key + "x": entry})):
        db.session.execute(table.update().where(table.c.contact_id == one.id).values(told=said))
    db.session.commit()
    found = db.session.scalars(
        select(table.c.contact_id).where(told.names(table.c.told, key, db.engine.dialect))
    ).all()
    assert found == [person.id]
    assert row(third).told is None
