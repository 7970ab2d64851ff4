"""The mapping of a client: what of the directory it is told under which claim names.

A source is a built-in field of people, or ``custom.`` and the key of a custom field. Of custom
fields only those go out that are shown in the Members section: the rule that holds for Higher
Logic holds for every site, so that what staff keep to themselves stays here, and a field that is
hidden stops at once, whatever the mappings say.
"""

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, select
from sqlalchemy.orm import contains_eager

from idp.database import db
from idp.directory import fields
from idp.directory.contacts import (
    PHONE_TYPES,
    PHONES,
    WEB_ADDRESSES,
    Contact,
    InvalidValue,
    Person,
)
from idp.directory.fields import CustomField, FieldValue

ClaimMap = Mapping[str, str]

CUSTOM = "custom."
MOST_CLAIMS = 50
LONGEST_NAME = 64
# What the protocol says by these names is not the staff's to change, and what has a scope of its
# own (OpenID Connect Core, 5.4) is not to come with another. Sites trust `email` as an address
# that the association vouches for.
PROTECTED = frozenset(
    "iss sub aud exp nbf iat jti auth_time nonce acr amr azp at_hash c_hash s_hash sid client_id "
    "scope token_type active events cnf act may_act _claim_names _claim_sources "
    "email email_verified phone_number phone_number_verified address".split()
)

_BUILT_IN = {
    "key": "Key",
    "full_name": "First and last name",
    "prefix": "Prefix",
    "first_name": "First name",
    "middle_name": "Middle name",
    "last_name": "Last name",
    "suffix": "Suffix",
    "informal_name": "Informal name",
    "designation": "Designation",
    "job_title": "Job title",
    "company_name": "Company name",
    "company_key": "Company key",
    "member_id": "Member ID",
    "member_type": "Member type",
    "member_status": "Member status",
    "joined_on": "Member since",
    "expires_on": "Expires on",
    "email": "E-mail",
    **{name: f"Phone {number}" for number, name in enumerate(PHONES, start=1)},
    **{name: f"Phone {number}, type" for number, name in enumerate(PHONE_TYPES, start=1)},
    **WEB_ADDRESSES,
    "address_1": "Address, first line",
    "address_2": "Address, second line",
    "address_3": "Address, third line",
    "city": "City",
    "state": "State",
    "postal_code": "Postal code",
    "country": "Country",
}
"""The built-in sources, with the labels that staff know them by."""


def sources() -> list[tuple[str, str]]:
    """Every source that a mapping may name, with its label: built-in fields, then custom ones."""
    custom = [
        (CUSTOM + field.key, field.label)
        for field in fields.all_fields("person")
        if field.in_members_section
    ]
    return [*_BUILT_IN.items(), *custom]


def labels(claim_map: ClaimMap) -> list[str]:
    """What of a person a mapping gives away, in words, each once."""
    if not claim_map:
        return []
    wanted = set(claim_map.values())
    return [label for source, label in sources() if source in wanted]


def fingerprint(claim_map: ClaimMap) -> str:
    """The same for two mappings that give away the same now, under whatever names.

    Costs one statement when there are custom fields among it: those that are hidden are not
    given away, and nobody has been told of them.
    """
    told = set(claim_map.values())
    if any(source.startswith(CUSTOM) for source in told):
        told &= {source for source, _label in sources()}
    return hashlib.sha256(" ".join(sorted(told)).encode()).hexdigest()[:16]


def checked_name(field: str, value: Any) -> str:
    """A claim's name: letters, digits and _. Raises ``InvalidValue``."""
    if (
        not isinstance(value, str)
        or len(value) > LONGEST_NAME
        or not (value.isascii() and value.replace("_", "").isalnum())
    ):
        raise InvalidValue(field, "invalid_name", "A claim's name is letters, digits and _.")
    return value


def checked_identifier(field: str, value: Any, claim_map: ClaimMap) -> str:
    """The name of an identifier attribute beside a mapping. Raises ``InvalidValue``."""
    name = checked_name(field, value)
    if name in claim_map or (name in PROTECTED and name != "sub"):
        raise InvalidValue(field, "protected_name", f"The claim {name} says something else.")
    return name


def checked(field: str, value: Any, present: ClaimMap, identifier: str) -> dict[str, str]:
    """A mapping that a client may have. Raises ``InvalidValue``.

    What is in the ``present`` one is not judged again: a field that was hidden since must not
    stand in the way of another change. ``identifier`` is the client's identifier attribute.
    """
    if not isinstance(value, Mapping):
        raise InvalidValue(field, "invalid_mapping", "A mapping is claim names with their sources.")
    if len(value) > MOST_CLAIMS:
        raise InvalidValue(field, "too_many", f"A client has at most {MOST_CLAIMS} mapped claims.")
    new = {name: source for name, source in value.items() if present.get(name) != source}
    for name in new:
        checked_name(field, name)
        if name in PROTECTED or name == identifier:
            raise InvalidValue(
                field, "protected_name", f"The claim {name} has a meaning that stays as it is."
            )
    _check_sources(field, new.values())
    return dict(value)


def _check_sources(field: str, given: Collection[Any]) -> None:
    known: Mapping[str, str] = _BUILT_IN
    if any(str(source).startswith(CUSTOM) for source in given):
        with db.session.no_autoflush:
            known = dict(sources())
    for source in given:
        if not isinstance(source, str) or source not in known:
            raise InvalidValue(
                field,
                "unknown_source",
                f"“{str(source)[:80]}” is neither a built-in field nor a custom field of people "
                "that is shown in the Members section.",
            )


def mapped(person_id: int, claim_map: ClaimMap) -> dict[str, Any]:
    """A person's mapped claims, typed, in one statement; one without a value is left out.

    Dates are ISO texts, and so are decimals: a number of JSON is a float where it is read. A
    choice is its key, which stays when it is renamed; *several of* is a list of them.
    """
    person = _read(person_id, claim_map)
    found = {}
    for name, source in claim_map.items():
        value = person.value(source)
        if value not in ("", None, []):
            found[name] = fields.text_of(value) if isinstance(value, dt.date | Decimal) else value
    return found


def mapped_texts(person_id: int, claim_map: ClaimMap) -> dict[str, str]:
    """The mapped claims as Higher Logic takes them: texts as people read them, none left out."""
    person = _read(person_id, claim_map)
    return {name: person.text(source) for name, source in claim_map.items()}


@dataclass(frozen=True)
class _Mapped:
    """What a mapping wants to know of a person: columns, and rows of custom fields by key."""

    columns: Row[Any] | None
    custom: dict[str, list[FieldValue]]

    def value(self, source: str) -> Any:
        """What a source says, typed; ``None`` or empty when it is not known."""
        if source.startswith(CUSTOM):
            return fields.value_of(self.custom.get(source.removeprefix(CUSTOM), []))
        return getattr(self.columns, source, None)

    def text(self, source: str) -> str:
        """What a source says, as people read it."""
        if source.startswith(CUSTOM):
            return fields.shown(self.custom.get(source.removeprefix(CUSTOM), []))
        value = self.value(source)
        return "" if value is None else str(value)


_employer = Contact.__table__.alias("employer")
_sent_out = select(CustomField.id).where(
    CustomField.key.in_(bindparam("keys", expanding=True)), CustomField.in_members_section
)
_READ = (
    select(
        FieldValue,
        func.trim(Person.first_name + " " + Person.last_name).label("full_name"),
        _employer.c.name.label("company_name"),
        _employer.c.key.label("company_key"),
        *(getattr(Person, source) for source in _BUILT_IN if hasattr(Person, source)),
    )
    .select_from(Person)
    .outerjoin(_employer, _employer.c.id == Person.company_id)
    .outerjoin(
        FieldValue, and_(FieldValue.contact_id == Person.id, FieldValue.field_id.in_(_sent_out))
    )
    .outerjoin(FieldValue.field)
    .options(contains_eager(FieldValue.field))
    .where(Person.id == bindparam("person_id"))
    .order_by(FieldValue.id)
)


def _read(person_id: int, claim_map: ClaimMap) -> _Mapped:
    keys = [
        source.removeprefix(CUSTOM) for source in claim_map.values() if source.startswith(CUSTOM)
    ]
    rows = db.session.execute(_READ, {"person_id": person_id, "keys": keys}).all()
    custom: dict[str, list[FieldValue]] = {}
    for row in rows:
        if row.FieldValue is not None:
            custom.setdefault(row.FieldValue.field.key, []).append(row.FieldValue)
    return _Mapped(rows[0] if rows else None, custom)
