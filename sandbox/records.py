"""The wire format of the Push API v1, checked strictly, one item at a time.

Source: what is known of Higher Logic's Push API v1. What an item may refer to in other items or in
what the tenant already has is judged in `intake`. Lengths are this sandbox's own bounds: Higher
Logic's are not public.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Kind = Literal["security", "community"]

KEY_LENGTH = 200
TEXT_LENGTH = 2_000
BIO_LENGTH = 50_000
LIST_LENGTH = 1_000

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Refused(ValueError):
    """The push cannot be taken; the message is what the caller is told."""


@dataclass(frozen=True)
class Item:
    """One checked item: the wire's own content, and what the checks between items need."""

    key: str
    email: str
    """The address in the case that decides whether two are the same; "" when there is none."""
    is_company: bool
    company_key: str
    groups: tuple[tuple[str, Kind], ...]
    content: dict[str, Any]
    """The five members of the item, lists that were left out as empty lists."""


def parse_item(value: object, place: str) -> Item:
    """Checks one element of `Items`; `place` names it in messages, as in "Items[3]".

    Raises Refused.
    """
    item = _object(value, place, _ITEM_MEMBERS)
    if "MemberDetails" not in item:
        raise Refused(f"{place}: MemberDetails is missing")
    details = _object(item["MemberDetails"], f"{place}.MemberDetails", _DETAILS)
    key = details.get("LegacyContactKey")
    if not isinstance(key, str) or not key:
        raise Refused(f"{place}: LegacyContactKey must be a non-empty string")
    _key(key, f"{place}.LegacyContactKey")
    where = f"{place} ({key})"
    for name, member in details.items():
        _DETAILS[name](member, f"{where}.{name}")

    security = _list(item, "SecurityGroups", where)
    communities = _list(item, "CommunityGroups", where)
    for index, group in enumerate(security):
        _security_group(group, f"{where}.SecurityGroups[{index}]")
    for index, group in enumerate(communities):
        _community_group(group, f"{where}.CommunityGroups[{index}]")
    demographics = _list(item, "Demographics", where)
    for index, demographic in enumerate(demographics):
        _demographic(demographic, f"{where}.Demographics[{index}]")
    history = {name: _list(item, name, where) for name in ("Education", "JobHistory")}
    for name, entries in history.items():
        if not all(isinstance(entry, dict) for entry in entries):
            raise Refused(f"{where}.{name} must be a list of objects")

    return Item(
        key=key,
        email=details.get("EmailAddress", "").casefold(),
        is_company=details.get("IsOrganization", False),
        company_key=details.get("ParentMemberKey", ""),
        groups=(
            *((group["GroupKey"], "security") for group in security),
            *((group["GroupKey"], "community") for group in communities),
        ),
        content={
            "MemberDetails": details,
            "SecurityGroups": security,
            "CommunityGroups": communities,
            "Demographics": demographics,
            **history,
        },
    )


Check = Callable[[Any, str], None]


def _object(value: object, place: str, members: dict[str, Check]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"{place} must be an object")
    if unknown := value.keys() - members.keys():
        raise Refused(f"{place}: unknown member {min(unknown)[:100]!r}")
    return value


def _list(item: dict[str, Any], name: str, place: str) -> list[Any]:
    value = item.get(name, [])
    if not isinstance(value, list):
        raise Refused(f"{place}.{name} must be a list")
    if len(value) > LIST_LENGTH:
        raise Refused(f"{place}.{name} has more than {LIST_LENGTH} entries")
    return value


def _anything(_value: Any, _place: str) -> None:
    """For members that are looked at on their own."""


def _text(value: Any, place: str, length: int = TEXT_LENGTH) -> None:
    if not isinstance(value, str):
        raise Refused(f"{place} must be a string")
    if len(value) > length:
        raise Refused(f"{place} has more than {length} characters")
    if "\x00" in value:
        raise Refused(f"{place} contains a NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            # JSON can write half of a surrogate pair; no database can store it.
            raise Refused(f"{place} is not valid Unicode text") from None


def _key(value: Any, place: str) -> None:
    _text(value, place, KEY_LENGTH)
    if value and not value.isprintable():
        raise Refused(f"{place} contains a control character")


def _bio(value: Any, place: str) -> None:
    _text(value, place, BIO_LENGTH)


def _flag(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise Refused(f"{place} must be true or false")


def _age(value: Any, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 200:
        raise Refused(f"{place} must be a whole number from 0 to 200")


def _date(value: Any, place: str) -> None:
    if value == "":
        return
    try:
        if not (isinstance(value, str) and _DATE.fullmatch(value)):
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise Refused(f"{place} must be a date as YYYY-MM-DD, or empty") from None


def _email(value: Any, place: str) -> None:
    _text(value, place)
    if value and not _EMAIL.fullmatch(value):
        raise Refused(f"{place} is not an e-mail address: {value[:200]}")


def _nullable_text(value: Any, place: str) -> None:
    if value is not None:
        _text(value, place)


def _require(entry: dict[str, Any], place: str, *names: str) -> None:
    for name in names:
        if not entry.get(name):
            raise Refused(f"{place}: {name} is missing or empty")


def _security_group(value: object, place: str) -> None:
    group = _entry(value, place, _SECURITY_GROUP)
    _require(group, place, "GroupKey", "GroupName")
    if group.get("GroupType") != "Security":
        raise Refused(f'{place}: GroupType of a security group must be "Security"')


def _community_group(value: object, place: str) -> None:
    group = _entry(value, place, _COMMUNITY_GROUP)
    _require(group, place, "GroupKey", "GroupName", "GroupType")
    if group["GroupType"] == "Security":
        raise Refused(f'{place}: GroupType "Security" is not a community type')


def _demographic(value: object, place: str) -> None:
    entry = _entry(value, place, _DEMOGRAPHIC)
    _require(entry, place, "DemographicTypeKey", "DemographicTypeValue", "DemographicValue")
    if not entry.get("IsFreeForm", False):
        _require(entry, place, "DemographicKey")


def _entry(value: object, place: str, members: dict[str, Check]) -> dict[str, Any]:
    entry = _object(value, place, members)
    for name, member in entry.items():
        members[name](member, f"{place}.{name}")
    return entry


_ITEM_MEMBERS: dict[str, Check] = dict.fromkeys(
    (
        "MemberDetails",
        "SecurityGroups",
        "CommunityGroups",
        "Demographics",
        "Education",
        "JobHistory",
    ),
    _anything,
)
_DETAILS: dict[str, Check] = {
    **dict.fromkeys(
        (
            *("MemberId", "PrefixCode", "FirstName", "MiddleName", "LastName", "SuffixCode"),
            *("Designation", "InformalName", "Gender", "Ethnicity", "Title", "CompanyName"),
            *("ProfileImageURL", "City", "State", "PostalCode", "Country"),
            *(f"Phone{number}" for number in range(1, 5)),
            *(f"Phone{number}Type" for number in range(1, 5)),
            *("Address1", "Address2", "Address3"),
            *("WebsiteUrl", "YouTubeURL", "FacebookURL", "TwitterURL", "GooglePlusURL"),
            *("LinkedInURL", "BloggerURL", "WordPressURL", "OtherBlogURL"),
        ),
        _text,
    ),
    **dict.fromkeys(
        ("LegacyContactKey", "ParentMemberKey", "PrimaryContactLegacyContactKey"), _key
    ),
    **dict.fromkeys(("Birthday", "MemberSince", "MemberExpiresOn"), _date),
    **dict.fromkeys(("ExcludeFromDirectory", "IsActive", "IsMember", "IsOrganization"), _flag),
    "Age": _age,
    "Bio": _bio,
    "EmailAddress": _email,
}
_SECURITY_GROUP: dict[str, Check] = {
    "GroupKey": _key,
    "GroupName": _text,
    "GroupType": _text,
    "RoleDescription": _nullable_text,
    **dict.fromkeys(("SinceDate", "BeginDate", "EndDate"), _date),
}
_COMMUNITY_GROUP: dict[str, Check] = {
    **_SECURITY_GROUP,
    "GroupSubType": _text,
    "ParentCommunityKey": _key,
}
_DEMOGRAPHIC: dict[str, Check] = {
    "DemographicTypeKey": _key,
    "DemographicTypeValue": _text,
    "DemographicKey": _key,
    "DemographicValue": _text,
    "IsFreeForm": _flag,
}
