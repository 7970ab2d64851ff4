"""What changes by itself when the association's day turns."""

import datetime as dt
import threading

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from idp import association
from idp.database import db
from idp.directory import membership
from idp.directory.groups import Group
from idp.directory.membership import Membership, PastMembership, day
from sync import ledger
from sync.records import feed
from tests import factories

FIRST = dt.date(2026, 3, 30)
LAPSED = {"field": "member_status", "op": "is", "value": "Lapsed"}


class Calendar:
    """The day that it is."""

    def __init__(self) -> None:
        self.today = FIRST

    def turn(self, days: int = 1) -> int:
        """Some days later the clock looks; gives how many groups it looked at."""
        self.today += dt.timedelta(days=days)
        db.session.rollback()
        return membership.turn_of_day()


@pytest.fixture
def calendar(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Calendar:
    """A calendar of the test's own."""
    made = Calendar()
    monkeypatch.setattr(day, "today", lambda: made.today)
    monkeypatch.setattr(day, "day_in", lambda _zone: made.today)
    return made


def on(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def members(group_id: int) -> set[int]:
    return set(db.session.scalars(membership.contact_ids_of(group_id)))


@pytest.mark.compliance("Y26")
def test_a_membership_begins_and_ends_by_date_with_nobody_touching_it(calendar: Calendar) -> None:
    group = factories.group(LAPSED, type="community", sync=True)
    person = factories.person(account=True)
    membership.add(group, person, role="Chair", begin_on=on(1), end_on=on(2))
    db.session.commit()
    group_id, person_id = group.id, person.id
    assert members(group_id) == set()
    calendar.turn()
    assert members(group_id) == {person_id}
    calendar.turn()
    assert members(group_id) == {person_id}
    wanted = db.session.scalars(select(ledger.Ledger.wanted)).one()
    calendar.turn()
    assert members(group_id) == set()
    row = db.session.scalars(select(PastMembership)).one()
    assert (row.role, row.begin_on, row.end_on) == ("Chair", on(1), on(2))
    # Whoever listens was told: there is somewhat to push, and nobody is in the group there.
    assert db.session.scalars(select(ledger.Ledger.wanted)).one() > wanted
    nothing = feed.Wanted(bio=False, photo=False, web=False, member_statuses=frozenset())
    (record,) = feed.build([person_id], nothing).values()
    assert not record.groups


def test_days_of_being_off_are_caught_up_with(calendar: Calendar) -> None:
    group, first, second = factories.group(LAPSED), factories.person(), factories.person()
    membership.add(group, first, end_on=on(3))
    membership.add(group, second, begin_on=on(4))
    db.session.commit()
    ids, group_id = (first.id, second.id), group.id
    assert members(group_id) == {ids[0]}
    calendar.turn(days=40)
    assert members(group_id) == {ids[1]}


def test_in_another_time_zone_a_day_may_come_again(calendar: Calendar) -> None:
    group, first, second = factories.group(LAPSED), factories.person(), factories.person()
    membership.add(group, first, end_on=on(0))
    membership.add(group, second, begin_on=on(1))
    db.session.commit()
    ids, group_id = (first.id, second.id), group.id
    calendar.turn()
    assert members(group_id) == {ids[1]}
    calendar.today = on(0)
    association.change(time_zone="Pacific/Honolulu")
    db.session.commit()
    calendar.turn(days=0)
    assert members(group_id) == {ids[0]}


def test_a_day_is_turned_once(calendar: Calendar) -> None:
    factories.group()
    assert calendar.turn() == 1
    assert calendar.turn(days=0) == 0


def test_one_indexed_statement_says_that_nothing_is_due(calendar: Calendar) -> None:
    factories.group()
    calendar.turn()
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert calendar.turn(days=0) == 0
    assert len(statements) == 1
    assert "evaluated_on <" in statements[0]


def test_a_clock_that_was_killed_goes_on_with_the_groups_that_are_left(
    calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [factories.person() for _ in range(2)]
    made = [factories.group(LAPSED) for _ in range(2)]
    for group, person in zip(made, people, strict=True):
        membership.add(group, person, begin_on=on(1))
    db.session.commit()
    wanted = [(group.id, person.id) for group, person in zip(made, people, strict=True)]
    turned = membership.days._turn

    def killed(group_id: int) -> bool:
        if group_id == wanted[1][0]:
            raise KeyboardInterrupt
        return turned(group_id)

    monkeypatch.setattr(membership.days, "_turn", killed)
    with pytest.raises(KeyboardInterrupt):
        calendar.turn()
    db.session.rollback()
    assert [members(group_id) for group_id, _ in wanted] == [{wanted[0][1]}, set()]
    monkeypatch.undo()
    monkeypatch.setattr(day, "today", lambda: calendar.today)
    monkeypatch.setattr(day, "day_in", lambda _zone: calendar.today)
    assert calendar.turn(days=0) == 1
    assert [members(group_id) for group_id, _ in wanted] == [{one} for _, one in wanted]


def test_two_clocks_at_once_do_no_harm(app: Flask, calendar: Calendar) -> None:
    group = factories.group(LAPSED)
    for _ in range(5):
        membership.add(group, factories.person(), begin_on=on(1))
    db.session.commit()
    db.session.remove()
    calendar.today = on(1)
    together = threading.Barrier(2)
    turned: list[int] = []
    failures: list[BaseException] = []

    def clock() -> None:
        try:
            with app.app_context():
                together.wait(10)
                turned.append(membership.turn_of_day())
        except BaseException as error:  # noqa: BLE001 (told to the test below)
            failures.append(error)

    clocks = [threading.Thread(target=clock) for _ in range(2)]
    for one in clocks:
        one.start()
    for one in clocks:
        one.join(30)
    assert failures == []
    assert sum(turned) == 1
    assert db.session.scalar(select(func.count()).select_from(Membership)) == 5
    assert db.session.scalars(select(Group.evaluated_on)).all() == [on(1)]
