"""The mapping of a client: what of the directory it is told, under which claim names."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory import fields
from idp.directory.accounts import Account
from idp.directory.contacts import InvalidValue, Person
from idp.directory.fields import CustomField, FieldKind, Value
from idp.oauth import claims, commands, registration
from idp.oauth.clients import Client
from tests import factories
from tests.oauth.conftest import Member, Site, claims_of, is_page, sign_in
from tests.oauth.test_apps import allow, consent_form

NewSite = Callable[..., Site]


def person_of(member: Member) -> Person:
    """The member's record, within an app context."""
    return db.session.get(Account, member.account_id).person


def custom(
    label: str, kind: FieldKind, *, choices: tuple[str, ...] = (), shown: bool = True
) -> CustomField:
    """A custom field of people, within an app context."""
    field = fields.create(label, kind, choices=choices, in_members_section=shown)
    db.session.commit()
    return field


def give(member: Member, field: CustomField, value: Value) -> None:
    """Give a member a value of a custom field."""
    fields.set_value(person_of(member), field, value)
    db.session.commit()


def map_claims(app: Flask, site: Site, claim_map: dict[str, str]) -> None:
    """The staff give a site a mapping."""
    with app.app_context():
        registration.change(db.session.get(Client, site.row_id), claim_map=claim_map)
        db.session.commit()


def show(app: Flask, key: str, *, shown: bool) -> None:
    """The staff show a custom field in the Members section, or keep it to themselves."""
    with app.app_context():
        field = db.session.scalar(select(CustomField).where(CustomField.key == key))
        field.in_members_section = shown
        db.session.commit()


def told(site: Site, scope: str | None = "openid profile") -> dict[str, Any]:
    """What the site is told of who is signed in."""
    answer = site.userinfo(site.tokens(scope=scope)["access_token"])
    assert answer.status_code == 200
    return answer.json


@pytest.fixture
def every_kind(app: Flask) -> list[str]:
    """Custom fields of each kind; the fixture is their keys."""
    with app.app_context():
        made = [
            custom("Nickname at work", "text"),
            custom("Speaks", "yes_no"),
            custom("Books", "whole_number"),
            custom("Founded", "date"),
            custom("Region", "one_of", choices=("North", "South")),
            custom("Interests", "several_of", choices=("Law", "Art", "Rail")),
            custom("Rate", "decimal"),
            custom("Story", "long_text"),
            custom("Old key", "key"),
        ]
        return [field.key for field in made]


def test_built_in_fields_go_out_under_the_sites_own_names(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    with app.app_context():
        person = person_of(member)
        person.company = factories.company(name="Engines Ltd")
        person.member_type, person.joined_on = "Fellow", dt.date(2019, 4, 1)
        person.first_name, person.last_name = "Ada", ""
        db.session.commit()
        company_key = person.company.key
    map_claims(
        app,
        site,
        {
            "AmsId": "key",
            "DisplayName": "full_name",
            "employer": "company_name",
            "employer_id": "company_key",
            "kind": "member_type",
            "since": "joined_on",
            "until": "expires_on",
            "title": "job_title",
        },
    )
    answer = told(site)
    assert (
        answer.items()
        >= {
            "AmsId": member.key,
            "DisplayName": "Ada",
            "employer": "Engines Ltd",
            "employer_id": company_key,
            "kind": "Fellow",
            "since": "2019-04-01",
        }.items()
    )
    # What is not known is left out, as ever.
    assert answer.keys() & {"until", "title"} == set()


def test_custom_fields_go_out_typed(app: Flask, site: Site, every_kind: list[str]) -> None:
    member = sign_in(app, site.browser)
    mapping = {f"c{number}": f"custom.{key}" for number, key in enumerate(every_kind)}
    map_claims(app, site, mapping)
    assert told(site).keys() & mapping.keys() == set()
    values: list[Value] = ["Countess", False, 0, dt.date(1843, 9, 1), "north", ["rail", "law"]]
    values += [Decimal("0.10"), "One.\nTwo.", "A-00/7é"]
    with app.app_context():
        for key, value in zip(every_kind, values, strict=True):
            field = db.session.scalar(select(CustomField).where(CustomField.key == key))
            give(member, field, value)
    answer = told(site)
    assert [answer[name] for name in mapping] == [
        "Countess",
        False,
        0,
        "1843-09-01",
        "north",
        ["law", "rail"],
        "0.1",
        "One.\nTwo.",
        "A-00/7é",
    ]


def test_higher_logic_gets_texts_and_every_name(
    app: Flask, community: Site, every_kind: list[str]
) -> None:
    member = sign_in(app, community.browser)
    mapping = {f"c{number}": f"custom.{key}" for number, key in enumerate(every_kind)}
    mapping |= {"since": "joined_on", "employer": "company_name"}
    map_claims(app, community, mapping)
    assert {told(community, None)[name] for name in mapping} == {""}
    values: list[Value] = ["Countess", True, 12, dt.date(1843, 9, 1), "north", ["rail", "law"]]
    values += [Decimal("0.10"), "One.\nTwo.", "A-00/7é"]
    with app.app_context():
        for key, value in zip(every_kind, values, strict=True):
            field = db.session.scalar(select(CustomField).where(CustomField.key == key))
            give(member, field, value)
        person_of(member).joined_on = dt.date(2019, 4, 1)
        db.session.commit()
    answer = told(community, None)
    assert [answer[name] for name in mapping] == [
        "Countess",
        "Yes",
        "12",
        "1843-09-01",
        "North",
        "Law, Rail",
        "0.1",
        "One.\nTwo.",
        "A-00/7é",
        "2019-04-01",
        "",
    ]
    assert all(isinstance(value, str) for value in answer.values())


def test_they_come_with_profile_alone(app: Flask, site: Site, visitor: Member) -> None:
    map_claims(app, site, {"kind": "member_status"})
    assert told(site)["kind"] == "Current"
    assert "kind" not in told(site, "openid email phone address")


def test_a_mapped_claim_stands_before_the_scopes_own(
    app: Flask, site: Site, visitor: Member
) -> None:
    map_claims(app, site, {"nickname": "last_name"})
    answer = told(site)
    assert answer["nickname"] == answer["family_name"]


def test_what_staff_keep_to_themselves_stays_here(app: Flask, site: Site) -> None:
    member = sign_in(app, site.browser)
    with app.app_context():
        hidden = custom("Remarks", "text", shown=False)
        give(member, hidden, "Pays late")
        client = db.session.get(Client, site.row_id)
        with pytest.raises(InvalidValue) as refused:
            registration.change(client, claim_map={"remarks": f"custom.{hidden.key}"})
        assert refused.value.reason == "unknown_source"
        hidden.in_members_section = True
        registration.change(client, claim_map={"remarks": f"custom.{hidden.key}"})
        db.session.commit()
        field_id = hidden.id
    assert told(site)["remarks"] == "Pays late"
    # Hidden again it stops at once, and stands in the way of no other change of the mapping.
    with app.app_context():
        hidden = db.session.get(CustomField, field_id)
        hidden.in_members_section = False
        db.session.commit()
        key = hidden.key
    assert "remarks" not in told(site)
    map_claims(app, site, {"remarks": f"custom.{key}", "kind": "member_status"})
    assert told(site).keys() & {"remarks", "kind"} == {"kind"}


@pytest.mark.parametrize(
    ("claim_map", "reason"),
    [
        ({"sub": "email"}, "protected_name"),
        ({"iss": "email"}, "protected_name"),
        ({"acr": "email"}, "protected_name"),
        ({"email": "website"}, "protected_name"),
        ({"email_verified": "website"}, "protected_name"),
        ({"address": "city"}, "protected_name"),
        ({"a b": "city"}, "invalid_name"),
        ({"é": "city"}, "invalid_name"),
        ({"": "city"}, "invalid_name"),
        ({"x" * 65: "city"}, "invalid_name"),
        ({1: "city"}, "invalid_name"),
        ({"town": "password_hash"}, "unknown_source"),
        ({"town": "id"}, "unknown_source"),
        ({"town": "custom.no_such_field"}, "unknown_source"),
        ({"town": "custom."}, "unknown_source"),
        ({"town": ""}, "unknown_source"),
        ({"town": ["city"]}, "unknown_source"),
        ({f"c{number}": "city" for number in range(51)}, "too_many"),
        (["city"], "invalid_mapping"),
        (None, "invalid_mapping"),
    ],
)
def test_mappings_that_no_client_may_have(
    app: Flask, site: Site, claim_map: Any, reason: str
) -> None:
    with app.app_context():
        client = db.session.get(Client, site.row_id)
        with pytest.raises(InvalidValue) as refused:
            registration.change(client, claim_map=claim_map)
        assert (refused.value.field, refused.value.reason) == ("claim_map", reason)
        db.session.rollback()


def test_fields_of_companies_are_no_source(app: Flask, site: Site) -> None:
    with app.app_context():
        field = fields.create("Turnover", "text", applies_to="company", in_members_section=True)
        db.session.commit()
        assert f"custom.{field.key}" not in dict(claims.sources())
        client = db.session.get(Client, site.row_id)
        with pytest.raises(InvalidValue):
            registration.change(client, claim_map={"turnover": f"custom.{field.key}"})
        db.session.rollback()


def test_the_identifier_attribute_and_the_mapping_keep_apart(app: Flask, community: Site) -> None:
    with app.app_context():
        client = db.session.get(Client, community.row_id)
        registration.change(client, identifier_attribute="AmsId")
        with pytest.raises(InvalidValue):
            registration.change(client, claim_map={"AmsId": "member_id"})
        registration.change(client, claim_map={"Number": "member_id"})
        with pytest.raises(InvalidValue):
            registration.change(client, identifier_attribute="Number")
        db.session.rollback()


def test_every_source_has_a_label_and_works(app: Flask, site: Site, visitor: Member) -> None:
    with app.app_context():
        sources = claims.sources()
        assert all(label for _, label in sources)
        built_in = [source for source, _ in sources if not source.startswith("custom.")]
    map_claims(app, site, {f"m_{source}": source for source in built_in})
    assert told(site)["m_last_name"] == told(site)["family_name"]


def test_a_mapping_is_taken_up_at_once_and_recorded(
    app: Flask, site: Site, visitor: Member
) -> None:
    token = site.tokens()["access_token"]
    assert "kind" not in site.userinfo(token).json
    map_claims(app, site, {"kind": "member_status"})
    assert site.userinfo(token).json["kind"] == "Current"
    with app.app_context():
        row = db.session.scalars(
            select(AuditEvent).where(
                AuditEvent.name == Event.CLIENT_CHANGED, AuditEvent.subject == site.client_id
            )
        ).one()
        assert json.loads(json.dumps(row.detail))["changed"]["claim_map"] == [
            {},
            {"kind": "member_status"},
        ]


def test_a_mapping_costs_one_statement_more(
    app: Flask, site: Site, visitor: Member, every_kind: list[str], statements: list[str]
) -> None:
    mapping = {f"c{number}": f"custom.{key}" for number, key in enumerate(every_kind)}
    map_claims(app, site, mapping | {"employer": "company_name"})
    with app.app_context():
        for key in every_kind[4:6]:  # those with choices
            field = db.session.scalar(select(CustomField).where(CustomField.key == key))
            field_value: Value = ["art", "law"] if field.kind == "several_of" else "south"
            give(visitor, field, field_value)
    token = site.tokens()["access_token"]
    statements.clear()
    assert site.userinfo(token).json["c5"] == ["law", "art"]
    assert [one.split()[0] for one in statements] == ["SELECT", "SELECT"]


def test_the_command_line_shows_and_changes_a_mapping(app: Flask, site: Site) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(commands.client, ["claims", *arguments])

    with app.app_context():
        made = run(site.client_id, "--map", "kind=member_status", "--map", "since=joined_on")
        assert made.output == "kind = member_status\nsince = joined_on\n"
        changed = run(site.client_id, "--unmap", "kind", "--json")
        assert json.loads(changed.output) == {"since": "joined_on"}
        assert json.loads(run(site.client_id, "--json").output) == {"since": "joined_on"}
        for wrong in ("x=nothing", "x", "=city", "sub=city"):
            refused = run(site.client_id, "--map", wrong)
            assert refused.exit_code == 1
            assert refused.output.startswith("Error: ")
        assert run("nobody").exit_code == 1


def test_consent_names_what_the_mapping_gives_away(app: Flask, new_site: NewSite) -> None:
    phone = new_site("app")
    sign_in(app, phone.browser)
    map_claims(app, phone, {"kind": "member_status", "since": "joined_on"})
    page = phone.authorize()
    assert "from your record: Member status, Member since" in page.text
    assert "from your record" not in phone.authorize(scope="openid email").text
    allow(phone)
    assert phone.code()
    # The same under other names needs no new leave; more does.
    map_claims(app, phone, {"status": "member_status", "from": "joined_on"})
    assert phone.code()
    map_claims(app, phone, {"status": "member_status", "born": "city", "from": "joined_on"})
    assert is_page(phone.authorize())
    allow(phone)
    assert phone.code()
    assert "from your record: Member status, Member since, City" in (
        phone.browser.get("/profile/sites").text
    )


def test_what_consent_does_not_cover_is_not_told_to_tokens_from_before(
    app: Flask, new_site: NewSite
) -> None:
    phone = new_site("app")
    sign_in(app, phone.browser)
    map_claims(app, phone, {"firm": "company_name", "mail": "email"})
    asked = {
        "scope": "openid profile offline_access",
        "claims": json.dumps({"id_token": {"mail": None}}),
    }
    allow(phone, **asked)
    before = phone.tokens(**asked)
    assert "mail" in phone.userinfo(before["access_token"]).json
    map_claims(app, phone, {"mail": "phone_1", "given_name": "email"})
    again = phone.refresh(before["refresh_token"]).json
    for tokens in (before, again):
        said = phone.userinfo(tokens["access_token"]).json
        assert "mail" not in said
        assert "@" not in said["given_name"], "the scope's own, as it was allowed"
    assert "mail" not in claims_of(again["id_token"])
    allow(phone, **asked)
    for tokens in (before, phone.tokens(**asked)):
        assert "@" in phone.userinfo(tokens["access_token"]).json["given_name"]


def test_leave_is_given_for_what_the_page_said(app: Flask, new_site: NewSite) -> None:
    phone = new_site("app")
    sign_in(app, phone.browser)
    map_claims(app, phone, {"firm": "company_name"})
    shown = phone.authorize()
    map_claims(app, phone, {"firm": "company_name", "mail": "email"})
    form = {**consent_form(shown.text), "answer": "allow"}
    onward = phone.browser.post("/oauth/consent", data=form).location
    asked_again = phone.browser.get(onward)
    assert "Company name, E-mail" in asked_again.text or "E-mail, Company name" in asked_again.text
    form = {**consent_form(asked_again.text), "answer": "allow"}
    assert phone.browser.post("/oauth/consent", data=form).status_code == 303
    assert phone.code()


def test_a_field_that_is_shown_later_needs_leave_of_its_own(app: Flask, new_site: NewSite) -> None:
    phone = new_site("app")
    member = sign_in(app, phone.browser)
    with app.app_context():
        key = custom("Speaks", "text").key
        field = db.session.scalar(select(CustomField).where(CustomField.key == key))
        give(member, field, "Welsh")
    map_claims(app, phone, {"speaks": f"custom.{key}"})
    show(app, key, shown=False)
    assert "from your record" not in phone.authorize().text
    allow(phone)
    before = phone.tokens()["access_token"]
    show(app, key, shown=True)
    assert "speaks" not in phone.userinfo(before).json
    assert "from your record: Speaks" in phone.authorize().text
    allow(phone)
    assert phone.userinfo(before).json["speaks"] == "Welsh"
