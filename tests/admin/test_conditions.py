"""Conditions in the panel: what the editor offers, and what it says when one cannot be read."""

import json
import re
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from idp import association
from idp.audit import AuditEvent
from idp.database import db
from idp.directory import conditions, fields, groups
from idp.directory.fields import CustomField
from idp.directory.membership import Membership, catalogue
from tests import browsing, factories


def offered(page: str) -> dict[str, Any]:
    """What the page tells its script of each field, by key."""
    found = re.search(r'data-known="([^"]*)"', page)
    assert found
    return {field["key"]: field for field in json.loads(unescape(found[1]))}


def test_the_editor_offers_every_field_and_operator_that_the_language_has(
    app: Flask, staff: FlaskClient
) -> None:
    fields.create("Volunteer", "yes_no")
    fields.create("Seats", "decimal", applies_to="company")
    factories.group({"any": []}, key="board", name="The board")
    factories.group({"any": []}, key="g", name="Mine")
    known = offered(staff.get("/panel/groups/g").text)
    expected = {
        key: [*conditions.operators_of(field)]
        for key, field in conditions.known_fields().items()
        if conditions.may_be_asked(field)
    }
    assert {
        key: [one["op"] for one in field["operators"]] for key, field in known.items()
    } == expected
    assert "company.volunteer" not in known
    assert known["company.seats"]["label"] == "Company: Seats"
    assert known["company.seats"]["section"] == "The person’s company"
    between = next(one for one in known["joined_on"]["operators"] if one["op"] == "between")
    assert between == {"op": "between", "words": "is between", "takes": "two"}
    # A group cannot ask about itself.
    assert known["group"]["choices"] == [{"value": "board", "label": "The board"}]


def test_what_can_be_written_is_on_the_page_without_a_script(
    app: Flask, staff: FlaskClient
) -> None:
    page = staff.get("/panel/groups/new").text
    said = unescape(re.sub(r"<[^>]+>", "", page[page.index("Fields and operators to write") :]))
    for words in ("city City", "as in company.city", "in_last_days is in the last", "group Group"):
        assert words in said


def test_a_condition_that_cannot_be_read_is_told_and_mended(app: Flask, owner: FlaskClient) -> None:
    fields.create("Region", "text")
    db.session.commit()
    person = factories.person()
    condition = {"none": [{"field": "region", "op": "is", "value": "North"}]}
    factories.group(condition, key="g", name="Not the north")
    db.session.execute(delete(CustomField))
    catalogue.changed()
    db.session.commit()
    page = owner.get("/panel/groups/g")
    assert page.status_code == 200
    assert "The condition cannot be read any more." in page.text
    assert "Rule 1: There is no field &#39;region&#39; any more." in page.text
    assert "nobody joins or leaves by it" in owner.get("/panel/groups/").text
    for path in ("/panel/groups/g/members", "/panel/audit/", "/panel/"):
        assert owner.get(path).status_code == 200
    form = {"name": "Not the north", "selects": "people", "type": "", "community_type": ""}
    refused = browsing.submit(owner, "/panel/groups/g", **form, condition=json.dumps(condition))
    assert "Rule 1: There is no field &#39;region&#39;." in refused.text
    assert person.id in set(db.session.scalars(select(Membership.contact_id)))
    mended = {"field": "member_status", "op": "is", "value": "Current"}
    saved = browsing.submit(owner, "/panel/groups/g", **form, condition=json.dumps(mended))
    assert saved.status_code == 303
    assert "cannot be read" not in owner.get("/panel/groups/g").text


def test_a_circle_is_said_at_the_condition(app: Flask, staff: FlaskClient) -> None:
    factories.group({"any": []}, key="a", name="Board")
    factories.group({"field": "group", "op": "is", "value": "a"}, key="b", name="Chairs")
    form = {"name": "Board", "selects": "people", "type": "", "community_type": ""}
    circle = json.dumps({"field": "group", "op": "is_not", "value": "chairs"})
    page = browsing.submit(staff, "/panel/groups/a", **form, condition=circle)
    assert page.status_code == 200
    assert (
        'id="condition-error">Groups would ask about each other in a circle: “Board” asks about '
        "“Chairs”, which asks about “Board”." in page.text
    )
    browsing.submit(staff, "/panel/groups/a", "/panel/groups/a/delete")
    assert "“Chairs” asks about its members" in staff.get("/panel/groups/a").text
    assert groups.find("a") is not None


def test_the_time_zone_is_a_setting(app: Flask, owner: FlaskClient) -> None:
    page = owner.get("/panel/integrations/").text
    assert '<option selected value="UTC">UTC</option>' in page
    form = {"name": "Made-up", "colour": "#123456", "base_url": "https://data.higherlogic.com"}
    path = "/panel/integrations/"
    saved = browsing.submit(owner, path, **form, time_zone="America/Indiana/Knox")
    assert saved.status_code == 303
    assert association.get().time_zone == "America/Indiana/Knox"
    audited = [row.detail for row in db.session.scalars(select(AuditEvent))]
    assert {"time_zone": ["UTC", "America/Indiana/Knox"]}.items() <= audited[-1]["changed"].items()
    refused = browsing.submit(owner, path, **form, time_zone="Mars/Olympus")
    assert "Not a valid choice" in refused.text
    assert association.get().time_zone == "America/Indiana/Knox"
