"""The preview of a group: what saving would do, told before, and nothing done."""

import itertools
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from idp.database import db, now, reading
from idp.directory import accounts, conditions, difference, groups, membership
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.difference import Edited
from idp.directory.membership import Membership
from sync import preview, scope
from sync.preview import LISTS, Who
from tests import factories
from tests.sync.conftest import (
    Statements,
    Tenant,
    member,
    members,
    push,
    synced,
)


def edited(condition: object, group: Any = None, selects: str = "people") -> Edited:
    return Edited(conditions.parse(condition), selects, group.id if group is not None else None)


def city(name: str) -> dict[str, str]:
    return {"field": "city", "op": "is", "value": name}


def keys(of: Edited, who: Who, **more: Any) -> set[str]:
    return {row.key for row in preview.page(of, who, **more).rows}


def everything() -> dict[str, list[Any]]:
    """Every row of every table."""
    found = {}
    for table in db.metadata.sorted_tables:
        found[table.name] = sorted(map(repr, db.session.execute(select(table))))
    db.session.rollback()
    return found


def sent_with(tenant: Tenant, group_key: str) -> set[str]:
    return tenant.members(group_key)


@pytest.mark.compliance("Y17")
def test_a_preview_equals_what_the_real_run_sends(tenant: Tenant) -> None:
    stays, leaves = member(city="Oslo", member_type="A"), member(city="Oslo", member_type="B")
    joins = [member(city="Bergen", member_type="A") for _ in range(3)]
    without = factories.person(city="Bergen", member_type="A")
    group = synced(condition=city("Oslo"), type="community")
    push()
    assert tenant.members(group.key) == {stays.key, leaves.key}
    tree = {"field": "member_type", "op": "is", "value": "A"}
    told = edited(tree, group)
    counts = preview.counts(told)
    lists = {who: keys(told, who) for who in LISTS}
    db.session.rollback()

    before = len(tenant.pushes())
    groups.change(group, condition=told.condition)
    db.session.commit()
    push()
    sent = {key for request in tenant.pushes()[before:] for key in request["keys"]}
    assert lists["join"] - lists["left_out"] == {person.key for person in joins}
    assert lists["left_out"] == {without.key}
    # Those who move, and nobody else, are sent; who is told to be in it is in it.
    assert sent == (lists["join"] | lists["leave"]) - lists["left_out"]
    assert len(sent) == counts.told["join"] + counts.told["leave"] + counts.told["change"]
    assert tenant.members(group.key) == lists["members"] - lists["left_out"]
    assert len(tenant.members(group.key)) == counts.syncing == 4


@pytest.mark.compliance("Y17")
def test_a_preview_of_a_new_group_equals_its_first_sync(tenant: Tenant) -> None:
    expected = {person.key for person in members(3, city="Oslo")}
    factories.person(city="Oslo")
    accounts.deactivate(accounts.find(member(city="Oslo").email))  # type: ignore[arg-type]
    company = factories.company(city="Oslo")
    db.session.commit()
    told = edited(city("Oslo"), selects="both")
    counts, listed = preview.counts(told), keys(told, "members") - keys(told, "left_out")
    db.session.rollback()
    group = synced(condition=city("Oslo"), selects="both")
    push()
    assert tenant.members(group.key) == listed == expected | {company.key}
    assert (counts.members, counts.syncing, counts.joining) == (6, 4, 6)


@pytest.mark.compliance("Y17")
def test_a_preview_sends_and_changes_nothing(tenant: Tenant) -> None:
    member(city="Bergen")
    group = synced(condition=city("Oslo"))
    push()
    requests, before = len(tenant.pushes()), everything()
    told = edited(city("Bergen"), group)
    with reading():
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("SET TRANSACTION READ ONLY"))
        assert preview.counts(told).joining == 1
        for who in LISTS:
            preview.page(told, who, search="a")
        db.session.commit()
    assert everything() == before
    assert push().requests == 0
    assert len(tenant.pushes()) == requests


@pytest.mark.compliance("Y16")
def test_duplicate_addresses_are_listed_before_sending(app: Flask) -> None:
    first = member(city="Oslo", email="Info@Example.org")
    second = factories.company(city="Oslo", email="info@example.ORG")
    third = factories.person(city="Oslo", email="INFO@example.org")
    factories.company(city="Oslo", email="other@example.org")
    factories.person(city="Oslo", email="other@example.org", active=False)
    db.session.commit()
    told = edited(city("Oslo"), selects="both")
    # Those who would be sent with one address …
    assert keys(told, "shared") == {first.key, second.key}
    assert preview.counts(told).shared == 2
    # … and who is not sent for it: another syncs with the address that the account would have.
    reasons = {row.key: row.reason for row in preview.page(told, "left_out").rows}
    assert reasons[third.key] == "duplicate_email"
    assert preview.counts(told).left_out["duplicate_email"] == 1


def test_an_address_of_a_record_that_was_merged_away_is_no_duplicate(app: Flask) -> None:
    kept, gone = member(city="Oslo"), factories.company(city="Oslo")
    gone.email, gone.active = kept.email, False
    db.session.flush()
    gone.merged_into_id = kept.id
    db.session.commit()
    told = edited(city("Oslo"), selects="both")
    assert preview.counts(told).shared == 0
    assert keys(told, "members") == {kept.key}, "nor is the record a member"


def test_who_matches_but_does_not_sync_is_told_why(app: Flask) -> None:
    def person(**values: Any) -> Contact:
        return factories.person(city="Oslo", **values)

    expected = {
        person().key: "no_account",
        person(email="").key: "no_email",
        person(active=False, account=True).key: "inactive",
        factories.company(city="Oslo", active=False).key: "inactive",
        factories.company(city="Oslo").key: "",
        person(account=True).key: "",
    }
    gone = person(account=True)
    accounts.deactivate(accounts.find(gone.email))  # type: ignore[arg-type]
    db.session.commit()
    expected[gone.key] = "account_deactivated"
    told = edited(city("Oslo"), selects="both")
    assert {row.key: row.reason for row in preview.page(told, "members").rows} == expected
    counts = preview.counts(told)
    assert (counts.members, counts.syncing, counts.not_reaching) == (7, 2, 5)
    assert counts.left_out == {
        "no_account": 1,
        "no_email": 1,
        "duplicate_email": 0,
        "inactive": 2,
        "account_deactivated": 1,
    }


def test_a_reason_is_given_exactly_to_who_is_not_eligible(app: Flask) -> None:
    for number, (kind, active, state, email) in enumerate(
        itertools.product(
            ("person", "company"), (True, False), ("none", "invited", "deactivated"), (True, False)
        )
    ):
        address = f"somebody{number}@example.org" if email else ""
        if kind == "company":
            factories.company(active=active, email=address)
            continue
        row = factories.person(active=True, email=address)
        if state != "none" and email:
            account = accounts.create(row)
            account.deactivated_at = now() if state == "deactivated" else None
        row.active = active
        db.session.commit()
    contact, account_table = scope.contacts("one"), Account.__table__.alias("theirs")
    rows = db.session.execute(
        select(scope.reason(contact, account_table), scope.eligible(contact))
        .select_from(contact)
        .outerjoin(account_table, account_table.c.person_id == contact.c.id)
    ).all()
    assert len(rows) == 24
    for reason, eligible in rows:
        assert (reason == "") == bool(eligible)
        assert reason in {"", *scope.REASONS}


def test_who_stays_for_another_reason_is_told_to_change(app: Flask) -> None:
    chair, plain, shut = (member(city="Oslo", member_type="A") for _ in range(3))
    group = factories.group(city("Oslo"), type="community")
    membership.add(group, chair, role="Chair")
    membership.shut_out(group, shut)
    db.session.commit()
    told = edited(city("Nowhere"), group)
    assert (keys(told, "change"), keys(told, "leave")) == ({chair.key}, {plain.key})
    again = edited({"field": "member_type", "op": "is", "value": "A"}, group)
    counts = preview.counts(again)
    assert (counts.members, counts.joining, counts.leaving, counts.changing) == (2, 0, 0, 0)
    assert shut.key not in keys(again, "members"), "whatever the condition says"


def test_the_difference_is_what_saving_does(app: Flask) -> None:
    people = [member(city="Oslo" if n % 2 else "Bergen", state=f"S{n % 3}") for n in range(12)]
    group = factories.group(city("Oslo"), type="community")
    membership.add(group, people[0], role="Chair")
    membership.add(group, people[1], role="Clerk")
    membership.shut_out(group, people[2])
    db.session.commit()
    told = edited({"field": "state", "op": "one_of", "value": ["S0", "S2"]}, group)

    def rows() -> dict[int, set[tuple[str, str]]]:
        found: dict[int, set[tuple[str, str]]] = {}
        for row in db.session.execute(
            select(Membership.contact_id, Membership.origin, Membership.role).where(
                Membership.group_id == group.id
            )
        ):
            found.setdefault(row.contact_id, set()).add((row.origin, row.role))
        return found

    before = rows()
    said = {row.contact_id: row.movement for row in db.session.execute(difference.of(told))}
    groups.change(group, condition=told.condition)
    db.session.commit()
    after = rows()
    done = {
        one: "join"
        if one not in before
        else "leave"
        if one not in after
        else "stay"
        if before[one] == after[one]
        else "change"
        for one in before.keys() | after.keys()
    }
    assert said == done
    assert set(done.values()) == {"join", "leave", "change", "stay"}


def test_pages_go_by_key_in_both_directions_and_can_be_searched(app: Flask) -> None:
    expected = [
        factories.person(last_name=name, first_name=first, city="Oslo").key
        for name in ("Abel", "Berg", "Cole")
        for first in ("Ada", "Ben")
    ] + [factories.person(last_name="Zorn", first_name="Ada", city="Oslo", email="").key]
    told = edited(city("Oslo"))
    seen: list[str] = []
    page = preview.page(told, "join", size=3)
    assert page.before is None
    while True:
        seen += [row.key for row in page.rows]
        if page.after is None:
            break
        page = preview.page(told, "join", after=page.after, size=3)
    assert seen == expected
    assert page.before is not None
    back = preview.page(told, "join", before=page.before, size=3)
    assert [row.key for row in back.rows] == expected[3:6]
    assert back.before is not None
    first = preview.page(told, "join", before=back.before, size=3)
    assert [row.key for row in first.rows] == expected[:3]
    assert (first.before, first.after) == (None, expected[2])
    found = preview.page(told, "join", search="ben BERG")
    assert [row.key for row in found.rows] == [expected[3]]
    assert preview.page(told, "join", search="100%_").rows == ()
    assert preview.page(told, "join", after="nobody", size=3).rows


@pytest.mark.parametrize("number", [2, 120])
def test_statements_do_not_grow_with_the_contacts(app: Flask, number: int) -> None:
    members(number, city="Oslo")
    group = factories.group(city("Bergen"))
    told = edited(city("Oslo"), group)
    with Statements() as statements:
        preview.counts(told)
    assert statements.number <= 5
    with Statements() as statements:
        preview.page(told, "join", after=group.key)
    assert statements.number <= 6


def test_the_counts_are_said_in_words() -> None:
    left_out = {**dict.fromkeys(scope.REASONS, 0), "no_account": 7, "no_email": 1, "inactive": 1}
    counts = preview.Counts(joining=12, leaving=3, changing=1, left_out=left_out)
    assert counts.sentence == (
        "12 join, 3 leave, 1 stays with other roles or dates, 9 match but will not reach Higher "
        "Logic: 7 have no account, 1 has no e-mail address, 1 is a record out of use"
    )
    assert preview.Counts().sentence == "Nobody joins or leaves"
