"""What other sites are told of a person: claims by scope (OpenID Connect Core, 5.1 and 5.4).

``sub`` is the person's key, byte for byte the ``LegacyContactKey`` of the feed
(docs/architecture.md, decision 1). A claim that is not known is left out.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Row, Select, bindparam, select

from idp import photo_files
from idp.database import db
from idp.directory.contacts import Person
from idp.directory.photos import Photo
from idp.oauth.claim_mapping import ClaimMap, mapped, mapped_texts, sources
from idp.oauth.templates import HIGHER_LOGIC

__all__ = ["CLAIMS", "COLUMNS", "scope_of", "single", "sources", "userinfo"]

COLUMNS: tuple[Any, ...] = (
    Person.id,
    Person.key,
    Person.prefix,
    Person.first_name,
    Person.middle_name,
    Person.last_name,
    Person.suffix,
    Person.informal_name,
    Person.designation,
    Person.email,
    Person.member_id,
    Person.phone_1,
    Person.phone_2,
    Person.phone_3,
    Person.phone_4,
    Person.website,
    Person.address_1,
    Person.address_2,
    Person.address_3,
    Person.city,
    Person.state,
    Person.postal_code,
    Person.country,
    Person.updated_at,
    select(Photo.token)
    .where(Photo.contact_id == Person.id)
    .correlate(Person)
    .scalar_subquery()
    .label("photo_token"),
)
"""The columns that the standard claims are made of."""

CLAIMS = {
    "openid": ("sub",),
    "profile": (
        "name given_name family_name middle_name nickname picture website updated_at member_id"
    ).split(),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
}
"""The claims that each scope may give."""


_SCOPES = {name: scope for scope, names in CLAIMS.items() for name in names}


def scope_of(claim: str, claim_map: ClaimMap) -> str | None:
    """The scope that gives a claim, ``None`` for one that is not known."""
    return "profile" if claim in claim_map else _SCOPES.get(claim)


def userinfo(
    person: Row[Any],
    scope: str,
    template: str,
    identifier: str,
    claim_map: ClaimMap,
    requested: Collection[str] = (),
) -> dict[str, Any]:
    """The userinfo answer for a row of ``COLUMNS``: what the scopes give, and single claims that
    were ``requested``; mapped claims come with ``profile``.

    Costs one statement when there is a mapping, and none otherwise.
    """
    if template == HIGHER_LOGIC:
        return _for_higher_logic(person, identifier, claim_map)
    return {"sub": person.key, **_claims(person, scope.split(), claim_map, requested)}


_BY_KEY: Select[Any] = select(*COLUMNS).where(Person.key == bindparam("key"))


def single(subject: str, requested: Collection[str], claim_map: ClaimMap) -> dict[str, Any]:
    """Single claims of the person with a key, for an ID token; what is not known is left out."""
    person = db.session.execute(_BY_KEY, {"key": subject}).one()
    return _claims(person, (), claim_map, requested)


def _claims(
    person: Row[Any], scopes: Collection[str], claim_map: ClaimMap, requested: Collection[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for scope, make in _MAKERS.items():
        if scope in scopes:
            found |= make(person)
        elif requested:
            found |= _chosen(make(person), requested)
    if claim_map and "profile" not in scopes:
        claim_map = _chosen(claim_map, requested)
    if claim_map:
        found |= mapped(person.id, claim_map)
    return {claim: value for claim, value in found.items() if value != ""}


def _chosen(given: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in names}


def _for_higher_logic(person: Row[Any], identifier: str, claim_map: ClaimMap) -> dict[str, str]:
    # Flat, texts only, and every name always there: its mapping is set up once, by hand.
    return {
        "name": _name(person),
        "prefix": person.prefix,
        "given_name": person.first_name,
        "middle_name": person.middle_name,
        "family_name": person.last_name,
        "suffix": person.suffix,
        "nickname": person.informal_name,
        "designation": person.designation,
        "email": person.email,
        "member_id": person.member_id,
        **(mapped_texts(person.id, claim_map) if claim_map else {}),
        # Last: whatever name the worksheet gives the identifier, it holds the key.
        identifier: person.key,
        "sub": person.key,
    }


def _profile(person: Row[Any]) -> dict[str, Any]:
    return {
        "name": _name(person),
        "given_name": person.first_name,
        "family_name": person.last_name,
        "middle_name": person.middle_name,
        "nickname": person.informal_name,
        "picture": photo_files.address(person.photo_token) if person.photo_token else "",
        "website": person.website,
        "updated_at": int(person.updated_at.timestamp()),
        "member_id": person.member_id,
    }


def _email(person: Row[Any]) -> dict[str, Any]:
    # An address comes from the association's records: nobody has proved that it is theirs.
    return {"email": person.email, "email_verified": False} if person.email else {}


def _phone(person: Row[Any]) -> dict[str, Any]:
    number = person.phone_1 or person.phone_2 or person.phone_3 or person.phone_4
    return {"phone_number": number, "phone_number_verified": False} if number else {}


def _address(person: Row[Any]) -> dict[str, Any]:
    lines = (person.address_1, person.address_2, person.address_3)
    street = "\n".join(line for line in lines if line)
    town = " ".join(part for part in (person.postal_code, person.city) if part)
    parts = {
        "formatted": "\n".join(
            line for line in (street, town, person.state, person.country) if line
        ),
        "street_address": street,
        "locality": person.city,
        "region": person.state,
        "postal_code": person.postal_code,
        "country": person.country,
    }
    known = {name: value for name, value in parts.items() if value}
    return {"address": known} if known else {}


_MAKERS: dict[str, Callable[[Row[Any]], dict[str, Any]]] = {
    "profile": _profile,
    "email": _email,
    "phone": _phone,
    "address": _address,
}


def _name(person: Row[Any]) -> str:
    # As `Person.title` says it.
    return " ".join(part for part in (person.first_name, person.last_name) if part)
