"""Conditions: what is refused and where, what is said, what is selected."""

import datetime as dt
import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from idp.database import db
from idp.directory import conditions, fields, groups
from idp.directory.conditions import InvalidCondition
from idp.directory.contacts import Contact
from tests import factories
from tests.directory import condition_trees

TODAY = dt.date(2026, 4, 4)


def selected(condition: Any, **more: Any) -> set[int]:
    contact = Contact.__table__.c
    asked = conditions.compile_condition(conditions.parse(condition), **more)
    return set(db.session.scalars(select(contact.id).where(asked)))


def rule(field: str, op: str, *value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, **({"value": value[0]} if value else {})}


@pytest.fixture
def own(app: Flask) -> None:
    """Custom fields of the kinds that examples use."""
    fields.create("Region", "one_of", choices=["Northeast", "Southwest"])
    fields.create("Areas", "several_of", choices=["Policy", "Events", "Standards"])
    fields.create("Volunteer", "yes_no")
    fields.create("Seats", "whole_number", applies_to="company")
    fields.create("Joined the board", "date")
    db.session.commit()


BROKEN = [
    ([], "Each part of a condition is a JSON object."),
    (
        {"all": [rule("city", "is", "Bern"), rule("city", "is")]},
        "Rule 2: City: the value is missing",
    ),
    (
        {"all": [{"any": [rule("city", "is", "Bern"), rule("planet", "is", "Mars")]}]},
        "Rule 2 of block 1: There is no field 'planet'.",
    ),
    (
        {"any": [rule("city", "empty"), {"none": [{"all": [rule("city", "above", 1)]}]}]},
        "Rule 1 of block 1 of block 2: City: the operator is one of is, is_not, one_of",
    ),
    ({"all": [rule("city", "empty"), {"any": []}]}, "Block 2: “any” needs a list of at least one"),
    ({"all": []}, "“all” needs a list of at least one rule"),
    ({"all": [rule("city", "empty"), 7]}, "Part 2: Each part of a condition is a JSON object."),
    ({"version": 2, "all": [rule("city", "empty")]}, "The condition's version is not 1."),
    (rule("city", "one_of", "Bern"), "City: choose from 1 to 200 values."),
    (rule("city", "one_of", ["Bern"] * 201), "City: choose from 1 to 200 values."),
    (rule("joined_on", "is", "04/04/2026"), "Member since: Not a date"),
    (rule("joined_on", "between", ["2026-05-01", "2026-04-01"]), "the first of the two is not"),
    (rule("joined_on", "between", ["2026-05-01"]), "two values are needed"),
    (rule("joined_on", "in_last_days", 0), "a whole number, from 1 to 36,525"),
    (rule("joined_on", "in_last_days", 36_526), "a whole number, from 1 to 36,525"),
    (rule("company.seats", "between", [7, "x"]), "Company: Seats: Not a whole number"),
    (rule("company.volunteer", "is", True), "Company: Volunteer: only people have this field."),
    (rule("region", "is", "Overseas"), "Region has no choice “Overseas”."),
    (rule("account_state", "is", "sleeping"), "Account has no choice “sleeping”."),
    (rule("group", "is", "Board"), "There is no group “Board”."),
    (rule("active", "empty"), "Active: the operator is one of is, not 'empty'."),
    (rule("city", "is", "x" * 256), "City: a value is a text of 1 to 255 characters."),
    ({"field": "city", "op": {}, "value": "x"}, "not something else than a text"),
]


@pytest.mark.parametrize(("condition", "message"), BROKEN)
def test_what_is_wrong_is_said_with_its_place(own: None, condition: Any, message: str) -> None:
    with pytest.raises(InvalidCondition) as refused:
        conditions.parse(condition)
    assert message in str(refused.value)


SENTENCES = [
    (
        {
            "all": [
                rule("member_status", "is", "Current"),
                {"any": [rule("region", "is", "northeast"), rule("volunteer", "is", True)]},
            ]
        },
        "Member status is Current and (Region is Northeast or Volunteer is yes)",
    ),
    (rule("joined_on", "on_or_after", "2026-04-04"), "Member since is on or after 4 April 2026"),
    (
        rule("joined_on", "between", ["2026-04-04", "2026-12-31"]),
        "Member since is between 4 April 2026 and 31 December 2026",
    ),
    (rule("expires_on", "in_next_days", 30), "Expires on is in the next 30 days"),
    (rule("expires_on", "in_last_days", 1), "Expires on is in the last day"),
    (rule("company.seats", "at_least", 1500), "Company: Seats is at least 1,500"),
    (rule("company.name", "contains", "Ltd"), "Company: Name contains Ltd"),
    (rule("city", "none_of", ["Bern", "Rome", "Oslo"]), "City is none of Bern, Rome or Oslo"),
    (rule("areas", "all_of", ["policy", "events"]), "Areas contains all of Policy and Events"),
    (rule("areas", "one_of", ["policy"]), "Areas contains one of Policy"),
    (rule("areas", "none_of", ["policy"]), "Areas contains none of Policy"),
    (rule("account_state", "is", "Invited"), "Account is invited"),
    (rule("group", "is", "the-board"), "Is in the group “The board”"),
    (rule("group", "none_of", ["The board"]), "Is in none of the groups “The board”"),
    ({"none": [rule("volunteer", "empty"), rule("active", "is", "no")]}, None),
    ({"any": []}, "Nobody by a rule"),
]


@pytest.mark.parametrize(("condition", "words"), SENTENCES)
def test_a_condition_is_said_in_a_sentence(own: None, condition: Any, words: str | None) -> None:
    groups.create("The board", conditions.NOBODY, key="the-board")
    said = conditions.sentence(conditions.parse(condition))
    assert said == (words or "Not (Volunteer is empty or Active is no)")


def test_every_operator_has_words_of_its_own() -> None:
    for kind, ops in conditions.OPERATORS.items():
        words = [conditions.words(op, kind) for op in ops]
        assert len(set(words)) == len(words)
        assert not any("_" in said for said in words)


def test_a_tree_of_before_parses_unchanged(own: None) -> None:
    old = {
        "version": 1,
        "all": [
            {"field": "member_status", "op": "one_of", "value": ["Current", "Grace"]},
            {"any": [{"field": "areas", "op": "contains", "value": "policy"}]},
            {"none": [{"field": "joined_on", "op": "before", "value": "2020-01-01"}]},
            {"field": "has_account", "op": "is", "value": True},
        ],
    }
    assert conditions.from_json(json.dumps(old)) == old


def test_a_companys_fields_are_asked_from_the_persons_side(own: None) -> None:
    bern = factories.company(city="Bern", name="Clockworks")
    fields.set_value(bern, fields.all_fields("company")[0], 12)
    inside, outside = factories.person(company=bern, city="Oslo"), factories.person()
    db.session.commit()
    assert selected(rule("company.city", "is", "bern")) == {inside.id}
    assert selected(rule("company.seats", "more_than", 11)) == {inside.id}
    assert selected(rule("Company: Name", "is_not", "Clockworks")) == {outside.id, bern.id}
    # Without a company every positive rule is false, and everything is empty.
    for condition in (rule("company.city", "contains", "e"), rule("company.active", "is", "no")):
        assert outside.id not in selected(condition)
    for name in ("company.city", "company.seats", "company.active", "company.joined_on"):
        assert outside.id in selected(rule(name, "empty"))


def test_neither_yes_nor_no_is_who_has_no_value(own: None) -> None:
    field = next(one for one in fields.all_fields() if one.key == "volunteer")
    yes, no, neither = (factories.person() for _number in range(3))
    fields.set_value(yes, field, True)
    fields.set_value(no, field, False)
    db.session.commit()
    assert selected(rule("volunteer", "is", True)) == {yes.id}
    assert selected(rule("volunteer", "is", False)) == {no.id}
    assert selected(rule("volunteer", "empty")) == {neither.id}
    assert selected({"none": [rule("volunteer", "is", True)]}) == {no.id, neither.id}


def test_the_last_and_the_next_days_count_today(app: Flask) -> None:
    by_day = {
        days: factories.person(expires_on=TODAY + dt.timedelta(days=days)).id
        for days in (-8, -7, 0, 7, 8)
    }
    last = selected(rule("expires_on", "in_last_days", 7), today=TODAY)
    coming = selected(rule("expires_on", "in_next_days", "7"), today=TODAY)
    assert last == {by_day[-7], by_day[0]}
    assert coming == {by_day[0], by_day[7]}


def test_an_account_is_asked_for_its_state(app: Flask) -> None:
    invited = factories.account(password=None)
    active = factories.account()
    deactivated = factories.account(active=False)
    without = factories.person()
    for state, account in (
        ("invited", invited),
        ("active", active),
        ("deactivated", deactivated),
    ):
        assert account.state == state
        assert selected(rule("account_state", "is", state)) == {account.person_id}
    assert selected(rule("account_state", "empty")) == {without.id}


def test_letters_are_compared_without_regard_to_case_and_to_nothing_else(app: Flask) -> None:
    cities = {
        name: factories.person(city=name).id
        for name in ("ÉVORA", "Evora", "Straße", "STRASSE", "İzmir", "izmir", "ızmir", "ΟΔΟΣ")
    }
    for given_name, found in (
        ("évora", {"ÉVORA"}),
        ("evora", {"Evora"}),
        ("STRAẞE", {"Straße"}),
        ("strasse", {"STRASSE"}),
        ("IZMIR", {"İzmir", "izmir"}),
        ("οδος", {"ΟΔΟΣ"}),
    ):
        assert selected(rule("city", "is", given_name)) == {cities[name] for name in found}
    assert selected(rule("city", "starts_with", "οδοσ")) == {cities["ΟΔΟΣ"]}


def test_what_means_something_in_a_pattern_means_itself(app: Flask) -> None:
    rows = {name: factories.person(city=name).id for name in ("100%", "1000", "a_b", "axb", "a/b")}
    for op, text, found in (
        ("contains", "0%", {"100%"}),
        ("ends_with", "_b", {"a_b"}),
        ("starts_with", "a/", {"a/b"}),
        ("not_contains", "%", {"1000", "a_b", "axb", "a/b"}),
    ):
        assert selected(rule("city", op, text)) == {rows[name] for name in found}


def test_a_condition_as_large_as_may_be_is_answered(app: Flask) -> None:
    texts = [f"é{number}" for number in range(conditions.MOST_VALUES)]
    part: Any = {"none": [rule("company.city", "one_of", texts) for _number in range(100)]}
    for _level in range(conditions.DEEPEST - 1):
        part = {"none": [part]}
    person = factories.person(company=factories.company(city="É7"))
    assert person.id not in selected(part)
    with pytest.raises(InvalidCondition, match="at most 5 deep"):
        conditions.parse({"all": [part]})
    with pytest.raises(InvalidCondition, match="at most 100 rules"):
        conditions.parse({"all": [part["none"][0], *part["none"]]})


def test_all_of_very_many_choices_is_no_days_work_for_the_database(app: Flask) -> None:
    field = fields.create("Areas", "several_of", choices=[f"c{number}" for number in range(60)])
    db.session.commit()
    person = factories.person()
    keys = [choice.key for choice in field.choices]
    fields.set_value(person, field, keys[:2])
    db.session.commit()
    again = {"field": field.key, "op": "all_of", "value": keys[:2] * 100}
    assert selected({"all": [again] * 20}) == {person.id}
    every = {"field": field.key, "op": "all_of", "value": keys}
    assert selected(every) == set()
    with pytest.raises(InvalidCondition, match="at most 100 rules"):
        conditions.parse({"all": [every, every]})


def test_what_a_condition_asks_about_is_known(own: None) -> None:
    groups.create("The board", conditions.NOBODY, key="b")
    tree = conditions.parse(
        {
            "all": [
                rule("city", "empty"),
                {"none": [rule("group", "one_of", ["b"]), rule("company.seats", "is", 3)]},
                rule("region", "one_of", ["northeast"]),
            ]
        }
    )
    assert conditions.groups_asked(tree) == {"b"}
    assert conditions.fields_asked(tree) == {"city", "seats", "region"}
    assert (conditions.asks_about_company(tree), conditions.asks_about_days(tree)) == (True, False)
    assert conditions.asks_about_days(conditions.parse(rule("joined_on", "in_last_days", 3)))
    assert not conditions.asks_about_company(conditions.parse(rule("city", "empty")))


def test_two_groups_of_one_name_are_told_apart_by_key(app: Flask) -> None:
    for key in ("one", "two"):
        groups.create("Board", conditions.NOBODY, key=key)
    with pytest.raises(InvalidCondition, match="2 groups are called “board”: name the one by its"):
        conditions.parse(rule("group", "is", "board"))
    assert conditions.parse(rule("group", "is", "two"))["all"][0]["value"] == "two"


def test_an_associations_own_field_named_group_keeps_its_meaning(app: Flask) -> None:
    db.session.add(fields.CustomField(key="group", label="Group", kind="text"))
    db.session.commit()
    board = factories.group({"any": []}, key="b", name="Board")
    known = conditions.known_fields()
    assert known["group"].kind == "text"
    asked = conditions.parse(rule("contact.group", "is", "board"))
    assert conditions.groups_asked(asked) == {board.key}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**4000, max_value=10**4001)
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["city", "joined_on", "seats", "areas", "group", "is", "one_of", "between"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["all", "any", "none", "field", "op", "value", "version"]) | st.text(),
            inner,
            max_size=4,
        )
        | st.fixed_dictionaries(
            {
                "field": st.sampled_from(["city", "joined_on", "company.seats", "areas", "group"]),
                "op": st.sampled_from(["is", "one_of", "between", "in_last_days", "contains"]),
                "value": inner,
            }
        )
    ),
    max_leaves=12,
)
QUICK = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def known(own: None) -> dict[str, conditions.AnyField]:
    """What may be named, read once."""
    groups.create("The board", conditions.NOBODY, key="the-board")
    return conditions.known_fields()


@QUICK
@given(garbage=JSON)
def test_garbage_is_refused_or_understood_and_nothing_else(
    known: dict[str, conditions.AnyField], garbage: Any
) -> None:
    try:
        tree = conditions.parse(garbage, known)
    except InvalidCondition as error:
        str(error).encode()
    else:
        conditions.compile_condition(tree, known, today=TODAY)


@QUICK
@given(data=st.data())
def test_the_normal_form_stays_and_has_a_sentence(
    known: dict[str, conditions.AnyField], data: st.DataObject
) -> None:
    tree = data.draw(condition_trees.trees(known))
    assert conditions.parse(tree, known) == tree
    assert conditions.from_json(json.dumps(tree), known) == tree
    for some in (known, {}, {"city": known["city"]}):
        said = conditions.sentence(tree, some)
        assert said.strip()
        assert said.count("(") == said.count(")") or "text" in str(tree)
