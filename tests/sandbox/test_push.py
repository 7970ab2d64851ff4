"""`POST /push/v1/members`: what is taken, what is refused, and what a taken record means."""

import json
from typing import Any
from urllib.parse import quote

import pytest
import requests

from sandbox.push import MAX_BODY
from tests.sandbox.conftest import Sandbox
from tests.sandbox.records import community, company, demographic, person, security


def test_a_batch_is_taken_and_shown(sandbox: Sandbox) -> None:
    ada = person("ada", security("members"), community("policy"), ParentMemberKey="engines")
    ada["Demographics"] = [demographic("region", "NE"), demographic("region", "NW")]

    sandbox.taken(company("engines", PrimaryContactLegacyContactKey="ada"), ada)

    shown = sandbox.contact("ada")
    assert shown["MemberDetails"] == ada["MemberDetails"]
    assert shown["SecurityGroups"] == ada["SecurityGroups"]
    assert shown["CommunityGroups"] == ada["CommunityGroups"]
    assert shown["Demographics"] == ada["Demographics"]
    state = sandbox.control("/state")
    assert (state["contacts"], state["companies"], state["people"]) == (2, 1, 1)
    assert state["accepted_records"] == 2
    assert {"key": "policy", "name": "Policy Committee", "kind": "community", "members": 1} in (
        state["groups"]
    )


def test_an_empty_batch_is_taken(sandbox: Sandbox) -> None:
    assert sandbox.push().json() == {"success": True, "count": 0, "errorMessage": ""}


@pytest.mark.parametrize(
    ("key", "tenant"),
    [("wrong", "ACME"), ("", "ACME"), ("the-api-key", "acme"), ("the-api-key", 7)],
)
def test_wrong_credentials_are_forbidden(sandbox: Sandbox, key: str, tenant: Any) -> None:
    response = sandbox.push(person("ada"), key=key, tenant=tenant)

    assert response.status_code == 403
    assert response.json() == {"message": "Forbidden"}


def test_a_missing_key_is_forbidden(sandbox: Sandbox) -> None:
    url = f"{sandbox.base}/push/v1/members"
    response = requests.post(url, json={"TenantCode": "ACME", "Items": []}, timeout=10)

    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})


def test_another_content_type_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.push_body(b"{}", "text/plain").status_code == 415


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"TenantCode": NaN}', b"[" * 200_000, b"\xff"]
)
def test_what_is_no_json_object_is_a_bad_request(sandbox: Sandbox, body: bytes) -> None:
    response = sandbox.push_body(body)

    assert response.status_code == 400
    assert response.json()["success"] is False


def test_a_body_beyond_the_gateways_bound_is_too_large(sandbox: Sandbox) -> None:
    assert sandbox.push_body(b" " * (MAX_BODY + 1)).status_code == 413


def test_a_batch_beyond_the_limit_is_too_large(sandbox: Sandbox) -> None:
    response = sandbox.push(*(person(f"p{number}") for number in range(101)))

    assert response.status_code == 413
    assert response.json() == {
        "success": False,
        "count": 0,
        "errorMessage": "Items has 101 entries; at most 100 are taken",
    }


def changed(where: str, value: Any) -> dict[str, Any]:
    """A good item with one member set, as in "MemberDetails.Age"."""
    item = person("ada", security("members"), community("policy"))
    item["Demographics"] = [demographic("region", "NE")]
    target: Any = item
    *path, last = where.split(".")
    for step in path:
        target = target[int(step) if step.isdigit() else step]
    target[int(last) if last.isdigit() else last] = value
    return item


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("Extra", 1, "unknown member 'Extra'"),
        ("MemberDetails", [], "must be an object"),
        ("MemberDetails.Nickname", "A", "unknown member 'Nickname'"),
        ("MemberDetails.LegacyContactKey", "", "LegacyContactKey must be a non-empty string"),
        ("MemberDetails.LegacyContactKey", 7, "LegacyContactKey must be a non-empty string"),
        ("MemberDetails.LegacyContactKey", None, "LegacyContactKey must be a non-empty string"),
        ("MemberDetails.LegacyContactKey", "k" * 201, "more than 200 characters"),
        ("MemberDetails.LegacyContactKey", "a\nb", "control character"),
        ("MemberDetails.FirstName", None, "FirstName must be a string"),
        ("MemberDetails.FirstName", "\ud83d", "not valid Unicode"),
        ("MemberDetails.FirstName", "a\x00", "NUL"),
        ("MemberDetails.FirstName", "x" * 2001, "more than 2000 characters"),
        ("MemberDetails.IsActive", "true", "IsActive must be true or false"),
        ("MemberDetails.IsMember", 1, "IsMember must be true or false"),
        ("MemberDetails.Age", True, "whole number"),
        ("MemberDetails.Age", "36", "whole number"),
        ("MemberDetails.Birthday", "10.12.1815", "YYYY-MM-DD"),
        ("MemberDetails.Birthday", "1815-02-30", "YYYY-MM-DD"),
        ("MemberDetails.MemberSince", None, "YYYY-MM-DD"),
        ("MemberDetails.EmailAddress", "ada", "not an e-mail address: ada"),
        ("SecurityGroups", {}, "must be a list"),
        ("SecurityGroups.0.GroupType", "Committee", 'must be "Security"'),
        ("SecurityGroups.0.GroupKey", "", "GroupKey is missing or empty"),
        ("SecurityGroups.0.GroupName", "", "GroupName is missing or empty"),
        ("SecurityGroups.0.ParentCommunityKey", "x", "unknown member"),
        ("SecurityGroups.0.BeginDate", "soon", "YYYY-MM-DD"),
        ("CommunityGroups.0.GroupType", "", "GroupType is missing or empty"),
        ("CommunityGroups.0.GroupType", "Security", "not a community type"),
        ("CommunityGroups.0.GroupKey", "members", "a security group, not a community"),
        ("Demographics.0", "region", "must be an object"),
        ("Demographics.0.DemographicTypeKey", "", "DemographicTypeKey is missing or empty"),
        ("Demographics.0.DemographicKey", "", "DemographicKey is missing or empty"),
        ("Demographics.0.DemographicValue", ["NE"], "must be a string"),
        ("Demographics.0.IsFreeForm", "No", "must be true or false"),
        ("Education", [1], "list of objects"),
        ("MemberDetails.ParentMemberKey", "nowhere", "not a known company"),
    ],
)
def test_a_wrong_item_is_refused(
    shared_sandbox: Sandbox, where: str, value: Any, said: str
) -> None:
    assert said in shared_sandbox.refused(changed(where, value))


def test_a_free_form_field_needs_no_key(sandbox: Sandbox) -> None:
    note = {**demographic("note", "Hi"), "DemographicKey": "", "IsFreeForm": True}

    sandbox.taken(changed("Demographics.0", note))

    assert sandbox.contact("ada")["Demographics"] == [note]


def test_items_must_be_a_list_and_nothing_else_be_there(sandbox: Sandbox) -> None:
    assert "unknown member 'Mode'" in sandbox.push(Mode="full").json()["errorMessage"]
    body = json.dumps({"TenantCode": "ACME", "Items": {}}).encode()
    assert sandbox.push_body(body).json()["errorMessage"] == "Items must be a list"


def test_one_bad_item_refuses_the_whole_batch(sandbox: Sandbox) -> None:
    said = sandbox.refused(person("ada"), person("bob", Age="old"))

    assert said.startswith("Items[1] (bob).Age")
    sandbox.settle()
    assert sandbox.control("/contacts") == []


def test_an_address_belongs_to_one_contact(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada"))

    said = sandbox.refused(person("bob", EmailAddress="ADA@Example.org"))

    assert "ada@example.org" in said
    assert "contact ada" in said
    assert "ada@x.org" in sandbox.refused(
        person("carl", EmailAddress="ada@x.org"), person("dora", EmailAddress="Ada@X.org")
    )


def test_an_address_counts_while_its_contact_waits_in_the_queue(sandbox: Sandbox) -> None:
    sandbox.set(refresh_per_second=0)
    sandbox.push(person("ada"))

    assert "ada@example.org" in sandbox.refused(person("bob", EmailAddress="ada@example.org"))


def test_two_contacts_may_swap_addresses_within_a_request(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada"), person("bob"))

    sandbox.taken(
        person("ada", EmailAddress="bob@example.org"), person("bob", EmailAddress="ada@example.org")
    )

    assert sandbox.contact("bob")["MemberDetails"]["EmailAddress"] == "ada@example.org"


def test_contacts_without_an_address_do_not_collide(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada", EmailAddress=""), person("bob", EmailAddress=""))


def test_a_key_may_be_in_a_request_once(sandbox: Sandbox) -> None:
    assert "twice" in sandbox.refused(person("ada"), person("ada"))


def test_a_company_comes_before_its_people(sandbox: Sandbox) -> None:
    ada = person("ada", ParentMemberKey="engines")
    assert "engines" in sandbox.refused(ada, company("engines"))
    assert "bob" in sandbox.refused(person("bob"), person("carl", ParentMemberKey="bob"))

    sandbox.taken(company("engines"))
    sandbox.taken(ada)


def test_a_groups_kind_is_for_good(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada", security("members")))

    assert "members" in sandbox.refused(person("bob", community("members")))


def test_what_is_left_out_is_gone(sandbox: Sandbox) -> None:
    full = person("ada", security("members"), community("policy"), Title="Analyst")
    full["Demographics"] = [demographic("region", "NE")]
    sandbox.taken(full)

    sandbox.taken({"MemberDetails": {"LegacyContactKey": "ada", "LastName": "Byron"}})

    shown = sandbox.contact("ada")
    assert shown["MemberDetails"] == {"LegacyContactKey": "ada", "LastName": "Byron"}
    assert shown["SecurityGroups"] == shown["CommunityGroups"] == shown["Demographics"] == []
    assert sandbox.control("/groups/policy")["members"] == []


def test_one_entry_for_each_role(sandbox: Sandbox) -> None:
    sandbox.taken(
        person(
            "ada",
            community("policy", RoleDescription="Chair"),
            community("policy", RoleDescription="Editor"),
            security("members", RoleDescription=None),
        )
    )

    assert sandbox.control("/groups/policy")["members"] == ["ada"]
    page = requests.get(f"{sandbox.base}/communities/policy", timeout=10).text
    assert "Chair" in page
    assert "Editor" in page
    assert "1 member<" in page


def test_a_group_follows_the_pushed_name_until_it_is_renamed_here(
    sandbox: Sandbox, browser: requests.Session
) -> None:
    sandbox.taken(person("ada", community("policy", "Policy")))
    sandbox.taken(person("ada", community("policy", "Policy Committee")))
    assert sandbox.control("/groups/policy")["name"] == "Policy Committee"

    sandbox.submit(browser, "/admin/communities/policy", name="Policy Circle")
    sandbox.taken(person("ada", community("policy", "Policy Board")))

    assert sandbox.control("/groups/policy")["name"] == "Policy Circle"


def test_gated_fields_are_ignored_while_their_property_is_off(
    sandbox: Sandbox, browser: requests.Session
) -> None:
    sandbox.taken(person("ada", Bio="Wrote programs.", LinkedInURL="https://l.example/ada"))
    assert "Bio" not in sandbox.contact("ada")["MemberDetails"]

    sandbox.submit(browser, "/admin/integration", property="MembershipIntegrateBio")
    sandbox.taken(person("ada", Bio="Wrote programs.", LinkedInURL="https://l.example/ada"))

    details = sandbox.contact("ada")["MemberDetails"]
    assert details["Bio"] == "Wrote programs."
    assert "LinkedInURL" not in details


def test_an_absent_gated_field_never_blanks_and_an_empty_one_does(sandbox: Sandbox) -> None:
    sandbox.set(properties={"MembershipIntegrateBio": True, "IntegrateProfileImage": True})
    sandbox.taken(person("ada", Bio="Wrote programs.", ProfileImageURL="https://x.example/a.png"))

    sandbox.taken(person("ada", ProfileImageURL=""))
    details = sandbox.contact("ada")["MemberDetails"]
    assert details["Bio"] == "Wrote programs."
    assert details["ProfileImageURL"] == ""

    sandbox.set(properties={"MembershipIntegrateBio": False})
    sandbox.taken(person("ada", Bio=""))
    assert sandbox.contact("ada")["MemberDetails"]["Bio"] == "Wrote programs."


def test_keys_are_kept_byte_for_byte(sandbox: Sandbox) -> None:
    key = " Ä/b?c#%2F.."
    sandbox.taken(person("ada", LegacyContactKey=key))

    assert sandbox.control("/contacts") == [key]
    assert sandbox.contact(quote(key, safe=""))["key"] == key
