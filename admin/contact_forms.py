"""The forms of people and companies, and taking from them what was typed.

Every value is tried, so that all that is wrong is said at once, each at its field.
"""

from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
    URLField,
    validators,
    widgets,
)
from wtforms.fields import SelectChoice

from idp.directory import accounts, fields
from idp.directory.contacts import (
    BIO_LENGTH,
    TEXT_LENGTH,
    URL_LENGTH,
    Contact,
    InvalidValue,
    Person,
)
from idp.directory.fields import CustomField, FieldValue

ADDRESS = "address_1 address_2 city state postal_code country".split()
WEB = "website linkedin twitter facebook youtube".split()
NAMES = "prefix first_name middle_name last_name suffix informal_name designation".split()
COMMON = [
    *("member_id", "member_type", "member_status", "joined_on", "expires_on"),
    *("phone", "mobile", *ADDRESS, *WEB, "bio"),
]


def _line(label: str, kind: type[StringField] = StringField) -> StringField:
    return kind(label, [validators.Length(max=TEXT_LENGTH)])


def _web(label: str) -> StringField:
    return URLField(
        label, [validators.Length(max=URL_LENGTH)], render_kw={"placeholder": "https://"}
    )


class ContactForm(FlaskForm):  # type: ignore[misc]
    """What people and companies have in common."""

    member_id = _line("Member ID")
    member_type = _line("Member type")
    member_status = _line("Member status")
    joined_on = DateField("Member since", [validators.Optional()])
    expires_on = DateField("Expires on", [validators.Optional()])
    email = EmailField("E-mail", [validators.Length(max=254)])
    phone = _line("Phone", TelField)
    mobile = _line("Mobile phone", TelField)
    address_1 = _line("Address")
    address_2 = _line("Address, second line")
    city = _line("City")
    state = _line("State")
    postal_code = _line("Postal code")
    country = _line("Country")
    website = _web("Website")
    linkedin = _web("LinkedIn")
    twitter = _web("X (Twitter)")
    facebook = _web("Facebook")
    youtube = _web("YouTube")
    bio = TextAreaField("Biography", [validators.Length(max=BIO_LENGTH)], render_kw={"rows": 6})
    active = BooleanField("The record is in use", default=True)


class PersonForm(ContactForm):
    """A person."""

    prefix = _line("Prefix")
    first_name = _line("First name")
    middle_name = _line("Middle name")
    last_name = _line("Last name")
    suffix = _line("Suffix")
    informal_name = _line("Informal name")
    designation = _line("Designation")
    job_title = _line("Job title")
    company = _line("Company")


class CompanyForm(ContactForm):
    """A company."""

    name = _line("Name")


def form_with(
    base: type[ContactForm], custom: Iterable[CustomField], values: dict[str, list[FieldValue]]
) -> type[ContactForm]:
    """The form with the association's own fields, as ``custom_<key>``."""
    more = {f"custom_{field.key}": _input(field, values.get(field.key, [])) for field in custom}
    return type("ContactFormWithFields", (base,), more)


def _input(field: CustomField, rows: list[FieldValue]) -> object:
    # A choice that is no longer offered stays with who has it.
    held = {row.choice_id for row in rows}
    choices = [
        SelectChoice(choice.key, choice.label)
        for choice in field.choices
        if not choice.retired or choice.id in held
    ]
    nothing = SelectChoice("", "–")
    match field.kind:
        case "several_of":
            return SelectMultipleField(
                field.label,
                choices=choices,
                widget=widgets.ListWidget(prefix_label=False),
                option_widget=widgets.CheckboxInput(),
            )
        case "one_of":
            return SelectField(field.label, choices=[nothing, *choices])
        case "yes_no":
            answers = [nothing, SelectChoice("yes", "Yes"), SelectChoice("no", "No")]
            return SelectField(field.label, choices=answers)
        case "date":
            return StringField(field.label, render_kw={"type": "date"})
        case "whole_number":
            return StringField(field.label, render_kw={"inputmode": "numeric"})
        case _:
            return StringField(field.label, [validators.Length(max=TEXT_LENGTH)])


def written(rows: list[FieldValue]) -> str | list[str]:
    """A custom field's value as its input holds it."""
    value = fields.value_of(rows)
    if isinstance(value, list):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def take(form: ContactForm, contact: Contact, names: Iterable[str]) -> dict[str, list[Any]]:
    """Put what was typed into the contact; gives what changed, before and after.

    What cannot be taken is said at its field, and the caller rolls back (``form.errors``).
    """
    changed: dict[str, list[Any]] = {}
    for name in names:
        if form[name].errors:
            continue
        before = getattr(contact, name)
        given = form[name].data
        try:
            if name == "email" and isinstance(contact, Person):
                accounts.change_email(contact, given or "")
            else:
                setattr(contact, name, given if name.endswith("_on") else given or "")
        except InvalidValue as error:
            say(form, name, error)
        else:
            note(changed, name, before, getattr(contact, name))
    return changed


def take_custom(
    form: ContactForm,
    contact: Contact,
    custom: Iterable[CustomField],
    values: dict[str, list[FieldValue]],
) -> dict[str, list[Any]]:
    """``take`` for the association's own fields."""
    changed: dict[str, list[Any]] = {}
    for field in custom:
        if form[f"custom_{field.key}"].errors:
            continue
        data = form[f"custom_{field.key}"].data
        rows = values.get(field.key, [])
        before = fields.shown(rows)
        try:
            given = fields.parsed(field, "|".join(data) if isinstance(data, list) else data or "")
        except InvalidValue as error:
            say(form, f"custom_{field.key}", error)
        else:
            if fields.replace_rows(contact, field, rows, given):
                changed[field.key] = [before, given if given is None else str(given)]
    return changed


def note(changed: dict[str, list[Any]], name: str, before: Any, after: Any) -> None:
    """Note a change for the audit; days are written as days."""
    if before != after:
        changed[name] = [
            value.isoformat() if hasattr(value, "isoformat") else value for value in (before, after)
        ]


def say(form: ContactForm, name: str, error: InvalidValue) -> None:
    """Say what is wrong at the field."""
    form[name].errors = [*form[name].errors, str(error)]
