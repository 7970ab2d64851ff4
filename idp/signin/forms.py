"""The forms of the sign-in pages and of the member's own pages."""

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    PasswordField,
    StringField,
    TelField,
    TextAreaField,
    URLField,
    ValidationError,
    validators,
)

from idp import custom_inputs
from idp.custom_inputs import Values
from idp.directory.contacts import (
    BIO_LENGTH,
    PHONE_TYPE_LENGTH,
    PHONE_TYPES,
    PHONES,
    TEXT_LENGTH,
    URL_LENGTH,
    WEB_ADDRESSES,
)
from idp.directory.fields import CustomField
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
        "Current password",
        [validators.InputRequired("Enter your current password."), validators.Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password"},
    )


def _line(label: str, kind: type[StringField] = StringField, **more: str) -> StringField:
    return kind(label, [validators.Length(max=TEXT_LENGTH)], render_kw=more or None)


def _phone_type(label: str) -> StringField:
    return StringField(
        label, [validators.Length(max=PHONE_TYPE_LENGTH)], render_kw={"list": "phone-types"}
    )


def _address(label: str) -> StringField:
    return URLField(
        label, [validators.Length(max=URL_LENGTH)], render_kw={"placeholder": "https://"}
    )


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """What a member may change of their own record."""

    informal_name = _line("What people call you", autocomplete="nickname")
    job_title = _line("Job title", autocomplete="organization-title")
    phone_1 = _line("Phone", TelField, autocomplete="tel")
    phone_1_type = _phone_type("Kind of phone")
    phone_2 = _line("Second phone", TelField)
    phone_2_type = _phone_type("Kind of second phone")
    phone_3 = _line("Third phone", TelField)
    phone_3_type = _phone_type("Kind of third phone")
    phone_4 = _line("Fourth phone", TelField)
    phone_4_type = _phone_type("Kind of fourth phone")
    bio = TextAreaField("About you", [validators.Length(max=BIO_LENGTH)], render_kw={"rows": "6"})
    website = _address(WEB_ADDRESSES["website"])
    linkedin = _address(WEB_ADDRESSES["linkedin"])
    twitter = _address(WEB_ADDRESSES["twitter"])
    facebook = _address(WEB_ADDRESSES["facebook"])
    youtube = _address(WEB_ADDRESSES["youtube"])
    google_plus = _address(WEB_ADDRESSES["google_plus"])
    blogger = _address(WEB_ADDRESSES["blogger"])
    wordpress = _address(WEB_ADDRESSES["wordpress"])
    other_blog = _address(WEB_ADDRESSES["other_blog"])
    in_directory = BooleanField("Show me in the directory of members")


PROFILE_FIELDS = (
    *("informal_name", "job_title", *PHONES, *PHONE_TYPES, "bio", *WEB_ADDRESSES),
    "in_directory",
)


def profile_form(fields: Iterable[CustomField], values: Values) -> type[ProfileForm]:
    """The profile form with the association's own fields that members may edit."""
    return type("ProfileFormWithFields", (ProfileForm,), custom_inputs.inputs(fields, values))
