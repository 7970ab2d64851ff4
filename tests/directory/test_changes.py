"""Every write of a contact is announced, inside its transaction."""

from flask import Flask

from idp.database import db
from idp.directory import accounts, membership
from tests import factories


def members(group_id: int) -> set[int]:
    return set(db.session.scalars(membership.contact_ids_of(group_id)))


def test_a_person_joins_and_leaves_with_the_condition(app: Flask) -> None:
    group = factories.group()
    person = factories.person()
    assert members(group.id) == {person.id}
    person.member_status = "Lapsed"
    db.session.commit()
    assert members(group.id) == set()


def test_a_changed_condition_moves_everybody_at_once(app: Flask) -> None:
    lapsed = factories.person(member_status="Lapsed")
    current = factories.person()
    group = factories.group()
    assert members(group.id) == {current.id}
    from idp.directory import conditions, groups

    groups.change(
        group,
        condition=conditions.parse({"field": "member_status", "op": "is", "value": "lapsed"}),
    )
    db.session.commit()
    assert members(group.id) == {lapsed.id}


def test_an_account_counts_for_conditions(app: Flask) -> None:
    group = factories.group({"field": "has_account", "op": "is", "value": True})
    person = factories.person()
    assert members(group.id) == set()
    accounts.create(person)
    db.session.commit()
    assert members(group.id) == {person.id}
