"""Higher Logic's JSON, and what its answers mean. No database is asked."""

import datetime as dt
import json
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from idp.directory.contacts import ADDRESS, PHONE_TYPES, PHONES
from sync.protocol import wire
from sync.protocol.wire import Verdict
from sync.records.entries import ChoiceEntry, FieldEntry, GroupEntry
from sync.records.feed import Record, Web

DAY = dt.date(2025, 1, 1)


def record(**values: Any) -> Record:
    return Record(
        **{
            **dict.fromkeys(
                (
                    *("prefix", "first_name", "middle_name", "last_name", "suffix"),
                    *("informal_name", "designation", "job_title", "email"),
                    *(*PHONES, *PHONE_TYPES, *ADDRESS),
                    *("member_id", "company_name", "company_key", "main_contact_key"),
                ),
                "",
            ),
            "key": "k1",
            "is_company": False,
            "is_active": True,
            "is_member": True,
            "joined_on": None,
            "expires_on": None,
            "in_directory": True,
            "bio": None,
            "photo": None,
            "web": None,
            "groups": (),
            "fields": (),
            **values,
        }
    )


ADA = record(
    key="3f974f38",
    member_id="10023",
    prefix="Dr.",
    first_name="Ada",
    middle_name="King",
    last_name="Byron",
    suffix="Jr.",
    designation="CAE",
    informal_name="Ada",
    job_title="Analyst",
    email="ada@example.org",
    phone_1="+1 212 555 0100",
    phone_1_type="OFFICE",
    phone_2="+1 212 555 0101",
    phone_2_type="MOBILE",
    phone_3="+1 212 555 0102",
    phone_3_type="Lab",
    address_1="1 Engine Way",
    address_2="Flat 2",
    address_3="Ring twice",
    city="Québec",
    state="QC",
    postal_code="G1R",
    country="CA",
    joined_on=dt.date(2019, 4, 1),
    expires_on=dt.date(2026, 12, 31),
    in_directory=False,
    company_name="Engines Ltd",
    company_key="c-1",
    bio="Counts.",
    web=Web(
        website="https://ada.example",
        linkedin="https://l.example",
        twitter="",
        facebook="",
        youtube="https://y.example",
        google_plus="https://g.example",
        blogger="https://b.example",
        wordpress="https://w.example",
        other_blog="https://o.example",
    ),
    groups=(
        GroupEntry("g-1", "Current Members", "security", "Committee", dt.date(2019, 4, 1)),
        GroupEntry("g-2", "Policy Committee", "community", "Chapter", DAY),
    ),
    fields=(
        FieldEntry("region", "Region", (ChoiceEntry("NE", "Northeast"),)),
        FieldEntry("areas", "Areas", (ChoiceEntry("policy", "Policy"), ChoiceEntry("r_d", "R&D"))),
        FieldEntry("volunteer", "Volunteer", True),
        FieldEntry("years", "Years in practice", 0),
        FieldEntry("certified", "Certified on", DAY),
        FieldEntry("motto", "Motto", "ad astra"),
        FieldEntry("rate", "Rate", Decimal("120.500000")),
        FieldEntry("story", "Story", "One.\n\nTwo."),
        FieldEntry("old_key", "Old key", "A-00/7é"),
    ),
)


def test_the_record_of_a_person_word_for_word() -> None:
    def demographic(key: str, label: str, choice: str, value: str, free: bool) -> dict[str, Any]:
        return {
            "DemographicTypeKey": key,
            "DemographicTypeValue": label,
            "DemographicKey": choice,
            "DemographicValue": value,
            "IsFreeForm": free,
        }

    assert wire.item(ADA) == {
        "MemberDetails": {
            "LegacyContactKey": "3f974f38",
            "MemberId": "10023",
            "PrefixCode": "Dr.",
            "FirstName": "Ada",
            "MiddleName": "King",
            "LastName": "Byron",
            "SuffixCode": "Jr.",
            "Designation": "CAE",
            "InformalName": "Ada",
            "MemberSince": "2019-04-01",
            "MemberExpiresOn": "2026-12-31",
            "ExcludeFromDirectory": True,
            "IsActive": True,
            "IsMember": True,
            "Title": "Analyst",
            "CompanyName": "Engines Ltd",
            "ParentMemberKey": "c-1",
            "IsOrganization": False,
            "PrimaryContactLegacyContactKey": "",
            "EmailAddress": "ada@example.org",
            "Phone1": "+1 212 555 0100",
            "Phone1Type": "OFFICE",
            "Phone2": "+1 212 555 0101",
            "Phone2Type": "MOBILE",
            "Phone3": "+1 212 555 0102",
            "Phone3Type": "Lab",
            "Phone4": "",
            "Phone4Type": "",
            "Address1": "1 Engine Way",
            "Address2": "Flat 2",
            "Address3": "Ring twice",
            "City": "Québec",
            "State": "QC",
            "PostalCode": "G1R",
            "Country": "CA",
            "Bio": "Counts.",
            "WebsiteUrl": "https://ada.example",
            "LinkedInURL": "https://l.example",
            "TwitterURL": "",
            "FacebookURL": "",
            "YouTubeURL": "https://y.example",
            "GooglePlusURL": "https://g.example",
            "BloggerURL": "https://b.example",
            "WordPressURL": "https://w.example",
            "OtherBlogURL": "https://o.example",
        },
        "SecurityGroups": [
            {
                "GroupKey": "g-1",
                "GroupName": "Current Members",
                "GroupType": "Security",
                "RoleDescription": None,
                "SinceDate": "",
                "BeginDate": "2019-04-01",
                "EndDate": "",
            }
        ],
        "CommunityGroups": [
            {
                "GroupKey": "g-2",
                "GroupName": "Policy Committee",
                "GroupType": "Chapter",
                "GroupSubType": "",
                "ParentCommunityKey": "",
                "RoleDescription": None,
                "SinceDate": "",
                "BeginDate": "2025-01-01",
                "EndDate": "",
            }
        ],
        "Demographics": [
            demographic("region", "Region", "NE", "Northeast", False),
            demographic("areas", "Areas", "policy", "Policy", False),
            demographic("areas", "Areas", "r_d", "R&D", False),
            demographic("volunteer", "Volunteer", "Yes", "Yes", False),
            demographic("years", "Years in practice", "", "0", True),
            demographic("certified", "Certified on", "", "2025-01-01", True),
            demographic("motto", "Motto", "", "ad astra", True),
            demographic("rate", "Rate", "", "120.5", True),
            demographic("story", "Story", "", "One.\n\nTwo.", True),
            demographic("old_key", "Old key", "", "A-00/7é", True),
        ],
        "Education": [],
        "JobHistory": [],
    }


def test_what_is_switched_off_is_not_in_the_payload() -> None:
    details = wire.item(record())["MemberDetails"]
    assert (
        not {
            *("Bio", "ProfileImageURL", "WebsiteUrl", "LinkedInURL", "TwitterURL", "FacebookURL"),
            *("YouTubeURL", "GooglePlusURL", "BloggerURL", "WordPressURL", "OtherBlogURL"),
        }
        & details.keys()
    )
    assert wire.item(record(bio=""))["MemberDetails"]["Bio"] == ""


def test_the_digest_is_of_what_is_said() -> None:
    same = wire.item(ADA)
    assert wire.digest(dict(reversed(list(same.items())))) == wire.digest(same)
    assert len(wire.digest(same)) == 64
    assert wire.digest(wire.item(record(city="Oslo"))) != wire.digest(wire.item(record()))


def test_the_body_is_json_whatever_the_text() -> None:
    body = wire.body("ACME", [wire.item(record(first_name="日本\u2028语 \U0001f600"))])
    read = json.loads(body)
    assert read["TenantCode"] == "ACME"
    assert read["Items"][0]["MemberDetails"]["FirstName"] == "日本\u2028语 \U0001f600"


def answer(**values: Any) -> bytes:
    return json.dumps({"success": True, "count": 1, "errorMessage": "", **values}).encode()


@pytest.mark.parametrize(
    ("status", "content", "verdict"),
    [
        (200, answer(), Verdict.ACCEPTED),
        (200, answer(success=False, errorMessage="No such tenant"), Verdict.REFUSED),
        (400, answer(success=False, errorMessage="Bad"), Verdict.REFUSED),
        (413, b"", Verdict.REFUSED),
        (401, b"", Verdict.WRONG_KEY),
        (403, b'{"message":"Forbidden"}', Verdict.WRONG_KEY),
        (429, b'{"message":"Too Many Requests"}', Verdict.SLOW_DOWN),
        (503, b"<html></html>", Verdict.OUTAGE),
        (500, answer(success=False, errorMessage="Oops"), Verdict.OUTAGE),
        (200, b"<html>Maintenance</html>", Verdict.OUTAGE),
        (200, b'{"success": "true"}', Verdict.OUTAGE),
        (200, b"[]", Verdict.OUTAGE),
        (200, b'{"success": tr', Verdict.OUTAGE),
        (200, b"[" * 100_000, Verdict.OUTAGE),
        (200, b"\xff\xfe\x00", Verdict.OUTAGE),
        (204, b"", Verdict.OUTAGE),
        (302, b"", Verdict.OUTAGE),
        (404, b"<html></html>", Verdict.OUTAGE),
        (400, b"<html></html>", Verdict.OUTAGE),
    ],
)
def test_what_an_answer_means(status: int, content: bytes, verdict: Verdict) -> None:
    outcome = wire.outcome(status, {}, content)
    assert outcome.verdict is verdict
    assert outcome.message


def test_higher_logics_own_words_are_kept_bounded_and_printable() -> None:
    words = wire.outcome(200, {}, answer(success=False, errorMessage="Bad\x00\n" + "x" * 5000))
    assert words.message.startswith("Bad  x")
    assert len(words.message) == wire.WORDS_LENGTH


@pytest.mark.compliance("Y08")
def test_both_forms_of_retry_after() -> None:
    def wait(value: str) -> float | None:
        return wire.outcome(429, {"Retry-After": value}, b"").retry_after

    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    assert wait("7") == 7
    assert 55 < (wait(format_datetime(later, usegmt=True)) or 0) <= 60
    assert wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert wait("soon") is None
    assert wait("Wed, 21 Oct 99999999999 07:28:00 GMT") is None
    assert wire.outcome(429, {}, b"").retry_after is None
