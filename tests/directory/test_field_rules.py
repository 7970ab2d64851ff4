"""What holds for custom fields whoever asks: in the model, and in the database itself."""

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from idp.database import db
from idp.directory import fields
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField, FieldValue
from tests import factories


def refused(field: CustomField, **values: Any) -> InvalidValue:
    """What the model says against a change."""
    with pytest.raises(InvalidValue) as error:
        write(field, **values)
    db.session.rollback()
    return error.value


def write(field: CustomField, **values: Any) -> None:
    """Change a field and send it to the database."""
    for name, value in values.items():
        setattr(field, name, value)
    db.session.flush()


def test_a_field_syncs_only_when_it_is_shown_whatever_writes_it(app: Flask) -> None:
    field = fields.create("Region", "text")
    db.session.commit()
    assert refused(field, sync=True).reason == "sync_needs_members_section"
    assert refused(field, member_may_edit=True).reason == "edit_needs_members_section"
    # In whichever order they are written.
    field.sync = True
    field.in_members_section = True
    db.session.commit()
    error = refused(field, in_members_section=False)
    assert "Show it there, or switch the sync off too" in str(error)
    field.in_members_section = False
    field.sync = False
    db.session.commit()
    fields.create("Sector", "text", sync=True)
    with pytest.raises(InvalidValue):
        db.session.flush()


def test_a_key_and_a_kind_never_change_and_a_name_does(app: Flask) -> None:
    field = fields.create("Region", "one_of", choices=["North"])
    db.session.commit()
    assert refused(field, key="area").reason == "key_is_permanent"
    assert refused(field, kind="text").reason == "kind_is_permanent"
    with pytest.raises(InvalidValue, match="A choice's key never changes"):
        field.choices[0].key = "south"
    field.label, field.choices[0].label = "Area", "Far north"
    db.session.commit()
    assert (field.key, field.choices[0].key) == ("region", "north")


def test_a_field_is_not_narrowed_while_the_others_have_values(app: Flask) -> None:
    field = fields.create("Turnover", "decimal", applies_to="both")
    db.session.commit()
    company, person = factories.company(), factories.person()
    for contact in (company, person):
        fields.set_value(contact, field, Decimal("1.5"))
    db.session.commit()
    error = refused(field, applies_to="person")
    assert (error.field, error.reason) == ("applies_to", "has_values")
    assert "1 company has a value of it" in str(error)
    assert "1 person has a value" in str(refused(field, applies_to="company"))
    fields.set_value(person, field, None)
    db.session.commit()
    field.applies_to = "company"
    db.session.commit()


def test_choices_have_bounds_and_no_bar(app: Flask) -> None:
    field = fields.create("Area", "several_of", choices=["Law"])
    for label, reason in (("a|b", "has_bar"), (" ", "missing_label"), ("x" * 256, "too_long")):
        with pytest.raises(InvalidValue) as error:
            field.add_choice(label)
        assert (error.value.field, error.value.reason) == ("choices", reason)
    for number in range(fields.MOST_CHOICES - 1):
        field.add_choice(f"Choice {number}")
    with pytest.raises(InvalidValue, match="at most 500"):
        field.add_choice("One more")
    db.session.rollback()


def test_fields_and_choices_are_moved_one_place_at_a_time(app: Flask) -> None:
    region, sector, area = (
        fields.create(label, "several_of", choices=["A", "B", "C"])
        for label in ("Region", "Sector", "Area")
    )
    db.session.commit()
    assert not fields.move(region, -1)
    assert fields.move(area, -1)
    assert fields.move(region, 1)
    db.session.commit()
    assert fields.all_fields() == [area, region, sector]
    assert not fields.move(sector, 1)
    assert fields.move_choice(area.choices[2], -1)
    assert not fields.move_choice(area.choices[0], -1)
    assert [choice.key for choice in area.choices] == ["a", "c", "b"]
    # A new one comes last, although there are fewer than there were.
    db.session.delete(region)
    db.session.flush()
    assert fields.create("Last", "text").position == 3


def test_no_field_is_called_what_conditions_call_something_else(app: Flask) -> None:
    assert fields.create("Group", "text").key == "group_2"
    assert fields.create("City", "text").key == "city_2"


@pytest.fixture
def values(app: Flask) -> dict[str, int]:
    """A person with a value of one of, of several of and of text; ids by name."""
    ids = {"person": factories.person().id}
    person = db.session.get_one(factories.Person, ids["person"])
    for kind, value in (("one_of", "a"), ("several_of", ["a", "b"]), ("text", "words")):
        choices = ["A", "B"] if kind in fields.WITH_CHOICES else []
        field = fields.create(kind, kind, choices=choices)  # type: ignore[arg-type]
        db.session.flush()
        fields.set_value(person, field, value)  # type: ignore[arg-type]
        ids[kind] = field.id
        ids |= {f"{kind}.{choice.key}": choice.id for choice in field.choices}
    db.session.commit()
    return ids


INSERT = "INSERT INTO custom_field_value (contact_id, field_id, kind, slot, "


@pytest.mark.parametrize(
    "statement",
    [
        # A second row where there is one.
        INSERT + "text) VALUES (:person, :text, 'text', 0, 'more')",
        INSERT + "choice_id) VALUES (:person, :one_of, 'one_of', 0, :one_b)",
        INSERT + "choice_id) VALUES (:person, :several_of, 'several_of', :several_a, :several_a)",
        # A slot that is not the one it has.
        INSERT + "text) VALUES (:person, :text, 'text', 1, 'more')",
        INSERT + "choice_id) VALUES (:person, :several_of, 'several_of', 0, :several_a)",
        # Another field's kind, another kind's column, another field's choice, nothing, too much.
        "UPDATE custom_field_value SET kind = 'long_text' WHERE kind = 'text'",
        "UPDATE custom_field_value SET text = NULL, truth = true WHERE kind = 'text'",
        "UPDATE custom_field_value SET truth = true WHERE kind = 'text'",
        "UPDATE custom_field_value SET choice_id = :several_a WHERE kind = 'one_of'",
        "UPDATE custom_field_value SET text = NULL WHERE kind = 'text'",
        "UPDATE custom_field_value SET text = '' WHERE kind = 'text'",
        # The kind of a field that has values.
        "UPDATE custom_field SET kind = 'long_text' WHERE kind = 'text'",
    ],
)
def test_the_database_refuses_values_that_say_nothing_or_two_things(
    values: dict[str, int], statement: str
) -> None:
    names = {name: number for name, number in values.items() if "." not in name}
    names |= {"one_b": values["one_of.b"], "several_a": values["several_of.a"]}
    used = {name: number for name, number in names.items() if f":{name}" in statement}
    with pytest.raises(IntegrityError):
        db.session.execute(text(statement), used)
    db.session.rollback()


def test_the_database_refuses_a_text_beyond_the_bound(values: dict[str, int]) -> None:
    with pytest.raises(IntegrityError):
        db.session.execute(
            text("UPDATE custom_field_value SET text = :long WHERE kind = 'text'"),
            {"long": "x" * (fields.LONG_TEXT_LENGTH + 1)},
        )
    db.session.rollback()


def test_rows_that_a_statement_writes_need_nothing_but_contact_and_field(
    values: dict[str, int],
) -> None:
    several = db.session.get_one(CustomField, values["several_of"])
    person_id = factories.person().id
    rows = fields.rows_for(several, ["a", "b"])
    db.session.execute(
        db.insert(FieldValue),
        [{"contact_id": person_id, "field_id": several.id, **row} for row in rows],
    )
    db.session.commit()
    assert fields.contacts_by_choice(several) == {"a": 2, "b": 2}
