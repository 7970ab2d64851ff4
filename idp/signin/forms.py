"""The forms of the sign-in pages and of the member's own pages."""

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import (
    EmailField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
    URLField,
    ValidationError,
    validators,
    widgets,
)
from wtforms.fields import SelectChoice

from idp.directory.contacts import BIO_LENGTH, TEXT_LENGTH, URL_LENGTH
from idp.directory.fields import CustomField, FieldValue, value_of
from idp.signin.passwords import LONGEST


class SignInForm(FlaskForm):  # type: ignore[misc]
    """E-mail address and password."""

    email = EmailField(
        "E-mail address",
        [validators.InputRequired("Enter your e-mail address."), validators.Length(max=254)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        [validators.InputRequired("Enter your password."), validators.Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password"},
    )


class ForgotForm(FlaskForm):  # type: ignore[misc]
    """The address that a link is sent to."""

    email = EmailField(
        "E-mail address",
        [validators.InputRequired("Enter your e-mail address."), validators.Length(max=254)],
        render_kw={"autocomplete": "username", "autocapitalize": "none"},
    )


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password, twice."""

    password = PasswordField(
        "New password",
        [validators.InputRequired("Enter a new password."), validators.Length(max=LONGEST)],
        render_kw={"autocomplete": "new-password", "aria-describedby": "password-rule"},
    )
    again = PasswordField(
        "New password once more",
        [validators.InputRequired("Enter it once more."), validators.Length(max=LONGEST)],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_again(self, field: PasswordField) -> None:
        """Both are the same. Raises ``ValidationError``."""
        if field.data != self.password.data:
            raise ValidationError("The two passwords differ.")


class ChangePasswordForm(NewPasswordForm):
    """The present password and a new one."""

    current = PasswordField(
        "Present password",
        [validators.InputRequired("Enter your present password."), validators.Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password"},
    )


def _line(label: str, kind: type[StringField] = StringField, **more: str) -> StringField:
    return kind(label, [validators.Length(max=TEXT_LENGTH)], render_kw=more or None)


def _address(label: str) -> StringField:
    return URLField(
        label, [validators.Length(max=URL_LENGTH)], render_kw={"placeholder": "https://"}
    )


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """What a member may change of their own record."""

    informal_name = _line("What people call you", autocomplete="nickname")
    job_title = _line("Job title", autocomplete="organization-title")
    phone = _line("Phone", TelField, autocomplete="tel")
    mobile = _line("Mobile phone", TelField)
    bio = TextAreaField("About you", [validators.Length(max=BIO_LENGTH)], render_kw={"rows": "6"})
    website = _address("Website")
    linkedin = _address("LinkedIn")
    twitter = _address("X (Twitter)")
    facebook = _address("Facebook")
    youtube = _address("YouTube")


PROFILE_FIELDS = (
    "informal_name job_title phone mobile bio website linkedin twitter facebook youtube"
).split()


def profile_form(
    fields: Iterable[CustomField],
) -> type[ProfileForm]:
    """The profile form with the association's own fields that members may edit."""
    more = {f"custom_{field.key}": _custom(field) for field in fields}
    return type("ProfileFormWithFields", (ProfileForm,), more)


def _custom(field: CustomField) -> object:
    choices = [
        SelectChoice(choice.key, choice.label) for choice in field.choices if not choice.retired
    ]
    nothing = SelectChoice("", "–")
    match field.kind:
        case "several_of":
            return SelectMultipleField(
                field.label, choices=choices, option_widget=widgets.CheckboxInput()
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
    """A custom field's value as its form field holds it."""
    value = value_of(rows)
    if isinstance(value, list):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
