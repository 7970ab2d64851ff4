"""Push records to begin with: a test states only what matters to it."""

from typing import Any


def security(key: str, name: str = "Current Members", **more: Any) -> dict[str, Any]:
    return {"GroupKey": key, "GroupName": name, "GroupType": "Security", **more}


def community(key: str, name: str = "Policy Committee", **more: Any) -> dict[str, Any]:
    return {"GroupKey": key, "GroupName": name, "GroupType": "Committee", **more}


def demographic(type_key: str, value: str, **more: Any) -> dict[str, Any]:
    return {
        "DemographicTypeKey": type_key,
        "DemographicTypeValue": type_key.title(),
        "DemographicKey": value,
        "DemographicValue": value,
        **more,
    }


def person(key: str, *groups: dict[str, Any], **details: Any) -> dict[str, Any]:
    """An item of a person; groups are told apart by their type."""
    return {
        "MemberDetails": {
            "LegacyContactKey": key,
            "FirstName": key.title(),
            "LastName": "Byron",
            "EmailAddress": f"{key}@example.org",
            "IsActive": True,
            "IsMember": True,
            "IsOrganization": False,
            **details,
        },
        "SecurityGroups": [group for group in groups if group["GroupType"] == "Security"],
        "CommunityGroups": [group for group in groups if group["GroupType"] != "Security"],
        "Demographics": [],
        "Education": [],
        "JobHistory": [],
    }


def company(key: str, *groups: dict[str, Any], **details: Any) -> dict[str, Any]:
    return person(
        key,
        *groups,
        **{
            "FirstName": "",
            "LastName": "",
            "CompanyName": "Engines Ltd",
            "IsOrganization": True,
            **details,
        },
    )
