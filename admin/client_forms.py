"""The forms of clients: which fields a kind of client has, and taking from them what was typed."""

import json
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    URLField,
    validators,
    widgets,
)
from wtforms.fields import SelectChoice

from admin import groups_by_name
from idp.database import db
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.directory.groups import Group
from idp.oauth import registration
from idp.oauth.addresses import LONGEST_URI
from idp.oauth.clients import Client
from idp.oauth.templates import TEMPLATES

TITLES = {name: template.title for name, template in TEMPLATES.items()}
LONGEST_KEYS = 50_000
MOST_GROUPS = 50
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}

ADDRESSES = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "frontchannel_logout_uri",
    "backchannel_logout_uri",
)
SWITCHES = ("pkce_required", "pushed_required")
CHOICES = ("authentication", "signing_algorithm", "access_token_format")
# What a client has only when members sign in through it.
OF_MEMBERS = (
    *ADDRESSES,
    "audience",
    "groups",
    "add_group",
    "consent",
    "identifier_attribute",
    "pushed_required",
    "signing_algorithm",
)


class AddressesForm(FlaskForm):  # type: ignore[misc]
    """Where a client's members are sent, and where it is told things; addresses one a line."""

    redirect_uris = TextAreaField("Redirect URIs", render_kw={"rows": 3, **_PLAIN})
    post_logout_redirect_uris = TextAreaField(
        "Addresses after signing out", render_kw={"rows": 2, **_PLAIN}
    )
    frontchannel_logout_uri = URLField(
        "Front-channel logout address", [validators.Length(max=LONGEST_URI)], render_kw=_PLAIN
    )
    backchannel_logout_uri = URLField(
        "Back-channel logout address", [validators.Length(max=LONGEST_URI)], render_kw=_PLAIN
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


class ClientForm(AddressesForm):
    """Everything of a client that can be changed; ``of`` leaves out what its kind has not."""

    name = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    audience = RadioField(
        "Who may sign in there",
        choices=[
            SelectChoice("everyone", "Everyone with an account"),
            SelectChoice("groups", "Members of chosen groups"),
        ],
    )
    groups = SelectMultipleField(
        "Chosen groups",
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    add_group = StringField("Add a group", [validators.Length(max=TEXT_LENGTH)])
    consent = RadioField(
        "Are members asked first",
        choices=[
            SelectChoice("trusted", "Trusted: they are not asked"),
            SelectChoice("asked", "They are asked"),
        ],
    )
    identifier_attribute = StringField(
        "Identifier attribute", [validators.Length(max=64)], render_kw=_PLAIN
    )
    authentication = RadioField(
        "How it proves itself",
        choices=[
            SelectChoice("client_secret", "A secret"),
            SelectChoice("private_key_jwt", "A key of its own"),
        ],
    )
    jwks = TextAreaField(
        "Its public keys", [validators.Length(max=LONGEST_KEYS)], render_kw={"rows": 6, **_PLAIN}
    )
    pkce_required = BooleanField("PKCE required")
    pushed_required = BooleanField("Pushed requests required")
    signing_algorithm = SelectField(
        "Signature of ID tokens",
        choices=[
            SelectChoice("RS256", "RS256: every site knows it"),
            SelectChoice("ES256", "ES256: shorter; newer sites know it"),
        ],
    )
    access_token_format = SelectField(
        "Access tokens",
        choices=[
            SelectChoice("opaque", "Opaque: only Tessera can read them"),
            SelectChoice("jwt", "JWT: the site's own servers can read them"),
        ],
    )

    @classmethod
    def of(cls, client: Client) -> "ClientForm":
        """The form of a client, with what it has now."""
        form = cls(data=_present(client))
        template = client.made_from
        absent = set[str]()
        if not template.signs_members_in:
            absent |= set(OF_MEMBERS)
        if not client.is_higher_logic:
            absent.add("identifier_attribute")
        if template.pkce_required:
            absent.add("pkce_required")
        if client.is_public:
            # Who has nothing to prove itself with has no choice, and its copies cannot be told
            # from it: members are always asked (RFC 8252, 8.6).
            absent |= {"authentication", "jwks", "consent"}
        for name in absent:
            del form[name]
        if "groups" in form:
            form._offer()
        return form

    def add(self) -> None:
        """Put the group that was typed among the chosen ones; what is wrong is said there."""
        if not (self.add_group.data or "").strip():
            return
        try:
            group = groups_by_name.find("add_group", self.add_group.data)
        except InvalidValue as error:
            say(self, error)
            return
        self.audience.data = "groups"
        self.groups.data = list(dict.fromkeys([*(self.groups.data or []), group.key]))
        self._offer()
        self.add_group.data = ""

    def values(self) -> dict[str, Any]:
        """What was typed, as ``registration.change`` takes it; what cannot be read is said at its
        field."""
        values = {"name": self.name.data or "", **self.addresses()}
        values |= {name: bool(self[name].data) for name in SWITCHES if name in self}
        values |= {name: self[name].data for name in CHOICES if name in self}
        if "consent" in self:
            values["consent_required"] = self.consent.data == "asked"
        if "identifier_attribute" in self:
            values["identifier_attribute"] = (self.identifier_attribute.data or "").strip()
        for field, value, read in (
            ("audience", "permitted_groups", self._permitted),
            ("jwks", "jwks", self._keys),
        ):
            try:
                if field in self:
                    values[value] = read()
            except InvalidValue as error:
                say(self, error)
        return values

    def _permitted(self) -> list[Group]:
        if self.audience.data != "groups":
            return []
        keys = self.groups.data or []
        if len(keys) > MOST_GROUPS:
            raise InvalidValue("add_group", "too_many", f"Choose at most {MOST_GROUPS} groups.")
        if not keys and not self.add_group.errors:
            raise InvalidValue(
                "add_group", "no_group", "Choose at least one group, or let everyone in."
            )
        return list(groups_by_name.of_keys(keys))

    def _keys(self) -> Any:
        text = (self.jwks.data or "").strip()
        if not text:
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidValue(
                "jwks", "invalid_keys", "This is no JSON. Public keys are a JWK set: {“keys”: […]}."
            ) from None
        # One key by itself is what some tools print.
        return {"keys": [value]} if isinstance(value, dict) and "kty" in value else value

    def _offer(self) -> None:
        chosen = groups_by_name.of_keys(self.groups.data or [])
        self.groups.choices = [SelectChoice(group.key, group.name) for group in chosen]


FIELDS = {"permitted_groups": "add_group", "consent_required": "consent"}
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


def _present(client: Client) -> dict[str, Any]:
    return {
        "name": client.name,
        **present_addresses(client),
        "audience": "groups" if client.restricted else "everyone",
        "groups": [group.key for group in client.permitted_groups],
        "consent": "asked" if client.consent_required else "trusted",
        "identifier_attribute": client.identifier_attribute,
        "jwks": json.dumps(client.jwks, indent=2) if client.jwks else "",
        **{name: getattr(client, name) for name in (*SWITCHES, *CHOICES)},
    }


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None
