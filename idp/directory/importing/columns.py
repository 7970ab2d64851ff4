"""What the columns of an export mean: our fields by the names that member systems call them."""

from collections.abc import Sequence
from typing import Literal

from idp.directory import fields
from idp.directory.contacts import NAMES, PHONE_TYPES, Contact, Person
from idp.directory.fields import CustomField

Kind = Literal["companies", "people"]

# Each of our fields, by the names of it that are seen in exports, folded by `folded`; the first
# is our own.
_PEOPLE = {
    "key": ["key", "contact key", "legacy contact key", "unique id", "uuid", "guid"],
    "member_id": [
        *("member id", "member number", "member no", "membership id", "membership number"),
        *("customer id", "imis id", "constituent id"),
    ],
    "prefix": ["prefix", "salutation", "name prefix", "courtesy title"],
    "first_name": ["first name", "given name", "forename", "firstname", "fname"],
    "middle_name": ["middle name", "middle initial", "middlename", "second name"],
    "last_name": ["last name", "surname", "family name", "lastname", "lname"],
    "suffix": ["suffix", "name suffix"],
    "informal_name": ["informal name", "nickname", "preferred name", "goes by", "known as"],
    "designation": ["designation", "designations", "credentials", "post nominals"],
    "email": [
        *("email", "email address", "primary email", "email 1", "work email", "mail"),
        *("primary email address", "e mail address", "e mail"),
    ],
    "job_title": ["job title", "title", "position", "occupation"],
    "company_key": [
        *("company key", "company id", "company unique id", "organization id", "organisation id"),
        *("employer id", "employer key", "organization key"),
    ],
    "member_type": ["member type", "membership type", "member category"],
    "member_status": ["member status", "membership status", "status"],
    "joined_on": [
        *("join date", "joined on", "member since", "joined", "date joined"),
        "original join date",
    ],
    "expires_on": [
        *("expires on", "expiration date", "expiry date", "expires", "paid through"),
        *("paid thru", "member expires on", "valid until", "renewal date"),
    ],
    "phone_1": ["phone 1", "phone", "phone number", "telephone", "work phone", "office phone"],
    "phone_2": ["phone 2", "mobile", "mobile phone", "cell", "cell phone", "mobile number"],
    "phone_3": ["phone 3", "home phone"],
    "phone_4": ["phone 4"],
    **{name: [name.replace("_", " ")] for name in PHONE_TYPES},
    "address_1": [
        *("address 1", "address", "address line 1", "street", "street address", "address1"),
        "mailing address",
    ],
    "address_2": ["address 2", "address line 2", "address2"],
    "address_3": ["address 3", "address line 3", "address3"],
    "city": ["city", "town", "locality", "city/town"],
    "state": ["state", "province", "state/province", "state or province"],
    "postal_code": [
        *("postal code", "zip", "zip code", "zipcode", "postcode", "post code"),
        *("zip/postal code", "postalcode"),
    ],
    "country": ["country", "country code", "nation"],
    "website": ["website", "web site", "web", "url", "homepage", "web address"],
    "linkedin": ["linkedin", "linkedin url", "linked in", "linkedin profile"],
    "twitter": ["twitter", "twitter url", "x (twitter)", "twitter/x"],
    "facebook": ["facebook", "facebook url", "facebook page"],
    "youtube": ["youtube", "youtube url", "youtube channel"],
    "google_plus": ["google plus"],
    "blogger": ["blogger"],
    "wordpress": ["wordpress"],
    "other_blog": ["other blog", "blog"],
    "bio": ["bio", "biography", "about", "about me"],
    "in_directory": ["in directory", "show in directory", "listed"],
    "has_account": ["has account", "has login", "web account"],
    "active": ["active", "is active", "enabled", "active record"],
}
_COMPANIES = {
    "name": ["name", "company name", "company", "organization", "organisation"],
    "parent_key": [
        *("parent key", "parent company key", "parent id", "parent company id"),
        *("parent organization id",),
    ],
    "main_contact_key": [
        *("main contact key", "main contact id", "primary contact key", "primary contact id"),
    ],
}
_OF_PEOPLE = {*NAMES, "company_key", "in_directory", "has_account"}
_OF_COMPANIES_TOO = {"key": ["company key", "company id", "organization id", "organisation id"]}

KEYS = ("key", "company_key", "parent_key", "main_contact_key")
DATES = ("joined_on", "expires_on")
SWITCHES = ("active", "in_directory", "has_account")
MADE_OF: dict[Kind, dict[str, list[str]]] = {
    "people": _PEOPLE,
    "companies": {
        name: [*names, *_OF_COMPANIES_TOO.get(name, ())]
        for name, names in (_COMPANIES | _PEOPLE).items()
        if name not in _OF_PEOPLE
    },
}
"""What can be imported of each kind: our field names, with the names that columns have."""


TOLD_ONLY = " (export only)"
"""How the name of a column ends that our own export tells something in which is imported nowhere:
groups, the state of an account."""


def is_told_only(column: str) -> bool:
    """Whether a column is one of our own export that an import leaves alone."""
    return folded(column).endswith(TOLD_ONLY.strip())


def folded(column: str) -> str:
    """A column's name without what spelling does to it."""
    return " ".join(column.replace("_", " ").replace("-", "").split()).casefold()


_BY_NAME: dict[Kind, dict[str, str]] = {
    kind: {folded(name): field for field, names in known.items() for name in (field, *names)}
    for kind, known in MADE_OF.items()
}


def built_in(kind: Kind, column: str) -> str | None:
    """Our field that a column of this name holds."""
    return _BY_NAME[kind].get(folded(column))


def label(name: str) -> str:
    """One of our fields as people read it."""
    return name.replace("_", " ").capitalize().replace("Key", "key")


def matching(column: str, custom: Sequence[CustomField]) -> CustomField | None:
    """The custom field that a column holds, by label or by key."""
    for field in custom:
        if folded(field.label) == folded(column) or field.key == fields.slug(column):
            return field
    return None


def _check() -> None:
    # A field that a contact does not have could be mapped and never written.
    known = {*Contact.__table__.columns.keys(), *Person.__table__.columns.keys()}
    for name in {name for names in MADE_OF.values() for name in names}:
        if name not in known and name not in (*KEYS, *SWITCHES):
            raise RuntimeError(f"a contact has no {name}")


_check()
