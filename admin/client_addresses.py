"""A client's addresses, which three forms have; and how a form of a client is saved."""

from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import RadioField, StringField, TextAreaField, URLField, validators
from wtforms.fields import SelectChoice

from idp.database import db
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.oauth import registration
from idp.oauth.addresses import LONGEST_URI
from idp.oauth.clients import Client
from idp.oauth.templates import TEMPLATES

TITLES = {name: template.title for name, template in TEMPLATES.items()}
PLAIN = {"autocomplete": "off", "spellcheck": "false"}
ADDRESSES = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "frontchannel_logout_uri",
    "backchannel_logout_uri",
)


class AddressesForm(FlaskForm):  # type: ignore[misc]
    """Where a client's members are sent, and where it is told things; addresses one a line."""

    redirect_uris = TextAreaField("Redirect URIs", render_kw={"rows": 3, **PLAIN})
    post_logout_redirect_uris = TextAreaField(
        "Addresses after signing out", render_kw={"rows": 2, **PLAIN}
    )
    frontchannel_logout_uri = URLField(
        "Front-channel logout address", [validators.Length(max=LONGEST_URI)], render_kw=PLAIN
    )
    backchannel_logout_uri = URLField(
        "Back-channel logout address", [validators.Length(max=LONGEST_URI)], render_kw=PLAIN
    )

    def addresses(self) -> dict[str, Any]:
        """What was typed, as ``registration.change`` takes it."""
        return {
            name: _lines(self[name].data) if name.endswith("_uris") else _text(self[name].data)
            for name in ADDRESSES
            if name in self
        }


class NewClientForm(AddressesForm):
    """A new client is made from a template."""

    name = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    template = RadioField(
        "Which kind of site is it?", choices=[SelectChoice(*one) for one in TITLES.items()]
    )

    def is_another(self) -> bool:
        """Whether no client has the name already; else that is said there. Whoever loads the page
        of a new secret again makes no second client without noticing."""
        name = (self.name.data or "").strip()
        if name and db.session.scalar(select(Client.id).where(Client.name == name).limit(1)):
            self.name.errors = [
                "There is a client of this name already, made just now perhaps: give this one "
                "another name. If its secret was not copied, its page makes a new one."
            ]
        return not self.errors


FIELDS = {
    "permitted_groups": "add_group",
    "consent_required": "consent",
    "claim_map": "claims",
}
"""Where what is wrong with a value is said, when its field has another name."""


def say(form: FlaskForm, error: InvalidValue) -> None:
    """Say what is wrong at the field, unless something is said there already."""
    field = form[FIELDS.get(error.field, error.field)]
    field.errors = field.errors or [str(error)]
    if error.reason == "private_key":
        # Somebody's private key does not go back into a page.
        field.data, field.raw_data = "", []


def save(form: AddressesForm, client: Client, values: dict[str, Any]) -> bool:
    """Save all of the form or nothing; all that is wrong is said, each at its field."""
    wrong = bool(form.errors)
    while True:
        try:
            registration.change(client, **values)
        except InvalidValue as error:
            db.session.rollback()
            say(form, error)
            wrong = True
            # The rest is tried again, so that everything that is wrong is said at once.
            if values.pop(error.field, None) is None:
                return False
        else:
            break
    if wrong:
        db.session.rollback()
        return False
    db.session.commit()
    return True


def present_addresses(client: Client) -> dict[str, str]:
    """A client's addresses as the form holds them."""
    return {
        "redirect_uris": "\n".join(client.redirect_uris),
        "post_logout_redirect_uris": "\n".join(client.post_logout_redirect_uris),
        "frontchannel_logout_uri": client.frontchannel_logout_uri or "",
        "backchannel_logout_uri": client.backchannel_logout_uri or "",
    }


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None
