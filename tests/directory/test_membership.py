"""Who is in a group: by its condition, added by hand, shut out; and what is kept of the past."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import changes, conditions, fields, group_deletion, groups, membership
from idp.directory.contacts import InvalidValue
from idp.directory.groups import Group
from idp.directory.membership import Exclusion, Membership, PastMembership
from tests import factories
from wsgi import create_app

LAPSED = {"field": "member_status", "op": "is", "value": "Lapsed"}
TODAY = dt.datetime.now(dt.UTC).date()
DAY = dt.timedelta(days=1)


def rows(group: Group) -> list[tuple[int, str, str]]:
    found = db.session.execute(
        select(Membership.contact_id, Membership.origin, Membership.role)
        .where(Membership.group_id == group.id)
        .order_by(Membership.contact_id, Membership.origin, Membership.role)
    )
    return [tuple(row) for row in found]


def past(group: Group) -> list[tuple[int, str, str]]:
    found = db.session.execute(
        select(PastMembership.contact_id, PastMembership.origin, PastMembership.role)
        .where(PastMembership.group_id == group.id)
        .order_by(PastMembership.id)
    )
    return [tuple(row) for row in found]


@pytest.fixture
def told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The contacts that are announced, a set for each time."""
    heard: list[set[int]] = []

    def listener(ids: changes.Ids) -> None:
        found = set(db.session.scalars(ids)) if isinstance(ids, Select) else set(ids)
        heard.extend([found] if found else [])

    monkeypatch.setattr(changes, "_listeners", [listener])
    return heard


def test_several_roles_are_several_memberships_of_one_contact(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    membership.add(group, person, role="Chair", begin_on=TODAY)
    membership.add(group, person, role="  Web   editor ", end_on=TODAY)
    membership.add(group, person, role="Chair", origin="import")
    db.session.commit()
    assert rows(group) == [
        (person.id, "hand", "Chair"),
        (person.id, "hand", "Web editor"),
        (person.id, "import", "Chair"),
        (person.id, "rule", ""),
    ]
    assert list(db.session.scalars(membership.contact_ids_of(group.id))) == [person.id]


def test_a_company_and_somebody_whom_the_condition_does_not_want_are_added(app: Flask) -> None:
    group, company = factories.group(), factories.company()
    person = factories.person(member_status="Lapsed")
    for one in (company, person):
        membership.add(group, one)
    db.session.commit()
    assert rows(group) == [(company.id, "hand", ""), (person.id, "hand", "")]


def test_who_is_shut_out_is_in_by_nothing_until_let_in(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    membership.add(group, person, role="Chair")
    db.session.commit()
    membership.shut_out(group, person)
    db.session.commit()
    assert rows(group) == []
    assert past(group) == [(person.id, "rule", ""), (person.id, "hand", "Chair")]
    # A changed condition and a changed person change nothing about it.
    groups.change(group, condition={"version": 1, "all": [{**LAPSED, "op": "is_not"}]})
    person.city = "Bern"
    db.session.commit()
    assert rows(group) == []
    membership.let_in(group, person)
    db.session.commit()
    assert rows(group) == [(person.id, "hand", "Chair"), (person.id, "rule", "")]


def test_a_removed_addition_leaves_what_the_condition_says(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    addition = membership.add(group, person, role="Chair")
    db.session.commit()
    membership.remove(addition)
    db.session.commit()
    assert rows(group) == [(person.id, "rule", "")]
    assert past(group) == [(person.id, "hand", "Chair")]


@pytest.mark.parametrize(
    ("begins", "ends", "is_in"),
    [(0, 0, True), (-9, None, True), (None, 9, True), (1, 9, False), (-9, -1, False)],
)
def test_an_addition_counts_on_its_days_both_included(
    app: Flask, begins: int | None, ends: int | None, is_in: bool
) -> None:
    group, person = factories.group(LAPSED), factories.person()
    days = [TODAY + one * DAY if one is not None else None for one in (begins, ends)]
    membership.add(group, person, begin_on=days[0], end_on=days[1])
    db.session.commit()
    assert bool(rows(group)) is is_in
    # The same when the whole group is looked at.
    membership.refresh_group(group.id)
    assert bool(rows(group)) is is_in


def test_other_dates_are_the_memberships_too_and_it_goes_on(app: Flask) -> None:
    group, person = factories.group(LAPSED), factories.person()
    addition = membership.add(group, person, role="Chair")
    db.session.commit()
    since = db.session.scalars(select(Membership.since)).one()
    membership.change(addition, role="Chair", begin_on=TODAY - DAY, end_on=TODAY + DAY)
    db.session.commit()
    row = db.session.scalars(select(Membership)).one()
    assert (row.begin_on, row.end_on, row.since) == (TODAY - DAY, TODAY + DAY, since)
    assert past(group) == []
    membership.change(addition, role="Secretary", begin_on=None, end_on=None)
    db.session.commit()
    assert rows(group) == [(person.id, "hand", "Secretary")]
    assert past(group) == [(person.id, "hand", "Chair")]


def test_what_leaves_is_kept_with_its_dates(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    since = db.session.scalars(select(Membership.since)).one()
    person.member_status = "Lapsed"
    db.session.commit()
    row = db.session.scalars(select(PastMembership)).one()
    assert (row.group_id, row.contact_id, row.origin) == (group.id, person.id, "rule")
    assert row.since == since
    assert row.left_at > since


def test_a_changed_condition_keeps_the_past_of_everybody_and_lets_additions_be(app: Flask) -> None:
    current, lapsed = factories.person(), factories.person(member_status="Lapsed")
    group = factories.group()
    membership.add(group, current, role="Chair")
    db.session.commit()
    groups.change(group, condition={"version": 1, "all": [LAPSED]})
    db.session.commit()
    assert rows(group) == [(current.id, "hand", "Chair"), (lapsed.id, "rule", "")]
    assert past(group) == [(current.id, "rule", "")]


def test_only_who_moves_in_a_synced_group_is_announced(app: Flask, told: list[set[int]]) -> None:
    synced = factories.group(LAPSED, type="community", sync=True)
    other, person = factories.group(LAPSED), factories.person()
    told.clear()
    membership.add(other, person, role="Chair")
    db.session.commit()
    assert told == []
    addition = membership.add(synced, person, role="Chair")
    db.session.commit()
    assert told == [{person.id}]
    for dates in ({"begin_on": TODAY, "end_on": None}, {"begin_on": TODAY, "end_on": TODAY}):
        told.clear()
        membership.change(addition, role="Chair", **dates)
        db.session.commit()
        assert told == [{person.id}]
    told.clear()
    membership.change(addition, role="Speaker", begin_on=None, end_on=None)
    db.session.commit()
    assert told == [{person.id}]
    told.clear()
    membership.shut_out(synced, person)
    db.session.commit()
    assert told == [{person.id}]


def test_a_changed_condition_announces_who_joins_and_who_leaves_alone(
    app: Flask, told: list[set[int]]
) -> None:
    factories.person(city="Bern")
    joining = factories.person(member_status="Lapsed")
    leaving = factories.person()
    group = factories.group(type="community", sync=True)
    told.clear()
    both = {"any": [LAPSED, {"field": "city", "op": "is", "value": "Bern"}]}
    groups.change(group, condition={"version": 1, **both})
    db.session.commit()
    assert set().union(*told) == {joining.id, leaving.id}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"role": "chair"}, "duplicate_role"),
        ({"role": "x" * 101}, "too_long"),
        ({"begin_on": TODAY, "end_on": TODAY - DAY}, "ends_before_it_begins"),
    ],
)
def test_an_addition_that_makes_no_sense_is_refused(
    app: Flask, wrong: dict[str, Any], reason: str
) -> None:
    group, person = factories.group(), factories.person()
    membership.add(group, person, role="Chair")
    with pytest.raises(InvalidValue) as refused:
        membership.add(group, person, **wrong)
    assert refused.value.reason == reason


def test_nobody_has_more_roles_than_can_be_told(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    for number in range(20):
        membership.add(group, person, role=f"Role {number}")
    with pytest.raises(InvalidValue, match="more than 20 roles"):
        membership.add(group, person, role="One more")


def test_who_is_shut_out_already_is_not_shut_out_again(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    with pytest.raises(InvalidValue, match="not shut out"):
        membership.let_in(group, person)
    membership.shut_out(group, person)
    with pytest.raises(InvalidValue, match="already"):
        membership.shut_out(group, person)
    assert len(list(db.session.scalars(select(Exclusion)))) == 1


def test_the_audit_says_who_was_added_changed_removed_shut_out_and_let_in(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    addition = membership.add(group, person, role="Chair", begin_on=TODAY)
    membership.change(addition, role="Chair", begin_on=TODAY, end_on=TODAY)
    membership.remove(addition)
    membership.shut_out(group, person)
    membership.let_in(group, person)
    db.session.commit()
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.name.startswith("staff:membership")).order_by("id")
    ).all()
    assert [event.name.rsplit(":", 1)[1] for event in events] == [
        *("added", "changed", "removed", "shut-out", "let-in")
    ]
    assert all(event.subject == group.key for event in events)
    assert all(event.detail["contact"] == person.key for event in events)
    assert events[1].detail["changed"] == {"end_on": [None, TODAY.isoformat()]}


def test_a_group_takes_its_memberships_and_its_past_with_it(app: Flask) -> None:
    group, person = factories.group(), factories.person()
    membership.add(group, person, role="Chair")
    db.session.commit()
    person.member_status = "Lapsed"
    db.session.commit()
    group_deletion.delete(group)
    db.session.commit()
    for model in (Membership, PastMembership, membership.Addition):
        assert db.session.scalars(select(model)).all() == []
    person.member_status = "Current"
    db.session.commit()


def test_a_condition_that_another_process_changed_is_asked_at_once(app: Flask) -> None:
    group, person = factories.group(), factories.person(member_status="Lapsed")
    person.city = "Bern"
    db.session.commit()
    key = group.key
    db.session.rollback()
    other = create_app(app.config["TESSERA"])  # another process: what it compiled is its own
    with other.app_context():
        found = groups.find(key)
        assert found is not None
        groups.change(found, condition={"version": 1, "all": [LAPSED]})
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    newcomer = factories.person(member_status="Lapsed")
    assert rows(group) == [(person.id, "rule", ""), (newcomer.id, "rule", "")]


def test_a_choice_that_was_made_since_the_fields_were_read_is_asked_about(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("it has one writer: nobody comes between")
    fields.create("Region", "one_of", choices=["North"])
    group, person = factories.group(), factories.person(member_status="Lapsed")
    read = fields.all_fields()
    with app.app_context():  # somebody else
        fields.all_fields()[0].add_choice("South")
        db.session.commit()
        found = groups.find(group.key)
        assert found is not None
        tree = conditions.parse({"field": "region", "op": "is", "value": "South"})
        groups.change(found, condition=tree)
        db.session.commit()
    person.city = "Bern"
    assert [choice.key for choice in read[0].choices] == ["north"]
    db.session.commit()
    fields.set_value(person, fields.all_fields()[0], "south")
    db.session.commit()
    assert rows(group) == [(person.id, "rule", "")]


def test_a_condition_that_was_undone_is_not_asked(app: Flask) -> None:
    group, person = factories.group(), factories.person(member_status="Lapsed")
    groups.change(group, condition={"version": 1, "all": [LAPSED]})
    db.session.flush()
    person.city = "Bern"
    changes._follow_and_tell(db.session())
    assert rows(group) == [(person.id, "rule", "")]
    db.session.rollback()
    person.city = "Biel"
    db.session.commit()
    assert rows(group) == []
