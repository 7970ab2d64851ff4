"""The brief's rules, one test each: what an association was told of its integration holds here.

The brief is the vendor's page that this product takes the place of (docs/architecture.md).
"""

# ruff: noqa: F811

import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from idp.database import db
from idp.directory import accounts, conditions, fields, groups
from idp.directory.contacts import Person
from idp.directory.groups import Group
from sync import connection
from sync.delivery import pushing
from tests import browsing, factories
from tests.condition_forms import written
from tests.sync.conftest import (  # noqa: F401
    API_KEY,
    TENANT,
    Tenant,
    empty_redis,
    push,
    sandbox,
    tenant,
    unused,
)

CURRENT = {"version": 1, "all": [{"field": "member_status", "op": "is", "value": "Current"}]}
FORM: dict[str, Any] = {
    "name": "Current members",
    "description": "",
    "selects": "both",
    "type": "security",
    "community_type": "Committee",
}


def synced(**values: Any) -> Group:
    """A security group of the current members, its sync on."""
    return factories.group(**{"type": "security", "sync": True, "selects": "both", **values})


def member(**values: Any) -> Person:
    """A current person with an account."""
    return factories.account(**values).person


def test_step_2_key_and_tenant_code_are_all_that_the_connection_needs(
    owner: FlaskClient, unused: Tenant
) -> None:
    synced()
    person = member()
    assert push() == pushing.Totals(), "without them nothing is sent"
    saved = browsing.submit(
        owner,
        "/panel/integrations/",
        name="An association",
        colour="#1f4e79",
        base_url=unused.base,
        tenant_code=TENANT,
        api_key=API_KEY,
        member_statuses="Current",
    )
    assert saved.status_code == 303, saved.text
    push()
    assert person.key in unused.keys()  # noqa: SIM118
    assert API_KEY not in owner.get("/panel/integrations/").text


@pytest.mark.parametrize(
    ("switch", "theirs", "sent"),
    [
        ("integrate_bio", "MembershipIntegrateBio", {"Bio"}),
        (
            "integrate_social_media",
            "IntegrateSocialMediaSites",
            {"LinkedInURL", "TwitterURL", "FacebookURL", "YouTubeURL"},
        ),
    ],
)
def test_step_3_a_property_that_is_not_active_is_not_sent(
    tenant: Tenant, switch: str, theirs: str, sent: set[str]
) -> None:
    tenant.make(properties={theirs: True})
    synced()
    person = member(bio="Writes notes.", linkedin="https://www.linkedin.com/in/ada")
    push()
    assert not sent & tenant.details(person.key).keys()
    connection.change(**{switch: True})
    db.session.commit()
    push()
    assert sent <= tenant.details(person.key).keys()


def test_step_6_a_field_syncs_only_when_it_is_shown_in_the_members_section(
    app: Flask, staff: FlaskClient
) -> None:
    form = {"label": "Region", "kind": "text", "applies_to": "person"}
    refused = browsing.submit(staff, "/panel/fields/new", **form, sync="y")
    assert "only when it is shown in the Members section" in refused.text
    assert fields.all_fields() == []
    made = browsing.submit(staff, "/panel/fields/new", **form, sync="y", in_members_section="y")
    assert made.status_code == 303
    assert [field.sync for field in fields.all_fields()] == [True]


def test_step_6_only_checked_fields_are_in_the_feed(tenant: Tenant) -> None:
    synced()
    told = fields.create("Region", "text", in_members_section=True, sync=True)
    kept = fields.create("Shoe size", "text", in_members_section=True)
    person = member()
    fields.set_value(person, told, "Northeast")
    fields.set_value(person, kept, "39")
    db.session.commit()
    push()
    sent = tenant.contact(person.key)["Demographics"]
    assert [(one["DemographicTypeKey"], one["DemographicValue"]) for one in sent] == [
        ("region", "Northeast")
    ]


def test_existing_records_are_mapped_by_a_key_field(tenant: Tenant) -> None:
    synced()
    field = fields.create("Old key", "key", in_members_section=True, sync=True)
    person = member()
    fields.set_value(person, field, fields.parsed(field, "HL-00042"))
    db.session.commit()
    push()
    (sent,) = tenant.contact(person.key)["Demographics"]
    assert sent["DemographicValue"] == "HL-00042"


@pytest.mark.parametrize("kind", ["security", "community"])
def test_one_group_makes_one_community_or_one_security_group(tenant: Tenant, kind: str) -> None:
    group = synced(type=kind, name="Policy Committee")
    member()
    push()
    tenant.settle()
    (made,) = tenant.control("/state")["groups"]
    assert made == {"key": group.key, "name": "Policy Committee", "kind": kind, "members": 1}


def test_two_groups_never_make_one(app: Flask) -> None:
    synced(key="HL-1")
    with pytest.raises(groups.InvalidValue, match="Another group has this key"):
        synced(key="HL-1")


def test_name_and_conditions_can_change_after_the_group_was_created(
    tenant: Tenant, staff: FlaskClient
) -> None:
    group = synced(name="Current members")
    stays, joins = member(), member(member_status="Grace")
    push()
    changed = {"any": [*CURRENT["all"], {"field": "member_status", "op": "is", "value": "Grace"}]}
    key, path = group.key, f"/panel/groups/{group.key}"
    renamed = browsing.submit(staff, path, **{**FORM, "name": "Members", "sync": "y"})
    assert renamed.status_code == 303
    saved = browsing.submit(staff, f"{path}/conditions", selects="both", **written(changed))
    assert saved.status_code == 303
    push()
    assert tenant.members(key) >= {stays.key, joins.key}


def test_a_name_that_was_edited_at_higher_logic_does_not_break_the_sync(tenant: Tenant) -> None:
    """The key binds: whatever the community is called there, its members keep coming."""
    group = synced(name="Current members")
    member()
    push()
    groups.change(group, name="Something else")
    later = member()
    push()
    assert later.key in tenant.members(group.key)
    assert uuid.UUID(group.key), "made by us, and no name in it"


def test_only_companies_and_people_with_accounts_sync(tenant: Tenant) -> None:
    group = synced()
    person, without = member(), factories.person()
    company = factories.company(member_status="Current")
    push()
    assert tenant.keys() == {person.key, company.key}
    assert tenant.members(group.key) == {person.key, company.key}
    accounts.create(without)
    db.session.commit()
    push()
    assert without.key in tenant.members(group.key), "as soon as they have one"


def test_the_panel_lists_who_is_left_out_and_why(
    app: Flask, tenant: Tenant, staff: FlaskClient
) -> None:
    group = synced()
    member()
    factories.person(last_name="Nowhere")
    facts = staff.get(f"/panel/groups/{group.key}/status.json").get_json()
    assert facts["left_out"] == "1 left out: no account (1)"


def test_the_group_type_cannot_change_once_the_sync_was_on_and_saved(
    app: Flask, staff: FlaskClient
) -> None:
    group = synced(key="g")
    form = {**FORM, "type": "community", "sync": "y"}
    assert "The group type is fixed" in browsing.submit(staff, "/panel/groups/g", **form).text
    groups.switch_sync(group, False)
    db.session.commit()
    with pytest.raises(groups.InvalidValue, match="fixed"):
        groups.change(group, type="community")
    db.session.rollback()
    with pytest.raises(IntegrityError):
        db.session.execute(db.update(Group).values(type="community"))
    db.session.rollback()


def test_before_the_sync_is_on_the_type_may_change(app: Flask, staff: FlaskClient) -> None:
    factories.group(type="security", key="g", selects="both")
    form = {**FORM, "type": "community"}
    assert browsing.submit(staff, "/panel/groups/g", **form).status_code == 303
    found = groups.find("g")
    assert found is not None
    assert found.type == "community"


def test_every_change_of_a_person_company_or_group_is_sent(tenant: Tenant) -> None:
    group = synced(name="Current members")
    company = factories.company(name="Engines Ltd")
    person = member(company=company)
    push()
    person.job_title = "Analyst"
    db.session.commit()
    push()
    assert tenant.details(person.key)["Title"] == "Analyst"
    company.name = "Difference Engines Ltd"
    db.session.commit()
    push()
    assert tenant.details(company.key)["CompanyName"] == "Difference Engines Ltd"
    assert tenant.details(person.key)["CompanyName"] == "Difference Engines Ltd"
    groups.change(group, name="Members")
    db.session.commit()
    push()
    sent = tenant.contact(person.key)["SecurityGroups"]
    assert [one["GroupName"] for one in sent] == ["Members"]


def test_deactivating_leaves_the_record_there_and_ends_signing_in(
    tenant: Tenant, app: Flask
) -> None:
    group = synced()
    person = member(email="ada@example.org")
    push()
    before = tenant.contact(person.key)
    account = accounts.find("ada@example.org")
    assert account is not None
    accounts.deactivate(account)
    db.session.commit()
    push()
    assert tenant.contact(person.key) == before
    assert tenant.members(group.key) == {person.key}
    assert browsing.sign_in(app.test_client(), "ada@example.org").status_code != 303


def test_the_status_on_the_groups_page_says_when_it_is_up_to_date(
    tenant: Tenant, staff: FlaskClient
) -> None:
    group = synced()
    member()
    path = f"/panel/groups/{group.key}/status.json"
    assert staff.get(path).get_json()["state"] == "pending"
    push()
    facts = staff.get(path).get_json()
    assert (facts["state"], facts["label"]) == ("up_to_date", "Up to date")


def test_no_contacts_pending_refresh_means_the_sync_is_complete(
    tenant: Tenant, staff: FlaskClient
) -> None:
    synced()
    member()
    push()
    tenant.settle()
    assert tenant.control("/state")["contacts_pending_refresh"] == 0
    assert "Pending" in staff.get("/panel/overview").text


def test_further_groups_become_further_communities_and_security_groups(tenant: Tenant) -> None:
    first = synced()
    person = member(city="Boston")
    push()
    second = synced(
        type="community",
        condition=conditions.parse({"field": "city", "op": "is", "value": "Boston"}),
    )
    push()
    assert tenant.members(first.key) == tenant.members(second.key) == {person.key}
