"""Every write of a contact is announced, inside its transaction."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask

from idp.database import db
from idp.directory import accounts, changes, conditions, fields, groups, membership
from idp.directory.contacts import Person
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


def test_what_was_changed_before_a_savepoint_is_announced_though_that_is_undone(
    app: Flask,
) -> None:
    group = factories.group()
    person = factories.person(member_status="Lapsed")
    person.member_status = "Current"
    db.session.flush()
    savepoint = db.session.begin_nested()
    person.city = "Bern"
    db.session.flush()
    savepoint.rollback()
    db.session.commit()
    assert members(group.id) == {person.id}


BOTH = {
    "all": [
        {"field": "member_status", "op": "is", "value": "Current"},
        {"field": "volunteer", "op": "is", "value": "yes"},
    ]
}


def _join(person_id: int) -> None:
    db.session.get_one(Person, person_id).member_status = "Current"


def _volunteer(person_id: int) -> None:
    person = db.session.get_one(Person, person_id)
    fields.set_value(person, fields.all_fields()[0], True)


def _new_group(_person_id: int) -> None:
    groups.create("Another", conditions.parse({"field": "member_status", "op": "is", "value": "x"}))


def _new_condition(_person_id: int) -> None:
    group = db.session.scalars(db.select(groups.Group)).one()
    condition = {"field": "member_status", "op": "is", "value": "Current"}
    groups.change(group, condition=conditions.parse(condition))


@pytest.mark.parametrize(
    ("first", "second"),
    [(_join, _volunteer), (_volunteer, _join), (_join, _new_condition), (_new_condition, _join)],
)
def test_two_changes_at_once_leave_the_membership_that_both_make(
    app: Flask, first: Callable[[int], None], second: Callable[[int], None]
) -> None:
    fields.create("Volunteer", "yes_no")
    db.session.commit()
    group_id = factories.group(BOTH).id
    person_id = factories.person(member_status="Lapsed").id
    db.session.rollback()
    followed, both = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def change(work: Callable[[int], None], before: Callable[[], object]) -> None:
        try:
            with app.app_context():
                work(person_id)
                before()
                db.session.commit()
        except BaseException as error:  # noqa: BLE001 (told to the test below)
            failures.append(error)

    def hold_back() -> None:
        db.session.flush()
        changes._follow_and_tell(db.session())
        followed.set()
        both.wait(1)  # the other one looks in the meantime, or waits for this one

    one = threading.Thread(target=change, args=(first, hold_back))
    other = threading.Thread(target=change, args=(second, lambda: None))
    one.start()
    assert followed.wait(10)
    other.start()
    other.join(0.3)
    both.set()
    one.join(30)
    other.join(30)
    assert failures == []
    assert members(group_id) == {person_id}


def test_a_change_of_many_and_a_change_of_one_do_not_block_each_other_for_good(app: Flask) -> None:
    person_id = factories.person().id
    factories.group()
    db.session.rollback()
    failures: list[BaseException] = []

    def change(work: Callable[[int], None]) -> None:
        try:
            for _ in range(10):
                with app.app_context():
                    work(person_id)
                    db.session.commit()
        except BaseException as error:  # noqa: BLE001 (told to the test below)
            failures.append(error)

    threads = [threading.Thread(target=change, args=(work,)) for work in (_join, _new_group)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
