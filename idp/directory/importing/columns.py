"""What the columns of an export mean: built-in fields by name, the rest as custom fields."""

from collections.abc import Iterable, Sequence

from idp.directory import fields
from idp.directory.contacts import NAMES, PHONES, TEXT_LENGTH, InvalidValue
from idp.directory.fields import CustomField, FieldKind
from idp.directory.importing.report import SuggestedField

# What a member system calls each of our fields, folded by `folded`.
PEOPLE = {
    "key": "key",
    "member id": "member_id",
    "prefix": "prefix",
    "first name": "first_name",
    "middle name": "middle_name",
    "last name": "last_name",
    "suffix": "suffix",
    "informal name": "informal_name",
    "designation": "designation",
    "email": "email",
    "job title": "job_title",
    "company key": "company_key",
    "member type": "member_type",
    "member status": "member_status",
    "join date": "joined_on",
    "expires on": "expires_on",
    "phone": "phone_1",
    "mobile": "phone_2",
    **{name.replace("_", " "): name for name in PHONES},
    **{f"{name} type".replace("_", " "): f"{name}_type" for name in PHONES},
    "address 1": "address_1",
    "address 2": "address_2",
    "address 3": "address_3",
    "city": "city",
    "state": "state",
    "postal code": "postal_code",
    "country": "country",
    "website": "website",
    "linkedin": "linkedin",
    "twitter": "twitter",
    "facebook": "facebook",
    "youtube": "youtube",
    "google plus": "google_plus",
    "blogger": "blogger",
    "wordpress": "wordpress",
    "other blog": "other_blog",
    "bio": "bio",
    "in directory": "in_directory",
    "has account": "has_account",
    "active": "active",
}
_OF_PEOPLE = {*NAMES, "key", "company_key", "in_directory", "has_account"}
COMPANIES = {
    "key": "key",
    "name": "name",
    "parent key": "parent_key",
    **{column: name for column, name in PEOPLE.items() if name not in _OF_PEOPLE},
}

MOST_CHOICES = 60


def folded(column: str) -> str:
    """A column's name without what spelling does to it."""
    return " ".join(column.replace("_", " ").replace("-", "").split()).casefold()


def suggestion(column: str, values: Iterable[str]) -> SuggestedField:
    """The custom field that a column's values suggest.

    Yes/no, dates and whole numbers are what every value can be read as; several values in a cell
    (``|``) make *several of*; few values that come again make *one of*; all else is text.
    """
    filled = [value.strip() for value in values if value.strip()]
    kind: FieldKind = "text"
    choices: list[str] = []
    if filled:
        parts = {part.strip() for value in filled for part in value.split("|") if part.strip()}
        if all(_reads("yes_no", value) and not value.isdigit() for value in filled):
            kind = "yes_no"
        elif all(_reads("date", value) for value in filled):
            kind = "date"
        elif all(
            _reads("whole_number", value) and value == str(fields.whole_number("", value))
            for value in filled
        ):  # 02139 is a postal code: as a number it would lose its zero
            kind = "whole_number"
        elif any(len(part) > TEXT_LENGTH for part in parts):
            kind = "text"
        elif len(parts) <= MOST_CHOICES and any("|" in value for value in filled):
            kind, choices = "several_of", sorted(parts)
        elif len(parts) <= MOST_CHOICES and len(filled) >= 3 * len(parts):
            kind, choices = "one_of", sorted(parts)
    return SuggestedField(column=column, key=fields.slug(column), kind=kind, choices=choices)


def _reads(kind: str, value: str) -> bool:
    readers = {
        "yes_no": fields.yes_no,
        "date": fields.iso_date,
        "whole_number": fields.whole_number,
    }
    try:
        readers[kind]("", value)
    except InvalidValue:
        return False
    return True


def matching(column: str, custom: Sequence[CustomField]) -> CustomField | None:
    """The custom field that a column holds, by label or by key."""
    for field in custom:
        if folded(field.label) == folded(column) or field.key == fields.slug(column):
            return field
    return None
