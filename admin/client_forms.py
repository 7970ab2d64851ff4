"""The form of a client: which fields its kind has, and reading from them what was typed."""

import json
from typing import Any

from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    validators,
    widgets,
)
from wtforms.fields import SelectChoice

from admin import groups_by_name
from admin.client_addresses import ADDRESSES, PLAIN, AddressesForm, present_addresses, say
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.directory.groups import Group
from idp.oauth import claims
from idp.oauth.claim_mapping import CUSTOM, MOST_CLAIMS
from idp.oauth.clients import Client

LONGEST_KEYS = 50_000
MOST_GROUPS = 50

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
    "claims",
    "pushed_required",
    "signing_algorithm",
)


class ClaimForm(Form):  # type: ignore[misc]
    """One mapped claim: its name at the site, and what of the directory it carries."""

    name = StringField("Claim", render_kw=PLAIN)
    source = SelectField("Filled from", choices=[], validate_choice=False)


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
        "Identifier attribute", [validators.Length(max=64)], render_kw=PLAIN
    )
    claims = FieldList(FormField(ClaimForm), max_entries=MOST_CLAIMS)
    authentication = RadioField(
        "How it proves itself",
        choices=[
            SelectChoice("client_secret", "A secret"),
            SelectChoice("private_key_jwt", "A key of its own"),
        ],
    )
    jwks = TextAreaField(
        "Its public keys", [validators.Length(max=LONGEST_KEYS)], render_kw={"rows": 6, **PLAIN}
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
        if "claims" in form:
            form._offer_sources()
        return form

    def press(self, pressed: str) -> bool:
        """What a button of the form does to it, other than saving; says whether it was one.

        The form needs no script that way: the buttons send it, and it comes back filled in.
        """
        action, _, number = pressed.partition(" ")
        match action:
            case "add-group":
                self.take_group()
            case "add-claim" if "claims" in self and len(self.claims) < MOST_CLAIMS:
                self.claims.append_entry({"name": "", "source": ""})
                self._offer_sources()
            case "remove-claim" if "claims" in self and number in map(str, range(len(self.claims))):
                del self.claims.entries[int(number)]
            case _:
                return False
        return True

    def take_group(self) -> None:
        """Put the group that was typed among the chosen ones; what is wrong is said there."""
        if "add_group" not in self or not (self.add_group.data or "").strip():
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
        self.take_group()
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
            ("claims", "claim_map", self._claim_map),
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

    def _claim_map(self) -> dict[str, str]:
        claim_map: dict[str, str] = {}
        for entry in self.claims:
            name, source = (entry.form.name.data or "").strip(), entry.form.source.data or ""
            if not name and not source:
                continue
            if not name:
                raise InvalidValue("claims", "missing_name", "A claim needs a name.")
            if not source:
                raise InvalidValue(
                    "claims", "missing_source", f"Choose what the claim “{name[:64]}” says."
                )
            if name in claim_map:
                raise InvalidValue(
                    "claims", "duplicate", f"The claim “{name[:64]}” is there twice."
                )
            claim_map[name] = source
        return claim_map

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

    def _offer_sources(self) -> None:
        known = claims.sources()
        names = dict(known)
        offered = {
            "Fields of every person": [one for one in known if not one[0].startswith(CUSTOM)],
            "Your own fields": [one for one in known if one[0].startswith(CUSTOM)],
        }
        for entry in self.claims:
            source = entry.form.source.data or ""
            # A field that was hidden since says nothing any more, but stays until taken away.
            gone = [(source, f"{source} (hidden from members)")] if source not in names else []
            entry.form.source.choices = {
                "": [("", "Choose …"), *(gone if source else [])],
                **{title: choices for title, choices in offered.items() if choices},
            }

    def _offer(self) -> None:
        chosen = groups_by_name.of_keys(self.groups.data or [])
        self.groups.choices = [SelectChoice(group.key, group.name) for group in chosen]


def _present(client: Client) -> dict[str, Any]:
    return {
        "name": client.name,
        **present_addresses(client),
        "audience": "groups" if client.restricted else "everyone",
        "groups": [group.key for group in client.permitted_groups],
        "consent": "asked" if client.consent_required else "trusted",
        "identifier_attribute": client.identifier_attribute,
        "claims": [
            {"name": name, "source": source} for name, source in sorted(client.claim_map.items())
        ],
        "jwks": json.dumps(client.jwks, indent=2) if client.jwks else "",
        **{name: getattr(client, name) for name in (*SWITCHES, *CHOICES)},
    }
