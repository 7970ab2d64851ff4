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
    StringField,
    TelField,
    TextAreaField,
    URLField,
    validators,
)

from idp import custom_inputs
from idp.custom_inputs import Values
from idp.directory import accounts, contacts
from idp.directory.contacts import (
    ADDRESS,
    BIO_LENGTH,
    KEY_LENGTH,
    KNOWN_PHONE_TYPES,
    PHONE_TYPE_LENGTH,
    PHONE_TYPES,
    PHONES,
    TEXT_LENGTH,
    TEXTS,
    URL_LENGTH,
    WEB_ADDRESSES,
    Contact,
    InvalidValue,
    Person,
)
from idp.directory.fields import CustomField
from idp.directory.values import one_line

COMMON = [
    *("member_id", "member_type", "member_status", "joined_on", "expires_on"),
    *(*PHONES, *PHONE_TYPES, *ADDRESS, *WEB_ADDRESSES, "bio"),
]

_LINES = frozenset(TEXTS)


def _line(label: str, kind: type[StringField] = StringField) -> StringField:
    return kind(label, [validators.Length(max=TEXT_LENGTH)])


def _phone_type(label: str) -> StringField:
    return StringField(
        label, [validators.Length(max=PHONE_TYPE_LENGTH)], render_kw={"list": "phone-types"}
    )


def _web(name: str) -> StringField:
    label = WEB_ADDRESSES[name]
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
    phone_1 = _line("Phone 1", TelField)
    phone_1_type = _phone_type("Type of phone 1")
    phone_2 = _line("Phone 2", TelField)
    phone_2_type = _phone_type("Type of phone 2")
    phone_3 = _line("Phone 3", TelField)
    phone_3_type = _phone_type("Type of phone 3")
    phone_4 = _line("Phone 4", TelField)
    phone_4_type = _phone_type("Type of phone 4")
    address_1 = _line("Address")
    address_2 = _line("Address, second line")
    address_3 = _line("Address, third line")
    city = _line("City")
    state = _line("State")
    postal_code = _line("Postal code")
    country = _line("Country")
    website = _web("website")
    linkedin = _web("linkedin")
    twitter = _web("twitter")
    facebook = _web("facebook")
    youtube = _web("youtube")
    google_plus = _web("google_plus")
    blogger = _web("blogger")
    wordpress = _web("wordpress")
    other_blog = _web("other_blog")
    bio = TextAreaField("Biography", [validators.Length(max=BIO_LENGTH)], render_kw={"rows": 6})
    key = StringField("Key", [validators.Length(max=KEY_LENGTH)])

    phone_types = KNOWN_PHONE_TYPES


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
    in_directory = BooleanField("Shown in the directory of members", default=True)


class CompanyForm(ContactForm):
    """A company."""

    name = _line("Name")
    parent = _line("Part of")
    main_contact = _line("Main contact")


def form_with(
    base: type[ContactForm], custom: Iterable[CustomField], values: Values
) -> type[ContactForm]:
    """The form with the association's own fields, as ``custom_<key>``."""
    return type("ContactFormWithFields", (base,), custom_inputs.inputs(custom, values))


def present(contact: Contact, names: Iterable[str]) -> dict[str, Any]:
    """What the inputs hold before anybody typed, by name."""
    return {
        name: one_line(value) if name in _LINES and value else value
        for name, value in ((name, getattr(contact, name)) for name in names)
    }


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
        if name in _LINES and given == one_line(before):
            continue  # as it was shown: its line breaks stay
        try:
            if name == "email" and isinstance(contact, Person):
                accounts.change_email(contact, given or "")
            else:
                kept = isinstance(given, bool) or name.endswith("_on")
                setattr(contact, name, given if kept else given or "")
        except InvalidValue as error:
            say(form, name, error)
        else:
            note(changed, name, before, getattr(contact, name))
    return changed


def take_key(form: ContactForm, contact: Contact) -> None:
    """Give a new contact the key that was typed, if there is one: from then on it stays."""
    given = (form["key"].data or "").strip()
    if not given:
        return
    try:
        if contacts.find(given) is not None:
            raise InvalidValue("key", "duplicate_key", "Another contact has this key.")
        contact.key = given
    except InvalidValue as error:
        say(form, "key", error)


def note(changed: dict[str, list[Any]], name: str, before: Any, after: Any) -> None:
    """Note a change for the audit; days are written as days."""
    if before != after:
        changed[name] = [
            value.isoformat() if hasattr(value, "isoformat") else value for value in (before, after)
        ]


def say(form: ContactForm, name: str, error: InvalidValue) -> None:
    """Say what is wrong at the field."""
    form[name].errors = [*form[name].errors, str(error)]
