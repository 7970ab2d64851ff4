"""Values of custom fields: what is read, kept, shown and read again is the same, of every kind."""

import datetime as dt
import threading
import time
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from idp.database import db
from idp.directory import fields
from idp.directory.contacts import InvalidValue
from idp.directory.fields import KINDS, CustomField, FieldKind, FieldValue, Value
from tests import factories

CHOICES = ("North", "South", "Far east")


def field_of(kind: FieldKind, **more: object) -> CustomField:
    """A field of a kind that is kept of people and companies."""
    choices = CHOICES if kind in fields.WITH_CHOICES else ()
    field = fields.create(f"A {kind}", kind, applies_to="both", choices=choices, **more)  # type: ignore[arg-type]
    db.session.commit()
    return field


def kept(field: CustomField, person_id: int) -> list[FieldValue]:
    """The rows as the database has them."""
    query = select(FieldValue).where(
        FieldValue.contact_id == person_id, FieldValue.field_id == field.id
    )
    return list(db.session.scalars(query))


keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100).filter(
    lambda text: not any(c.isspace() or ord(c) < 32 or ord(c) == 127 for c in text)
)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
WRITTEN: dict[FieldKind, st.SearchStrategy[str]] = {
    "text": st.text(max_size=255),
    "long_text": st.one_of(st.text(max_size=500), st.text("a\r\n\t \x00", max_size=200)),
    "yes_no": st.sampled_from(["yes", "No", "TRUE", "0", "x", " n "]),
    "whole_number": st.integers(-(10**15), 10**15).map(str),
    "decimal": st.decimals(
        -999_999_999_999, 999_999_999_999, allow_nan=False, allow_infinity=False, places=6
    ).map(lambda number: format(number, "f")),
    "date": st.dates().map(dt.date.isoformat),
    "one_of": st.sampled_from(["north", "NORTH", "Far east", "far_east"]),
    "several_of": st.lists(st.sampled_from(["north", "South", "", "far_east"])).map("|".join),
    "email": st.builds("{}@{}.example".format, names, names).map(lambda text: f" {text}"),
    "web_address": st.builds("https://{}.example/{}".format, names, names),
    "key": keys,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_kept_shown_and_read_again_the_same(app: Flask, kind: FieldKind) -> None:
    field, person = field_of(kind), factories.person()
    person_id = person.id

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(WRITTEN[kind])
    def holds(text: str) -> None:
        value = fields.parsed(field, text)
        fields.set_value(person, field, value)
        db.session.commit()
        rows = kept(field, person_id)
        assert fields.value_of(rows) == value
        assert type(fields.value_of(rows)) is type(value)
        assert fields.shown(rows) == fields.said(field, value)
        assert fields.parsed(field, fields.written(rows)) == value
        # The same again changes nothing.
        assert not fields.set_value(person, field, fields.parsed(field, fields.written(rows)))

    holds()


@given(
    st.decimals(-999_999_999_999, 999_999_999_999, allow_nan=False, allow_infinity=False, places=6)
)
def test_a_decimal_is_written_without_exponent_and_without_zeros_at_its_end(
    number: Decimal,
) -> None:
    text = fields.decimal_text(number)
    assert Decimal(text) == number
    assert "E" not in text
    assert "." not in text or not text.endswith(("0", "."))


def test_decimals_are_exact_and_in_order_on_every_database(app: Flask) -> None:
    field = field_of("decimal")
    written = ["-999999999999.999999", "-0.000001", "0", "0.1", "0.3", "999999999999.999999"]
    people = {text: factories.person() for text in reversed(written)}
    for text, person in people.items():
        fields.set_value(person, field, fields.parsed(field, text))
    db.session.commit()
    column = FieldValue.__table__.c.decimal
    kept = list(db.session.scalars(select(column).order_by(column)))
    assert kept == [Decimal(text) for text in written]
    assert list(db.session.scalars(select(column).where(column == Decimal("0.3")))) == [
        Decimal("0.3")
    ]
    below = select(func.count()).where(column < Decimal("0.3"))
    assert db.session.scalar(below) == 4


REFUSED = [
    ("text", "x" * 256, "too_long"),
    ("long_text", "x" * 20_001, "too_long"),
    ("yes_no", "perhaps", "invalid_yes_no"),
    ("whole_number", "1.5", "invalid_number"),
    ("whole_number", "1" * 16, "invalid_number"),
    ("decimal", "1,500", "invalid_decimal"),
    ("decimal", "1e3", "invalid_decimal"),
    ("decimal", "0.0000001", "invalid_decimal"),
    ("decimal", "1000000000000", "invalid_decimal"),
    ("decimal", "9" * 100_000, "invalid_decimal"),
    ("decimal", ".", "invalid_decimal"),
    ("decimal", "NaN", "invalid_decimal"),
    ("decimal", "٣", "invalid_decimal"),
    ("date", "02/03/2026", "invalid_date"),
    ("date", "2026-02-30", "invalid_date"),
    ("one_of", "West", "invalid_choice"),
    ("several_of", "North|West", "invalid_choice"),
    ("email", "ada", "invalid_email"),
    ("web_address", "javascript:alert(1)", "invalid_url"),
    ("web_address", "https://" + "x" * 500, "invalid_url"),
    ("key", "two words", "invalid_key"),
    ("key", "x" * 101, "invalid_key"),
]


@pytest.mark.parametrize(("kind", "text", "reason"), REFUSED)
def test_what_is_not_of_the_kind_is_refused_and_the_field_is_named(
    app: Flask, kind: FieldKind, text: str, reason: str
) -> None:
    field = field_of(kind)
    with pytest.raises(InvalidValue) as refused:
        fields.parsed(field, text)
    assert (refused.value.field, refused.value.reason) == (field.key, reason)


READ: list[tuple[FieldKind, str, Value]] = [
    ("text", "two\r\nlines ", "two lines"),
    ("text", "\x07", None),
    ("long_text", "one\r\n\r\ntwo\rthree\n", "one\n\ntwo\nthree"),
    ("long_text", "é" * 20_000, "é" * 20_000),
    ("decimal", " 01.50 ", Decimal("1.5")),
    ("decimal", "-0", Decimal(0)),
    ("decimal", "0.10000000", Decimal("0.1")),
    ("several_of", "|", None),
    ("several_of", "South|north|SOUTH", ["north", "south"]),
    ("email", " Ada@Example.org ", "Ada@Example.org"),
    ("key", " A-00/7é ", "A-00/7é"),
    # What names a client here may name anything elsewhere.
    ("key", "client-" + "0" * 24, "client-" + "0" * 24),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ)
def test_what_is_read(app: Flask, kind: FieldKind, text: str, value: Value) -> None:
    read = fields.parsed(field_of(kind), text)
    assert read == value
    assert str(read) != "-0"


def test_a_choice_may_be_named_like_another_ones_key(app: Flask) -> None:
    field = fields.create("Area", "several_of", choices=["Law", "Rail"])
    law, rail = field.choices
    law.label = "Rights"
    rail.label = "Law"
    db.session.commit()
    person = factories.person()
    fields.set_value(person, field, ["rail"])
    db.session.commit()
    rows = kept(field, person.id)
    assert fields.shown(rows) == "Law"
    assert fields.parsed(field, fields.written(rows)) == ["rail"]


def test_a_value_changed_in_place_is_shown_at_once(app: Flask) -> None:
    field, person = field_of("one_of"), factories.person()
    for key, label in (("north", "North"), ("south", "South")):
        fields.set_value(person, field, key)
        db.session.flush()
        assert fields.shown(fields.values_of(person)[field.key]) == label


def test_a_value_of_a_field_that_is_not_kept_of_such_a_contact_is_refused(app: Flask) -> None:
    field = fields.create("Turnover", "decimal", applies_to="company")
    db.session.commit()
    with pytest.raises(InvalidValue, match="Turnover is not kept of people"):
        fields.set_value(factories.person(), field, Decimal(1))
    assert fields.set_value(factories.company(), field, Decimal(1))


@pytest.mark.compliance("ST4")
def test_two_who_write_the_first_value_at_once_leave_one(app: Flask) -> None:
    field_id, person_id = field_of("text").id, factories.person().id
    db.session.rollback()
    first_wrote, failures = threading.Event(), []

    def write(text: str, before: threading.Event | None) -> None:
        try:
            with app.app_context():
                person = db.session.get_one(factories.Person, person_id)
                field = db.session.get_one(CustomField, field_id)
                if before is None:
                    fields.set_value(person, field, text)
                    first_wrote.set()
                    time.sleep(0.3)  # the other comes to where it has to wait
                else:
                    db.session.rollback()
                    before.wait(30)
                    fields.set_value(person, field, text)
                db.session.commit()
        except BaseException as error:  # noqa: BLE001 (told by the test)
            failures.append(error)
            first_wrote.set()

    second = threading.Thread(target=write, args=("second", first_wrote))
    first = threading.Thread(target=write, args=("first", None))
    for thread in (first, second):
        thread.start()
    for thread in (first, second):
        thread.join(60)
    assert failures == []
    assert list(db.session.scalars(select(FieldValue.text))) == ["second"]


def test_how_many_contacts_have_a_value_and_each_choice(app: Flask) -> None:
    field = field_of("several_of")
    for chosen in (["north"], ["north", "south"], []):
        fields.set_value(factories.person(), field, list(chosen))
    db.session.commit()
    assert fields.contacts_with_value(field) == 2
    assert fields.contacts_by_choice(field) == {"north": 2, "south": 1}
