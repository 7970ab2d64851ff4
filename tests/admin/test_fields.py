"""The panel's pages of custom fields."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.database import db
from idp.directory import fields
from idp.oauth import registration
from tests import browsing, factories


def areas() -> fields.CustomField:
    """A field with three choices, of which a person has two."""
    field = fields.create(
        "Areas", "several_of", choices=["Law", "Rail", "Art"], in_members_section=True
    )
    db.session.commit()
    fields.set_value(factories.person(), field, ["law", "rail"])
    db.session.commit()
    return field


FORM = {
    "label": "Areas",
    "kind": "several_of",
    "applies_to": "person",
    "in_members_section": "y",
    "choice_law": "Law",
    "choice_rail": "Rail",
    "choice_art": "Art",
    "more_choices": "",
}


def test_a_field_of_every_kind_is_made(app: Flask, staff: FlaskClient) -> None:
    for kind in fields.KINDS:
        browsing.submit(
            staff, "/panel/fields/new", label=f"My {kind}", kind=kind, applies_to="both",
            more_choices="A\nB",
        )  # fmt: skip
    assert [field.kind for field in fields.all_fields()] == list(fields.KINDS)
    page = staff.get("/panel/fields/").text
    for name in fields.KIND_NAMES.values():
        assert name in page


def test_what_is_wrong_is_said_at_its_field_and_at_the_top(app: Flask, staff: FlaskClient) -> None:
    page = browsing.submit(
        staff, "/panel/fields/new", label="Size", kind="one_of", applies_to="person"
    ).text
    assert "Nothing is saved yet: see what is marked below." in page
    assert "Write at least one choice." in page
    assert not fields.all_fields()


def test_the_page_says_how_many_contacts_have_a_value_and_each_choice(
    app: Flask, staff: FlaskClient
) -> None:
    areas()
    page = staff.get("/panel/fields/areas").text
    assert "1 contact has a value of it" in page
    assert page.count(">1 has it<") == 2
    assert page.count(">0 have it<") == 1


def test_choices_are_moved_by_buttons_and_the_rest_of_the_form_is_saved_too(
    app: Flask, staff: FlaskClient
) -> None:
    areas()
    form = FORM | {"choice_art": "Fine art", "move": "up art"}
    answer = browsing.submit(staff, "/panel/fields/areas", **form)
    assert answer.location.endswith("/panel/fields/areas#choices")
    choices = fields.all_fields()[0].choices
    assert [(choice.key, choice.label) for choice in choices] == [
        ("law", "Law"),
        ("art", "Fine art"),
        ("rail", "Rail"),
    ]
    # What is no move is none.
    for move in ("up law", "down rail", "sideways art", "up nothing", ""):
        browsing.submit(staff, "/panel/fields/areas", **(form | {"move": move}))
    db.session.expire_all()
    assert [choice.key for choice in fields.all_fields()[0].choices] == ["law", "art", "rail"]


def test_enter_in_an_input_saves_and_moves_nothing(app: Flask, staff: FlaskClient) -> None:
    areas()
    page = staff.get("/panel/fields/areas").text
    form = page[page.index('id="field-form"') :]
    assert form.index('type="submit"') < form.index('name="move"')
    assert "name=" not in form[form.index("<button") : form.index("</button>")]


def test_fields_are_moved_by_buttons(app: Flask, staff: FlaskClient) -> None:
    for label in ("Region", "Sector", "Motto"):
        fields.create(label, "text")
    db.session.commit()
    browsing.submit(staff, "/panel/fields/", "/panel/fields/motto/move", to="up")
    browsing.submit(staff, "/panel/fields/", "/panel/fields/region/move", to="up")
    assert [field.key for field in fields.all_fields()] == ["region", "motto", "sector"]
    answer = browsing.submit(staff, "/panel/fields/", "/panel/fields/motto/move", to="away")
    assert answer.status_code == 400


def test_show_is_not_switched_off_while_the_sync_is_on(app: Flask, staff: FlaskClient) -> None:
    field = areas()
    field.sync = True
    db.session.commit()
    form = {name: value for name, value in FORM.items() if name != "in_members_section"}
    page = browsing.submit(staff, "/panel/fields/areas", **form, sync="y")
    assert "Show it there, or switch the sync off too." in page.text
    db.session.expire_all()
    assert fields.all_fields()[0].in_members_section
    assert browsing.submit(staff, "/panel/fields/areas", **form).status_code == 303
    db.session.expire_all()
    field = fields.all_fields()[0]
    assert (field.in_members_section, field.sync) == (False, False)


def test_a_field_is_not_narrowed_while_the_others_have_values(
    app: Flask, staff: FlaskClient
) -> None:
    areas()
    page = browsing.submit(staff, "/panel/fields/areas", **(FORM | {"applies_to": "company"}))
    assert "1 person has a value of it" in page.text
    assert fields.all_fields()[0].applies_to == "person"


def test_deleting_says_in_numbers_what_goes(app: Flask, staff: FlaskClient) -> None:
    areas()
    address = "/panel/fields/areas/delete"
    page = staff.get(address).text
    assert "1 contact has a value of it" in page
    assert "Delete the field and 1 value" in page
    assert browsing.submit(staff, address).status_code == 303
    assert fields.all_fields() == []
    assert "deleted, with 1 value" in staff.get("/panel/fields/").text
    assert staff.get(address).status_code == 404


def test_deleting_says_what_stands_in_the_way(app: Flask, staff: FlaskClient) -> None:
    field = areas()
    field.sync = True
    factories.group({"field": "areas", "op": "contains", "value": "law"}, name="Lawyers")
    client, _secret = registration.create("Bookshop", "oidc", ["https://b.example.org/cb"])
    registration.change(client, claim_map={"areas": "custom.areas"})
    db.session.commit()
    address = "/panel/fields/areas/delete"
    page = staff.get(address).text
    for words in ("Higher Logic is told of it", "Lawyers", "Bookshop"):
        assert words in page
    assert "Delete the field" not in page
    for _ in range(2):
        browsing.submit(staff, "/panel/fields/", address)
        assert len(fields.all_fields()) == 1
        registration.change(client, claim_map={})
        db.session.commit()


def test_two_fields_of_one_name_at_once_are_one_and_a_word_to_whoever_was_slower(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields.create("Motto", "text")
    db.session.commit()
    # What the slower one reads while the other's is not kept yet.
    monkeypatch.setattr("idp.directory.fields.catalogue.free_key", lambda wanted, _taken: wanted)
    answer = browsing.submit(
        staff, "/panel/fields/new", label="Motto", kind="text", applies_to="person"
    )
    assert answer.status_code == 200
    assert "Somebody else has just saved one of this name" in answer.text
    assert [field.key for field in fields.all_fields()] == ["motto"]
