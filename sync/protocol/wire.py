"""Higher Logic's JSON, Push API v1: the only module that knows it.

docs/architecture.md, decision 7. A record becomes an item, items become a body, a response becomes
an outcome. Source: what is known of Higher Logic's Push API v1. The full record goes every time: a
group or a demographic that is left out is taken as gone. Fields that the association does not keep
here (gender, ethnicity, age, birthday) are never sent.
"""

import datetime as dt
import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from idp.database import now
from idp.directory.fields import text_of
from sync.records.entries import FieldEntry, GroupEntry
from sync.records.feed import Record

PATH = "/push/v1/members"
WORDS_LENGTH = 500
TOO_LARGE, WRONG_ADDRESS = "too_large", "wrong_address"

Item = dict[str, Any]


class Verdict(enum.Enum):
    """What a response means for the contacts of the push."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Higher Logic read the push and does not take it as it is; it may be one record's fault."""
    WRONG_KEY = "wrong key"
    SLOW_DOWN = "slow down"
    OUTAGE = "outage"
    """No clear answer: the push may or may not have been taken, and is repeated."""


@dataclass(frozen=True)
class Outcome:
    """What became of a push; ``message`` is a sentence for the staff, Higher Logic's own words
    where it said any. ``retry_after`` is in seconds. ``cause`` says of some more exactly what it
    was: ``too_large``, ``wrong_address``, ``no_answer``."""

    verdict: Verdict
    message: str
    retry_after: float | None = None
    cause: str = ""

    @property
    def code(self) -> str:
        """One word for what came back, for programs and for the history."""
        return self.cause or self.verdict.name.lower()

    @property
    def ok(self) -> bool:
        """Whether the push was accepted."""
        return self.verdict is Verdict.ACCEPTED


def headers(api_key: str) -> dict[str, str]:
    """The headers of a push."""
    return {
        "x-api-key": api_key,
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


def body(tenant_code: str, items: Sequence[Item]) -> bytes:
    """The body of a push: JSON in UTF-8 (RFC 8259, 8.1)."""
    return orjson.dumps({"TenantCode": tenant_code, "Items": items})


def digest(item: Item) -> str:
    """SHA-256 of an item in canonical form: equal for two items that say the same."""
    return hashlib.sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()


def size(item: Item) -> int:
    """Bytes that an item takes in a body."""
    return len(orjson.dumps(item)) + len(",")


def item(record: Record) -> Item:
    """One element of ``Items``."""
    return {
        "MemberDetails": _details(record),
        "SecurityGroups": [_security(one) for one in record.groups if one.type == "security"],
        "CommunityGroups": [_community(one) for one in record.groups if one.type == "community"],
        "Demographics": [entry for field in record.fields for entry in _demographics(field)],
        "Education": [],
        "JobHistory": [],
    }


def key_of(item: Item) -> str:
    """The key of the contact that an item is about."""
    key: str = item["MemberDetails"]["LegacyContactKey"]
    return key


def _details(record: Record) -> dict[str, Any]:
    details = {
        "LegacyContactKey": record.key,
        "MemberId": record.member_id,
        "PrefixCode": record.prefix,
        "FirstName": record.first_name,
        "MiddleName": record.middle_name,
        "LastName": record.last_name,
        "SuffixCode": record.suffix,
        "Designation": record.designation,
        "InformalName": record.informal_name,
        "MemberSince": _date(record.joined_on),
        "MemberExpiresOn": _date(record.expires_on),
        "ExcludeFromDirectory": not record.in_directory,
        "IsActive": record.is_active,
        "IsMember": record.is_member,
        "Title": record.job_title,
        "CompanyName": record.company_name,
        "ParentMemberKey": record.company_key,
        "IsOrganization": record.is_company,
        "PrimaryContactLegacyContactKey": record.main_contact_key,
        "EmailAddress": record.email,
        "Phone1": record.phone_1,
        "Phone1Type": record.phone_1_type,
        "Phone2": record.phone_2,
        "Phone2Type": record.phone_2_type,
        "Phone3": record.phone_3,
        "Phone3Type": record.phone_3_type,
        "Phone4": record.phone_4,
        "Phone4Type": record.phone_4_type,
        "Address1": record.address_1,
        "Address2": record.address_2,
        "Address3": record.address_3,
        "City": record.city,
        "State": record.state,
        "PostalCode": record.postal_code,
        "Country": record.country,
    }
    if record.bio is not None:
        details["Bio"] = record.bio
    if record.photo is not None:
        details["ProfileImageURL"] = record.photo
    if record.web is not None:
        details |= {
            "WebsiteUrl": record.web.website,
            "LinkedInURL": record.web.linkedin,
            "TwitterURL": record.web.twitter,
            "FacebookURL": record.web.facebook,
            "YouTubeURL": record.web.youtube,
            "GooglePlusURL": record.web.google_plus,
            "BloggerURL": record.web.blogger,
            "WordPressURL": record.web.wordpress,
            "OtherBlogURL": record.web.other_blog,
        }
    return details


def _security(group: GroupEntry) -> dict[str, Any]:
    return {
        "GroupKey": group.key,
        "GroupName": group.name,
        "GroupType": "Security",
        "RoleDescription": None,
        "SinceDate": "",
        "BeginDate": _date(group.begin_on),
        "EndDate": _date(group.end_on),
    }


def _community(group: GroupEntry) -> dict[str, Any]:
    return {
        "GroupKey": group.key,
        "GroupName": group.name,
        "GroupType": group.community_type,
        "GroupSubType": "",
        "ParentCommunityKey": "",
        "RoleDescription": group.role or None,
        "SinceDate": "",
        "BeginDate": _date(group.begin_on),
        "EndDate": _date(group.end_on),
    }


def _demographics(field: FieldEntry) -> list[dict[str, Any]]:
    """One entry; one for each choice of a *several of* field."""

    def entry(key: str, value: str, *, free_form: bool) -> dict[str, Any]:
        return {
            "DemographicTypeKey": field.key,
            "DemographicTypeValue": field.label,
            "DemographicKey": key,
            "DemographicValue": value,
            "IsFreeForm": free_form,
        }

    value = field.value
    if isinstance(value, tuple):
        return [entry(choice.key, choice.label, free_form=False) for choice in value]
    if isinstance(value, bool):
        return [entry(text_of(value), text_of(value), free_form=False)]
    return [entry("", text_of(value), free_form=True)]


def _date(day: dt.date | None) -> str:
    return day.isoformat() if day is not None else ""


def outcome(
    status: int, response_headers: Mapping[str, str], content: bytes, api_key: str = ""
) -> Outcome:
    """What a response means. Higher Logic answers for the request as a whole; what is not its
    JSON comes from a gateway in front of it. Words are kept and shown: the key is cut out of them.
    """
    answer = _object(content)
    said = _said(answer, api_key)
    if status in {401, 403}:
        return Outcome(
            Verdict.WRONG_KEY, f"Higher Logic refused the API key or the tenant code ({status})."
        )
    retry_after = _retry_after(response_headers.get("Retry-After"))
    if status == 429:
        return Outcome(Verdict.SLOW_DOWN, "Higher Logic asks us to slow down (429).", retry_after)
    if 200 <= status < 300 and answer is not None and answer.get("success") is True:
        return Outcome(Verdict.ACCEPTED, "Accepted.")
    if 200 <= status < 300 and answer is not None and answer.get("success") is False:
        return Outcome(Verdict.REFUSED, said or "Higher Logic refused it and did not say why.")
    if status == 413:
        words = said or "Too large for Higher Logic (413)."
        return Outcome(Verdict.REFUSED, words, cause=TOO_LARGE)
    if status in {400, 422} and said:
        return Outcome(Verdict.REFUSED, said)
    cause = ""
    if 300 <= status < 400:
        cause = WRONG_ADDRESS
        words = f"Higher Logic's address answers with a redirect ({status}): check the base URL."
    elif status == 404:
        cause = WRONG_ADDRESS
        words = "There is no push service at this address (404): check the base URL."
    elif status >= 500:
        words = f"Higher Logic has trouble of its own ({status})."
    else:
        words = f"Higher Logic answered {status} with something that is not its JSON."
    return Outcome(Verdict.OUTAGE, words, retry_after, cause)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _said(answer: dict[str, Any] | None, api_key: str) -> str:
    """Higher Logic's own words, bounded and without control characters."""
    if answer is None:
        return ""
    words = answer.get("errorMessage") or answer.get("message") or ""
    if not isinstance(words, str):
        return ""
    if api_key:
        words = words.replace(api_key, "[the API key]")
    return "".join(one if one.isprintable() else " " for one in words)[:WORDS_LENGTH].strip()


def _retry_after(value: str | None) -> float | None:
    """Seconds from either form of the header (RFC 9110, 10.2.3); what is neither is ignored."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now()).total_seconds())
