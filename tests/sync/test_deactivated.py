"""What Higher Logic is told of who is deactivated, by the association's choice."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from idp.database import db
from idp.directory import accounts, deactivation, fields, groups, merging
from idp.directory.contacts import InvalidValue, Person
from sync import connection, noting, preview
from sync.records import deactivated
from sync.standing import saying, status
from tests import factories
from tests.sync.conftest import Tenant, member, push, row, synced
from tests.sync.test_preview import edited

Way = Callable[[Any], None]


def choose(policy: str) -> None:
    connection.change(deactivated=policy)
    db.session.commit()


def deactivate_account(person: Person) -> None:
    account = accounts.of_person(person)
    assert account is not None
    accounts.deactivate(account)
    db.session.commit()


def reactivate_account(person: Person) -> None:
    account = accounts.of_person(person)
    assert account is not None
    accounts.reactivate(account)
    db.session.commit()


def put_out_of_use(contact: Any) -> None:
    deactivation.deactivate(contact)
    db.session.commit()


def put_back(contact: Any) -> None:
    deactivation.reactivate(contact)
    db.session.commit()


WAYS = pytest.mark.parametrize(
    ("end", "begin"),
    [(deactivate_account, reactivate_account), (put_out_of_use, put_back)],
    ids=["account", "record"],
)


@WAYS
def test_by_default_nothing_is_sent(tenant: Tenant, end: Way, begin: Way) -> None:
    group, person = synced(), member()
    push()
    before = len(tenant.pushes())
    end(person)
    assert push().left_out == 1
    assert len(tenant.pushes()) == before
    assert tenant.members(group.key) == {person.key}
    assert status.of_contact(person)["state"] == "left_out"
    begin(person)
    assert push().unchanged == 1


@WAYS
def test_marked_inactive_with_groups_as_they_are_and_active_again(
    tenant: Tenant, end: Way, begin: Way
) -> None:
    choose("inactive")
    group, person = synced(), member(city="Bern")
    push()
    end(person)
    assert push().accepted == 1
    assert tenant.details(person.key)["IsActive"] is False
    assert tenant.details(person.key)["City"] == "Bern"
    assert tenant.members(group.key) == {person.key}
    standing = status.of_contact(person)
    assert (standing["state"], standing["told_as"]) == ("up_to_date", "inactive")
    assert saying.label(standing) == "Up to date: as an inactive record"
    begin(person)
    push()
    assert tenant.details(person.key)["IsActive"] is True
    assert status.of_contact(person)["told_as"] == ""


@WAYS
def test_taken_out_of_all_groups_and_put_back(tenant: Tenant, end: Way, begin: Way) -> None:
    choose("no_groups")
    group, community, person = synced(), synced(type="community"), member()
    push()
    end(person)
    assert push().accepted == 1
    assert tenant.details(person.key)["IsActive"] is True
    assert tenant.members(group.key) == tenant.members(community.key) == set()
    assert saying.label(status.of_contact(person)) == "Up to date: as a record in no group"
    begin(person)
    push()
    assert tenant.members(group.key) == tenant.members(community.key) == {person.key}


@pytest.mark.compliance("Y06")
@pytest.mark.parametrize("policy", ["inactive", "no_groups"])
def test_it_is_told_once(tenant: Tenant, policy: str) -> None:
    choose(policy)
    synced()
    person = member()
    push()
    put_out_of_use(person)
    push()
    before = len(tenant.pushes())
    noting.note_everything()
    db.session.commit()
    assert push().unchanged == 1
    assert len(tenant.pushes()) == before


def test_a_company_out_of_use_is_told_of_and_its_people_stay_its_people(tenant: Tenant) -> None:
    choose("inactive")
    synced()
    company = factories.company()
    person = member(company=company)
    push()
    put_out_of_use(company)
    push()
    assert tenant.details(company.key)["IsActive"] is False
    assert tenant.details(person.key)["ParentMemberKey"] == company.key
    put_back(company)
    push()
    assert tenant.details(company.key)["IsActive"] is True


@pytest.mark.parametrize("policy", ["inactive", "no_groups"])
def test_what_higher_logic_never_had_is_not_told_of(tenant: Tenant, policy: str) -> None:
    choose(policy)
    synced()
    told, person = member(), member()
    put_out_of_use(person)
    totals = push()
    assert (totals.accepted, totals.left_out) == (1, 1)
    assert tenant.keys() == {told.key}
    assert status.of_contact(person)["state"] == "left_out"
    assert deactivated.number(policy) == 0


def test_another_choice_tells_those_whom_it_is_about_and_nobody_else(tenant: Tenant) -> None:
    group = synced()
    people = [member() for _ in range(4)]
    push()
    deactivate_account(people[0])
    put_out_of_use(people[1])
    push()

    def sent_after(policy: str) -> set[str]:
        before = len(tenant.pushes())
        choose(policy)
        push()
        return {key for request in tenant.pushes()[before:] for key in request["keys"]}

    concerned = {people[0].key, people[1].key}
    assert deactivated.number("inactive") == 2
    assert sent_after("inactive") == concerned
    assert tenant.members(group.key) == {person.key for person in people}
    assert sent_after("no_groups") == concerned
    assert tenant.members(group.key) == {people[2].key, people[3].key}
    assert tenant.details(people[0].key)["IsActive"] is True
    # What Higher Logic was told before is not taken back.
    assert sent_after("keep") == set()
    assert tenant.members(group.key) == {people[2].key, people[3].key}


def test_another_choice_counts_nobody_up_whom_it_is_not_about(tenant: Tenant) -> None:
    synced()
    active, ended = member(), member()
    push()
    put_out_of_use(ended)
    push()
    wanted = row(active).wanted
    choose("inactive")
    assert row(active).wanted == wanted
    assert row(ended).wanted > row(ended).accepted


def test_a_choice_that_is_none_is_refused(app: Flask) -> None:
    with pytest.raises(InvalidValue) as refused:
        connection.change(deactivated="delete")
    assert refused.value.field == "deactivated"
    assert "keep, inactive, no_groups" in str(refused.value)


def test_what_is_said_of_an_inactive_record_stays_current(tenant: Tenant) -> None:
    choose("inactive")
    group, person = synced(), member()
    motto = fields.create("Motto", "text", in_members_section=True, sync=True)
    db.session.commit()
    push()
    put_out_of_use(person)
    push()
    fields.set_value(person, motto, "ad astra")
    groups.switch_sync(group, False)
    db.session.commit()
    push()
    told = tenant.contact(person.key)
    assert told["MemberDetails"]["IsActive"] is False
    assert told["SecurityGroups"] == []
    assert [one["DemographicValue"] for one in told["Demographics"]] == ["ad astra"]


@pytest.mark.compliance("Y17")
@pytest.mark.parametrize("policy", ["keep", "inactive", "no_groups"])
def test_a_preview_counts_the_deactivated_as_the_real_run_sends_them(
    tenant: Tenant, policy: str
) -> None:
    choose(policy)
    synced()
    people = [member(city="Bern") for _ in range(3)]
    push()
    deactivate_account(people[0])
    push()
    group = factories.group({"field": "city", "op": "is", "value": "Oslo"}, type="security")
    told = edited({"field": "city", "op": "is", "value": "Bern"}, group)
    counts = preview.counts(told)
    db.session.rollback()
    groups.change(group, condition=told.condition)
    groups.switch_sync(group, True)
    db.session.commit()
    push()
    assert len(tenant.members(group.key)) == counts.syncing
    assert counts.syncing == (3 if policy == "inactive" else 2)
    assert counts.left_out["account_deactivated"] == 3 - counts.syncing
    standing = status.of_group(group)
    assert (standing["due"], standing["sent"]) == (counts.syncing, counts.syncing)
    assert status.left_out(group)["account_deactivated"] == 3 - counts.syncing


def test_merged_records_are_told_of_as_always(tenant: Tenant) -> None:
    choose("inactive")
    group = synced()
    kept, other = member(), member()
    push()
    merging.merge(kept, other, whose="kept")
    db.session.commit()
    push()
    assert tenant.members(group.key) == {kept.key}
    assert tenant.details(other.key)["IsActive"] is False
