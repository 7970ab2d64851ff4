"""Items of the wire format in the staff's words, to be read and compared (``wire`` writes them)."""

import json
from typing import Any

from idp.moments import day
from sync.protocol.wire import Item

_DAYS = frozenset({"MemberSince", "MemberExpiresOn"})
_LABELS = {
    "LegacyContactKey": "Key",
    "MemberId": "Member ID",
    "PrefixCode": "Prefix",
    "FirstName": "First name",
    "MiddleName": "Middle name",
    "LastName": "Last name",
    "SuffixCode": "Suffix",
    "Designation": "Designation",
    "InformalName": "Informal name",
    "MemberSince": "Member since",
    "MemberExpiresOn": "Expires on",
    "ExcludeFromDirectory": "Left out of the directory",
    "IsActive": "Active",
    "IsMember": "Counts as a member",
    "Title": "Job title",
    "CompanyName": "Company",
    "ParentMemberKey": "Key of the company",
    "IsOrganization": "Is a company",
    "PrimaryContactLegacyContactKey": "Key of the main contact",
    "EmailAddress": "E-mail",
    "Phone1": "Phone 1",
    "Phone1Type": "Type of phone 1",
    "Phone2": "Phone 2",
    "Phone2Type": "Type of phone 2",
    "Phone3": "Phone 3",
    "Phone3Type": "Type of phone 3",
    "Phone4": "Phone 4",
    "Phone4Type": "Type of phone 4",
    "Address1": "Address",
    "Address2": "Address, second line",
    "Address3": "Address, third line",
    "City": "City",
    "State": "State",
    "PostalCode": "Postal code",
    "Country": "Country",
    "Bio": "Biography",
    "ProfileImageURL": "Photo",
    "WebsiteUrl": "Website",
    "LinkedInURL": "LinkedIn",
    "TwitterURL": "X",
    "FacebookURL": "Facebook",
    "YouTubeURL": "YouTube",
    "GooglePlusURL": "Google Plus",
    "BloggerURL": "Blogger",
    "WordPressURL": "WordPress",
    "OtherBlogURL": "Another blog",
}

_PHONE_TYPES = {f"Phone{number}Type" for number in range(1, 5)}


def rows(item: Item) -> list[tuple[str, str]]:
    """What an item says, as names and values; what is empty is left out."""
    told = item["MemberDetails"]
    details = [
        (_LABELS.get(name, name), day(value) if name in _DAYS and value else _text(value))
        for name, value in told.items()
        # The type is always sent; of a number that is not there it says nothing.
        if not (name in _PHONE_TYPES and not told[name.removesuffix("Type")])
    ]
    groups = [
        (f"{kind}: {group['GroupName']}{_role(group)}", _days(group))
        for kind, name in (("Security group", "SecurityGroups"), ("Community", "CommunityGroups"))
        for group in item[name]
    ]
    fields: dict[str, list[str]] = {}
    for entry in item["Demographics"]:
        fields.setdefault(entry["DemographicTypeValue"], []).append(entry["DemographicValue"])
    custom = [(f"Field: {label}", ", ".join(values)) for label, values in fields.items()]
    return [(name, text) for name, text in (*details, *groups, *custom) if text]


def differences(before: Item, after: Item) -> list[tuple[str, str, str]]:
    """What two items say differently: the name, and both values (empty: it says nothing)."""
    old, new = dict(rows(before)), dict(rows(after))
    names = dict.fromkeys([*new, *old])
    return [
        (name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name, "") != new.get(name, "")
    ]


def as_json(item: Item) -> str:
    """An item as it was sent, with line breaks."""
    return json.dumps(item, ensure_ascii=False, indent=2)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "" if value is None else str(value)


def _role(group: dict[str, Any]) -> str:
    return f" ({group['RoleDescription']})" if group["RoleDescription"] else ""


def _days(group: dict[str, Any]) -> str:
    until = f" until {day(group['EndDate'])}" if group["EndDate"] else ""
    return f"since {day(group['BeginDate'])}{until}" if group["BeginDate"] else until.strip()
