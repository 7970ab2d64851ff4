"""Changes of one contact, of many and of what groups ask take their turn, and never wait for each
other in a circle: on Postgres that would end one of them with an error."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm.exc import StaleDataError

from idp.database import db
from idp.directory import (
    accounts,
    conditions,
    deactivation,
    field_deletion,
    fields,
    group_deletion,
    groups,
    membership,
    merging,
    photos,
)
from idp.directory.accounts import Account
from idp.directory.contacts import Company, InvalidValue, Person
from idp.directory.fields import CustomField
from idp.directory.groups import Group
from idp.signin import passwords
from tests import factories, pictures

PARIS = {"field": "city", "op": "is", "value": "Paris"}
Work = Callable[[], object]


def side_by_side(app: Flask, first: Work, second: Work) -> None:
    """Do the first, begin the second before the first is kept, and keep both."""
    db.session.rollback()
    written, both = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def change(work: Work, before: Work) -> None:
        with app.app_context():
            try:
                work()
                db.session.flush()
                before()
                db.session.commit()
            except BaseException as error:  # noqa: BLE001 (told to the test below)
                db.session.rollback()
                failures.append(error)
            finally:
                db.session.remove()
                both.set()

    def hold_back() -> None:
        written.set()
        both.wait(1)  # the other one gets as far as it can in the meantime

    one = threading.Thread(target=change, args=(first, hold_back))
    other = threading.Thread(target=change, args=(second, lambda: None))
    one.start()
    assert written.wait(20)
    other.start()
    one.join(60)
    other.join(60)
    assert failures == []
    db.session.rollback()


def _ask_for_paris(group_id: int) -> None:
    groups.change(db.session.get_one(Group, group_id), condition=conditions.parse(PARIS))


def _told_of(**values: str) -> Person:
    factories.group(type="community", sync=True, name="Synced")
    return factories.person(account=True, **values)


def test_a_merge_and_a_group_that_the_kept_one_joins(app: Flask) -> None:
    group = factories.group().id
    kept = factories.person(member_status="Lapsed", city="Paris").id
    other = factories.person(member_status="Lapsed").id

    def merge() -> None:
        merging.merge(db.session.get_one(Person, kept), db.session.get_one(Person, other))

    side_by_side(app, merge, lambda: _ask_for_paris(group))
    assert db.session.get_one(Person, other).merged_into_id == kept


def test_a_new_photo_and_a_group_that_its_contact_joins(app: Flask) -> None:
    group = factories.group().id
    person = factories.person(member_status="Lapsed", city="Paris").id
    made = photos.made(pictures.file())
    side_by_side(
        app,
        lambda: photos.keep(db.session.get_one(Person, person), made),
        lambda: _ask_for_paris(group),
    )


def test_a_field_that_goes_and_a_change_of_who_has_a_value(app: Flask) -> None:
    field = fields.create("Motto", "text")
    person = _told_of()
    fields.set_value(person, field, "ad astra")
    db.session.commit()
    field_id, person_id = field.id, person.id

    def change() -> None:
        db.session.get_one(Person, person_id).city = "Paris"

    def delete() -> None:
        field_deletion.delete(db.session.get_one(CustomField, field_id))

    side_by_side(app, delete, change)
    assert db.session.get(CustomField, field_id) is None
    assert db.session.get_one(Person, person_id).city == "Paris"


def test_a_field_that_goes_and_a_change_of_a_value_of_it(app: Flask) -> None:
    field = fields.create("Motto", "text")
    person = _told_of()
    fields.set_value(person, field, "ad astra")
    db.session.commit()
    field_id, person_id = field.id, person.id

    def change() -> None:
        row = db.session.get_one(CustomField, field_id)
        fields.set_value(db.session.get_one(Person, person_id), row, "per aspera")

    def delete() -> None:
        field_deletion.delete(db.session.get_one(CustomField, field_id))

    side_by_side(app, change, delete)
    assert db.session.get(CustomField, field_id) is None


def test_a_merge_of_companies_and_a_change_of_one_of_their_people(app: Flask) -> None:
    kept, other = factories.company().id, factories.company().id
    person = _told_of().id
    db.session.get_one(Person, person).company_id = other
    db.session.commit()

    def change() -> None:
        db.session.get_one(Person, person).city = "Paris"

    def merge() -> None:
        merging.merge(db.session.get_one(Company, kept), db.session.get_one(Company, other))

    side_by_side(app, change, merge)
    moved = db.session.get_one(Person, person)
    assert (moved.company_id, moved.city) == (kept, "Paris")


@pytest.mark.parametrize("goes_first", [True, False])
def test_a_group_that_goes_and_another_that_is_saved(app: Flask, goes_first: bool) -> None:
    gone, stays = factories.group().id, factories.group().id
    factories.person(city="Paris")

    def delete() -> None:
        group_deletion.delete(db.session.get_one(Group, gone))

    works: list[Work] = [delete, lambda: _ask_for_paris(stays)]
    side_by_side(app, *(works if goes_first else works[::-1]))
    assert db.session.get(Group, gone) is None


def test_a_group_that_is_saved_while_the_clock_turns_its_day(app: Flask) -> None:
    group, person = factories.group().id, factories.person(city="Paris").id
    side_by_side(app, lambda: _ask_for_paris(group), membership.turn_of_day)
    assert list(db.session.scalars(membership.contact_ids_of(group))) == [person]
    assert db.session.get_one(Group, group).evaluated_on == membership.day.today()


def test_a_group_that_goes_and_is_saved_goes(app: Flask) -> None:
    group = factories.group().id
    late: list[str] = []

    def save() -> None:
        try:
            _ask_for_paris(group)
            db.session.flush()
        except (StaleDataError, NoResultFound):
            db.session.rollback()
            late.append("gone")

    side_by_side(app, lambda: group_deletion.delete(db.session.get_one(Group, group)), save)
    assert (db.session.get(Group, group), late) == (None, ["gone"])


@pytest.mark.parametrize("there", [False, True], ids=["added", "removed"])
def test_a_group_that_goes_and_a_member_who_is_added_or_removed(app: Flask, there: bool) -> None:
    group, person = factories.group(), factories.person(member_status="Lapsed")
    addition = membership.add(group, person) if there else None
    db.session.commit()
    group_id, person_id, number = group.id, person.id, addition and addition.id

    def change() -> None:
        if number is not None:
            membership.remove(db.session.get_one(membership.Addition, number))
        else:
            whom = db.session.get_one(Person, person_id)
            membership.add(db.session.get_one(Group, group_id), whom)

    side_by_side(app, change, lambda: group_deletion.delete(db.session.get_one(Group, group_id)))
    assert db.session.get(Group, group_id) is None


def test_a_group_whose_sync_is_just_switched_on_is_not_deleted_unasked(app: Flask) -> None:
    group = factories.group(type="community").id
    refused: list[str] = []

    def delete() -> None:
        try:
            group_deletion.delete(db.session.get_one(Group, group))
        except InvalidValue as error:
            refused.append(error.reason)

    side_by_side(app, lambda: groups.switch_sync(db.session.get_one(Group, group), True), delete)
    assert (refused, db.session.get_one(Group, group).sync) == (["group_is_synced"], True)


@pytest.mark.parametrize("account_gets", ["its first password", "deactivated"])
def test_an_account_that_changes_and_its_persons_record_that_is_put_out_of_use(
    app: Flask, account_gets: str
) -> None:
    account = factories.account(password=None)
    account_id, person_id = account.id, account.person.id

    def change() -> None:
        one = db.session.get_one(Account, account_id)
        if account_gets == "deactivated":
            accounts.deactivate(one)
        else:
            passwords.take(one, "a hash")

    side_by_side(
        app, change, lambda: deactivation.deactivate(db.session.get_one(Person, person_id))
    )
    assert not db.session.get_one(Person, person_id).active


def test_two_owners_cannot_deactivate_each_other_at_the_same_moment(app: Flask) -> None:
    ids = [factories.account(role="owner").id for _ in range(2)]
    refused: list[str] = []

    def deactivate(account_id: int) -> None:
        try:
            accounts.deactivate(db.session.get_one(Account, account_id))
        except InvalidValue as error:
            refused.append(error.reason)

    side_by_side(app, lambda: deactivate(ids[0]), lambda: deactivate(ids[1]))
    assert refused == ["last_owner"]
    assert [db.session.get_one(Account, one).deactivated_at is None for one in ids] == [False, True]
