"""Groups that ask about groups, and groups whose condition cannot be read any more."""

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from idp.database import db
from idp.directory import conditions, fields, group_deletion, groups, membership
from idp.directory.conditions import InvalidCondition
from idp.directory.contacts import InvalidValue
from idp.directory.fields import Choice, CustomField, FieldValue
from idp.directory.group_references import circle_from
from idp.directory.groups import Group
from idp.directory.membership import catalogue
from tests import factories


def about(*keys: str) -> dict[str, Any]:
    return {"field": "group", "op": "one_of", "value": list(keys)}


def members(key: str) -> set[int]:
    group = groups.find(key)
    assert group is not None
    return set(db.session.scalars(membership.contact_ids_of(group.id)))


def ask(key: str, *keys: str) -> None:
    """Let a group ask about others, and keep it."""
    group = groups.find(key)
    assert group is not None
    groups.change(group, condition=conditions.parse(about(*keys)))
    db.session.commit()


def test_a_group_asks_who_is_in_another(app: Flask) -> None:
    factories.group(key="current", name="Current members")
    inside, outside = factories.person(), factories.person(member_status="Lapsed")
    factories.group({"field": "group", "op": "is", "value": "current members"}, key="same")
    factories.group({"field": "group", "op": "is_not", "value": "current"}, key="others")
    assert members("same") == {inside.id}
    assert members("others") == {outside.id}


def test_a_circle_is_refused_by_name(app: Flask) -> None:
    for key in ("a", "b", "c"):
        factories.group({"any": []}, key=key, name=f"Group {key.upper()}")
    ask("a", "b")
    ask("b", "c")
    with pytest.raises(InvalidValue) as refused:
        ask("c", "a")
    db.session.rollback()
    assert str(refused.value) == (
        "Groups would ask about each other in a circle: “Group C” asks about “Group A”, "
        "which asks about “Group B”, which asks about “Group C”."
    )
    assert (refused.value.field, refused.value.reason) == ("condition", "circle")
    with pytest.raises(InvalidValue, match="A group cannot ask about its own members"):
        ask("c", "c")


def test_two_halves_of_a_circle_cannot_be_saved_at_the_same_time(app: Flask) -> None:
    for key in ("a", "b"):
        factories.group({"any": []}, key=key)
    both_said = threading.Barrier(2)
    outcomes: list[str] = []

    def half(key: str, other: str) -> None:
        with app.app_context():
            try:
                group = groups.find(key)
                assert group is not None
                tree = conditions.parse(about(other))
                if db.engine.dialect.name == "postgresql":  # SQLite has one writer at a time
                    both_said.wait(20)
                groups.change(group, condition=tree)
                db.session.commit()
                outcomes.append("kept")
            except InvalidValue as error:
                db.session.rollback()
                outcomes.append(error.reason)
            finally:
                db.session.remove()

    db.session.rollback()
    threads = [threading.Thread(target=half, args=two) for two in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["circle", "kept"]


def test_a_group_that_others_ask_about_is_not_deleted(app: Flask) -> None:
    group = factories.group({"any": []}, key="a")
    factories.group(about("a"), name="Asking")
    group_deletion.delete(group)
    with pytest.raises(InvalidValue, match="“Asking” asks about its members: change that"):
        db.session.commit()
    db.session.rollback()
    assert groups.find("a") is not None


def test_the_way_of_a_circle_is_the_shortest() -> None:
    asks = {"a": {"b", "c"}, "b": {"c"}, "c": {"d"}, "d": {"a"}, "e": {"a"}}
    assert list(circle_from("a", asks)) == ["a", "c", "d"]
    assert list(circle_from("e", asks)) == []


def _lose_field() -> None:
    db.session.execute(delete(FieldValue))
    db.session.execute(delete(Choice))
    db.session.execute(delete(CustomField))


def _lose_choice() -> None:
    db.session.execute(delete(Choice).where(Choice.key == "northeast"))


def _lose_group() -> None:
    db.session.execute(delete(Group).where(Group.key == "asked"))


LOSSES = [
    (_lose_field, {"field": "region", "op": "is_not", "value": "southwest"}, "There is no field"),
    (_lose_choice, {"field": "region", "op": "none_of", "value": ["northeast"]}, "has no choice"),
    (_lose_group, {"field": "group", "op": "is_not", "value": "asked"}, "There is no group"),
]


@pytest.mark.parametrize(("lose", "rule", "message"), LOSSES, ids=["field", "choice", "group"])
def test_a_group_whose_condition_cannot_be_read_keeps_its_members(
    app: Flask, lose: Any, rule: Any, message: str
) -> None:
    fields.create("Region", "one_of", choices=["Northeast", "Southwest"])
    factories.group({"any": []}, key="asked")
    person = factories.person()
    condition = {"all": [{"field": "member_status", "op": "is", "value": "Current"}, rule]}
    factories.group(condition, key="g")
    factories.group(key="another")
    assert members("g") == {person.id}
    # As no service lets it happen: by statements, which say that they did.
    lose()
    catalogue.changed()
    db.session.commit()
    tree = db.session.scalars(select(Group.condition).where(Group.key == "g")).one()
    with pytest.raises(InvalidCondition, match=f"^Rule 2: .*{message}"):
        conditions.compile_condition(tree)
    assert conditions.sentence(tree).startswith("Member status is Current and ")
    # A change of a contact neither fails nor moves anybody, in or out; other groups follow.
    person.member_status = "Lapsed"
    newcomer = factories.person()
    db.session.commit()
    assert members("g") == {person.id}
    assert members("another") == {newcomer.id}
    group = groups.find("g")
    assert group is not None
    groups.change(group, selects="both")
    db.session.commit()
    assert members("g") == {person.id}
    # Mended, it follows again.
    current = {"field": "member_status", "op": "is", "value": "Current"}
    groups.change(group, condition=conditions.parse(current))
    db.session.commit()
    assert members("g") == {newcomer.id}


def test_a_condition_whose_field_went_meanwhile_is_not_saved(app: Flask) -> None:
    fields.create("Region", "one_of", choices=["Northeast"])
    db.session.commit()
    tree = conditions.parse({"field": "region", "op": "empty"})
    _lose_field()
    db.session.commit()
    groups.create("Late", tree)
    with pytest.raises(InvalidValue, match="Rule 1: There is no field 'region' any more"):
        db.session.commit()
    db.session.rollback()


def test_a_first_password_makes_an_account_active_for_groups(app: Flask) -> None:
    account = factories.account(password=None)
    factories.group({"field": "account_state", "op": "is", "value": "active"}, key="g")
    assert members("g") == set()
    account.password_hash = "hashed"
    db.session.commit()
    assert members("g") == {account.person_id}
