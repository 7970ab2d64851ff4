"""Association settings, custom fields, the overview and the audit."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from idp import association
from idp.audit import AuditEvent
from idp.database import db, now
from idp.directory import deactivation, fields
from idp.directory.fields import CustomField
from sync import connection, ledger
from sync.protocol import wire
from tests import browsing, factories
from tests.condition_forms import written

KEY = "secret-key-of-higher-logic-9876"
LOOK = {"name": "Made-up Engineers", "colour": "#123456", "time_zone": "UTC"}
SETTINGS = {
    "base_url": "https://data.higherlogic.com",
    "tenant_code": "MADEUP",
    "api_key": KEY,
    "member_statuses": "Current, Life",
    "alert_addresses": "ops@example.org, it@example.org",
    "alert_after_hours": "12",
    "guard_people": "50",
    "guard_percent": "20",
    "integrate_bio": "y",
}


def audited() -> str:
    return str([(row.name, row.detail) for row in db.session.scalars(select(AuditEvent))])


def test_settings_are_saved_and_the_key_is_never_shown(app: Flask, owner: FlaskClient) -> None:
    answer = browsing.submit(owner, "/panel/integrations/", **SETTINGS)
    assert answer.status_code == 303
    link = connection.get()
    assert (link.tenant_code, link.api_key, link.integrate_bio) == ("MADEUP", KEY, True)
    assert link.member_statuses == ["Current", "Life"]
    assert (link.alert_addresses, link.alert_after_hours) == (
        ["ops@example.org", "it@example.org"],
        12,
    )
    assert (link.guard_people, link.guard_percent) == (50, 20)
    for path in ("/panel/integrations/", "/panel/", "/panel/audit/", "/"):
        page = owner.get(path).text
        assert KEY not in page
    assert "ends in …9876" in owner.get("/panel/integrations/").text
    assert KEY not in audited()
    # An empty key keeps the one that is there.
    browsing.submit(owner, "/panel/integrations/", **{**SETTINGS, "api_key": ""})
    assert connection.get().api_key == KEY
    assert not connection.get().integrate_profile_image


def test_a_wrong_setting_is_said_at_its_field_and_nothing_is_saved(
    app: Flask, owner: FlaskClient
) -> None:
    for name, value, message in (
        ("base_url", "http://hl.example.org", "The base URL must be https"),
        ("tenant_code", "two words", "A tenant code is one word"),
        ("api_key", "two words", "An API key is one word"),
        ("alert_addresses", "ops@example.org, nobody", "“nobody” is no e-mail address."),
        ("alert_after_hours", "0", "A whole number of hours, from 1 to 168."),
        ("alert_after_hours", "six", "A whole number of hours, from 1 to 168."),
        ("guard_people", "0", "A whole number from 1 to 1,000,000."),
        ("guard_percent", "101", "A whole number from 1 to 100."),
    ):
        page = browsing.submit(owner, "/panel/integrations/", **{**SETTINGS, name: value})
        assert f'id="{name}-error">{message}' in page.text
        assert KEY not in page.text
        assert not connection.get().configured


def test_name_colour_and_time_zone_are_saved_or_all_that_is_wrong_is_said(
    app: Flask, owner: FlaskClient
) -> None:
    path = "/panel/association/"
    page = browsing.submit(owner, path, name="", colour="blue", time_zone="UTC").text
    assert 'id="name-error">The association needs a name.' in page
    assert 'id="colour-error">A colour is written as #1f4e79.' in page
    assert association.get().name == "Your association"
    assert browsing.submit(owner, path, **LOOK).status_code == 303
    assert association.get().name == "Made-up Engineers"
    assert "--accent: #123456" in owner.get(path).text
    told = owner.get("/panel/audit/").text
    assert "<del>Your association</del>" in told
    assert "<ins>Made-up Engineers</ins>" in told


def test_all_that_is_wrong_is_said_at_once(app: Flask, owner: FlaskClient) -> None:
    wrong = {
        "tenant_code": ("two words", "A tenant code is one word"),
        "batch_size": ("0", "A number of contacts in one push"),
        "requests_per_minute": ("fast", "A number of pushes a minute"),
        "history_days": ("99999", "A number of days"),
        "guard_percent": ("200", "A whole number from 1 to 100."),
        "alert_addresses": ("nobody", "“nobody” is no e-mail address."),
    }
    values = {name: value for name, (value, _message) in wrong.items()}
    page = browsing.submit(owner, "/panel/integrations/", **{**SETTINGS, **values}).text
    for name, (_value, message) in wrong.items():
        assert f'id="{name}-error">{message}' in page
    assert not connection.get().configured


def test_the_connection_is_tested_and_the_result_is_said_in_words(
    app: Flask, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing.submit(owner, "/panel/integrations/", "/panel/integrations/test")
    assert "before you test them" in owner.get("/panel/integrations/").text
    browsing.submit(owner, "/panel/integrations/", **SETTINGS)
    verdicts = iter(
        [
            wire.Outcome(wire.Verdict.WRONG_KEY, "The key is not known."),
            wire.Outcome(wire.Verdict.ACCEPTED, ""),
        ]
    )
    monkeypatch.setattr(
        "sync.protocol.exchange.Target.send", lambda _self, _records: next(verdicts)
    )
    page = "/panel/integrations/"
    browsing.submit(owner, page, "/panel/integrations/test")
    assert "The key is not known." in owner.get(page).text
    assert "Higher Logic refused our key" in owner.get("/panel/overview").text
    browsing.submit(owner, page, "/panel/integrations/test")
    assert "Connected: Higher Logic took the key" in owner.get(page).text


FIELD = {
    "label": "Region",
    "kind": "one_of",
    "applies_to": "person",
    "more_choices": "North\nSouth",
}


def test_a_field_syncs_only_when_it_is_shown_in_the_members_section(
    app: Flask, staff: FlaskClient
) -> None:
    page = browsing.submit(staff, "/panel/fields/new", **FIELD, sync="y")
    assert "only when it is shown in the Members section" in page.text
    assert db.session.scalar(select(func.count()).select_from(CustomField)) == 0
    browsing.submit(staff, "/panel/fields/new", **FIELD, sync="y", in_members_section="y")
    assert fields.all_fields()[0].sync
    page = browsing.submit(
        staff, "/panel/fields/region", **{**FIELD, "more_choices": ""}, sync="y",
        choice_north="North", choice_south="South",
    )  # fmt: skip
    assert "only when it is shown in the Members section" in page.text
    assert fields.all_fields()[0].in_members_section


def test_choices_are_renamed_added_and_retired_and_keep_their_keys(
    app: Flask, staff: FlaskClient
) -> None:
    browsing.submit(staff, "/panel/fields/new", **FIELD)
    form = {**FIELD, "more_choices": "East\n\nEast", "choice_south": "South", "retired_south": "y"}
    browsing.submit(staff, "/panel/fields/region", **form, choice_north="Far north")
    field = fields.all_fields()[0]
    assert [(c.key, c.label, c.retired) for c in field.choices] == [
        ("north", "Far north", False),
        ("south", "South", True),
        ("east", "East", False),
    ]
    # The kind is fixed, whatever the form says.
    form |= {"kind": "text", "more_choices": "east", "choice_east": "East"}
    page = browsing.submit(staff, "/panel/fields/region", **form, choice_north="Far north")
    assert "Two choices have the same name." in page.text
    assert fields.all_fields()[0].kind == "one_of"
    assert "FIELD" not in audited()
    assert "staff:field:created" in audited()


def test_the_audit_says_who_did_what_by_name(app: Flask, owner: FlaskClient) -> None:
    factories.person(key="p", first_name="Mary", last_name="Somerville")
    browsing.submit(
        owner, "/panel/people/p/edit", first_name="Mary", last_name="Greig", active="y", email=""
    )
    condition = {"field": "member_status", "op": "is", "value": "Grace"}
    factories.group(key="g", name="Everybody")
    browsing.submit(owner, "/panel/groups/g/conditions", selects="people", **written(condition))
    page = owner.get("/panel/audit/").text
    assert "<dt>Last name</dt><dd><del>Somerville</del>" in page
    assert '<a href="/panel/people/p">Mary Greig</a>' in page
    assert "<del>“Member status is Current”</del>" in page
    assert "<ins>“Member status is Grace”</ins>" in page
    found = owner.get("/panel/audit/?q=greig").text
    assert found.count("event-head") == 1
    assert "of the group" not in found


def test_what_is_told_of_deactivated_records_is_chosen_with_the_number_it_is_about(
    app: Flask, owner: FlaskClient
) -> None:
    browsing.submit(owner, "/panel/integrations/", **SETTINGS)
    factories.group(type="security", sync=True)
    people = [factories.person(account=True) for _ in range(3)]
    db.session.execute(update(ledger.table).values(last_pushed_at=now()))
    for person in people[:2]:
        deactivation.deactivate(person)
    db.session.commit()
    page = owner.get("/panel/integrations/").text
    assert "Deactivated records" in page
    assert "Take them out of all groups" in page
    key = people[2].key
    assert "the record stays as it is" in owner.get(f"/panel/people/{key}").text

    browsing.submit(owner, "/panel/integrations/", **SETTINGS, deactivated="no_groups")
    page = owner.get("/panel/integrations/").text
    assert "Higher Logic is told so of the 2 deactivated records that it has." in page
    assert connection.get().deactivated == "no_groups"
    assert "taken out of all groups" in owner.get(f"/panel/people/{key}").text
    # Nothing is said of what was not changed.
    browsing.submit(owner, "/panel/integrations/", **SETTINGS, deactivated="no_groups")
    assert "told so" not in owner.get("/panel/integrations/").text

    answer = browsing.submit(owner, "/panel/integrations/", **SETTINGS, deactivated="delete")
    assert "Nothing is saved yet" in answer.text
    assert connection.get().deactivated == "no_groups"
