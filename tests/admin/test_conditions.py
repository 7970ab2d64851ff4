"""Conditions in the panel: what the editor offers, and what it says when one cannot be read."""

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, text

from admin import group_conditions
from idp import association
from idp.audit import AuditEvent
from idp.database import db
from idp.directory import conditions, fields, groups
from idp.directory.fields import CustomField
from idp.directory.membership import Membership, catalogue
from sync import preview
from tests import browsing, factories
from tests.condition_forms import written
from tests.sync.conftest import Statements

PATH = "/panel/groups/g/conditions"


def known(page: str) -> dict[str, str]:
    """The fields that the page offers, with the section that each stands in."""
    return {
        unescape(value): unescape(section)
        for value, section in re.findall(r'<option value="([^"]*)" data-section="([^"]*)"', page)
    }


def rule(client: FlaskClient, **form: Any) -> str:
    """What the editor asks for when a rule's field or operator is another."""
    token = browsing.csrf_token(client.get(PATH).text)
    given = {"csrf_token": token, "group": "g", "rule": "p7"} | form
    answer = client.post("/panel/groups/preview/rule", data=given)
    assert answer.status_code == 200
    return answer.text


def stored(key: str = "g") -> Any:
    db.session.expire_all()
    group = groups.find(key)
    assert group is not None
    return {name: part for name, part in group.condition.items() if name != "version"}


def test_the_editor_offers_every_field_and_operator_that_the_language_has(
    app: Flask, staff: FlaskClient
) -> None:
    fields.create("Volunteer", "yes_no")
    fields.create("Seats", "decimal", applies_to="company")
    fields.create("City", "text")
    factories.group({"any": []}, key="g", name="Mine")
    offered = known(staff.get(PATH).text)
    for field in conditions.known_fields().values():
        if not conditions.may_be_asked(field):
            assert field.label not in offered
            continue
        twice = field.label in {"City", "Company: City"} and field.label not in offered
        name = f"{field.label} ({field.key})" if twice else field.label
        assert name in offered
        page = rule(staff, **{"p7.field": name})
        offers = re.findall(r'<option value="([a-z_]+)"[^>]*>', page[: page.index('class="value"')])
        assert tuple(offers) == conditions.operators_of(field)
    assert offered["Company: Seats"] == "The person’s company"
    assert "Company: Volunteer" not in offered
    assert {"City (city)", "City (city_2)"} <= offered.keys(), "of two of one name each says which"


@pytest.mark.parametrize(
    ("field", "op", "picker"),
    [
        ("City", "empty", ""),
        ("City", "is", '<input type="text" name="p7.value"'),
        ("City", "one_of", '<textarea name="p7.value"'),
        ("Member since", "is", '<input type="date" name="p7.value"'),
        ("Member since", "between", 'aria-label="Last value"'),
        ("Member since", "in_last_days", '<input type="number" name="p7.value" value="30"'),
        ("Active", "is", '<option value="yes">yes</option>'),
        ("Areas", "contains", '<option value="r_d">R&amp;D</option>'),
        ("Areas", "all_of", '<input type="checkbox" name="p7.value" value="r_d">'),
        ("Seats", "is", 'inputmode="numeric"'),
        ("Group", "is", 'data-look-up="/panel/groups/search?but=g"'),
        ("Group", "one_of", 'aria-label="Add a group"'),
    ],
)
def test_a_value_is_picked_with_what_fits_it(
    app: Flask, staff: FlaskClient, field: str, op: str, picker: str
) -> None:
    fields.create("Areas", "several_of", choices=["Policy", "R&D"])
    fields.create("Seats", "whole_number")
    factories.group({"any": []}, key="g")
    page = rule(staff, **{"p7.field": field, "p7.op": op})
    assert picker in page
    assert bool(picker) == ("p7.value" in page)


def test_groups_are_looked_up_and_picked_by_name(app: Flask, staff: FlaskClient) -> None:
    factories.group({"any": []}, key="g", name="Chairs of boards")
    factories.group({"any": []}, key="one", name="The board")
    factories.group({"any": []}, key="two", name="The board")
    found = staff.get("/panel/groups/search?q=board&but=g").get_json()["found"]
    assert found == ["The board (one)", "The board (two)"], "not the group itself"
    names = {"field": "Group", "op": "one_of", "value": ["one", "The board (two)"]}
    page = browsing.submit(staff, PATH, selects="people", edit="show:p1", **written(names)).text
    assert 'value="two" checked> The board (two)</label>' in page
    saved = browsing.submit(staff, PATH, selects="people", **written(names))
    assert saved.status_code == 303
    assert stored() == {"all": [{"field": "group", "op": "one_of", "value": ["one", "two"]}]}
    ambiguous = {"field": "Group", "op": "is", "value": "The board"}
    page = browsing.submit(staff, PATH, selects="people", **written(ambiguous)).text
    assert "2 groups are called “The board”" in page


def test_groups_by_name_cost_the_same_however_many_are_named(
    app: Flask, staff: FlaskClient
) -> None:
    factories.group({"any": []}, key="g", name="Mine")
    token = browsing.csrf_token(staff.get(PATH).text)

    def asked(number: int) -> int:
        names = {"field": "Group", "op": "one_of", "value": [f"No {one}" for one in range(number)]}
        given = {"csrf_token": token, "group": "g", "selects": "people"} | written(names)
        # As one text area holds them.
        given["p1.value"] = "\n".join(given["p1.value"])
        with Statements() as told:
            answer = staff.post("/panel/groups/preview", data=given)
        assert "p1" in answer.get_json()["problems"]
        return told.number

    assert asked(2000) <= asked(2)


NESTED = {
    "all": [
        {"field": "city", "op": "is", "value": "Oslo"},
        {"any": [{"field": "city", "op": "empty"}, {"field": "state", "op": "empty"}]},
    ]
}


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        ("remove:p1", "all(any(p3 p4))"),
        ("remove:p2", "all(p1)"),
        ("down:p1", "all(any(p1 p3 p4))"),
        ("up:p3", "all(p1 p3 any(p4))"),
        ("down:p3", "all(p1 any(p4 p3))"),
        ("down:p4", "all(p1 any(p3) p4)"),
        ("up:p2", "all(any(p3 p4) p1)"),
        ("up:p1", "all(p1 any(p3 p4))"),
        ("down:p9", "all(p1 any(p3 p4))"),
        ("rule:p2", "all(p1 any(p3 p4 p5))"),
        ("rule:p0", "all(p1 any(p3 p4) p5)"),
        ("block:p0", "all(p1 any(p3 p4) any(p6))"),
        ("block:p2", "all(p1 any(p3 p4 all(p6)))"),
        ("nonsense", "all(p1 any(p3 p4))"),
    ],
)
def test_rules_and_blocks_are_added_moved_and_removed_without_a_script(
    app: Flask, staff: FlaskClient, edit: str, after: str
) -> None:
    factories.group({"any": []}, key="g")
    answer = browsing.submit(staff, PATH, selects="people", edit=edit, **written(NESTED))
    assert answer.status_code == 200
    page = answer.text[: answer.text.index("<template")]
    form = browsing.form_of(page + "</form>", "group-form")
    shape, kinds = [form["p0.kind"][0] + "("], form
    for token in form["part"]:
        name = token.partition(":")[2]
        shape.append(
            ") " if token == "end" else f"{kinds[name + '.kind'][0]}("
            if token.startswith("block") else f"{name} "
        )  # fmt: skip
    assert ("".join(shape) + ")").replace(" )", ")") == after
    assert 'class="part rule wrong"' not in page, "what is not finished is not called wrong yet"
    assert stored() == {"any": []}, "nothing is saved"


def test_what_is_wrong_is_said_at_its_rule_all_at_once(app: Flask, staff: FlaskClient) -> None:
    fields.create("Seats", "whole_number")
    factories.group({"any": []}, key="g")
    tree = {
        "all": [
            {"field": "city", "op": "is", "value": "Oslo"},
            {"field": "Seats", "op": "at_least", "value": "many"},
            {"field": "moon", "op": "is", "value": "full"},
            {"field": "city", "op": "more_than", "value": "Oslo"},
            {"any": [{"field": "joined_on", "op": "in_last_days", "value": "0"}]},
            {"none": []},
            {"field": "city", "op": "is"},
            {"field": "", "op": ""},
        ]
    }
    page = browsing.submit(staff, PATH, selects="people", **written(tree)).text
    said = dict(re.findall(r'id="(p\d+)-problem" data-problem>([^<]*)<', page))
    assert said["p1"] == ""
    assert "Seats: " in said["p2"]
    assert said["p3"].startswith("There is no field “moon”: pick one from the list")
    assert said["p4"] == "City: choose again how to compare, and with what."
    assert "the days are a whole number" in said["p6"]
    assert said["p7"].startswith("Nothing is in this block yet")
    assert said["p8"] == "Say which value."
    assert said["p9"] == "Pick what to look at."
    assert "Nothing is saved yet" in page
    assert "Mend rule 2 to see who would be in the group." in page
    assert stored() == {"any": []}


def test_without_a_rule_members_are_added_by_hand(app: Flask, staff: FlaskClient) -> None:
    factories.group(key="g")
    saved = browsing.submit(staff, PATH, selects="people", **{"p0.kind": "all"})
    assert saved.status_code == 303
    assert stored() == {"any": []}
    assert "Nobody by a rule" in staff.get(PATH).text


@pytest.mark.parametrize(
    "form",
    [
        {"p0.kind": "some"},
        {"p0.kind": "all", "part": ["end"]},
        {"p0.kind": "all", "part": ["block:p1"]},
        {"p0.kind": "all", "part": ["rule:p1", "rule:p1"]},
        {"p0.kind": "all", "part": ["rule:__init__"]},
        {"p0.kind": "all", "part": ["moon:p1"]},
        {"p0.kind": "all", "part": [f"block:p{n}" for n in range(1, 6)] + ["end"] * 5},
        {"p0.kind": "all", "part": [f"rule:p{n}" for n in range(1, 500)]},
    ],
)
def test_a_form_that_no_page_sends_is_refused(
    app: Flask, staff: FlaskClient, form: dict[str, Any]
) -> None:
    factories.group(key="g")
    before = stored()
    assert browsing.submit(staff, PATH, selects="people", **form).status_code == 400
    assert stored() == before


def test_more_rules_than_a_condition_has_are_refused_as_a_whole(
    app: Flask, staff: FlaskClient
) -> None:
    factories.group({"any": []}, key="g")
    many = {"any": [{"field": "city", "op": "empty"}] * (conditions.MOST_RULES + 1)}
    page = browsing.submit(staff, PATH, selects="people", **written(many)).text
    assert "A condition has at most 100 rules" in page
    assert stored() == {"any": []}


def test_a_preview_that_takes_too_long_is_given_up_and_says_so(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.group(key="g")
    postgres = db.engine.dialect.name == "postgresql"
    slow = (
        "SELECT pg_sleep(60)"
        if postgres
        else "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    monkeypatch.setattr(group_conditions, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(preview, "counts", lambda _edited: db.session.execute(text(slow)))
    page = staff.get(PATH)
    assert page.status_code == 200
    assert "Counting takes longer than a few seconds" in page.text
    assert "Member status is Current" in page.text, "the sentence is there all the same"
    monkeypatch.undo()
    assert "will be in it" in staff.get(PATH).text or "Nobody matches" in staff.get(PATH).text


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
    assert "There is no field “region”: pick one" in owner.get(PATH).text
    refused = browsing.submit(owner, PATH, selects="people", **written(condition))
    assert "There is no field “region”: pick one" in refused.text
    assert person.id in set(db.session.scalars(select(Membership.contact_id)))
    mended = {"field": "member_status", "op": "is", "value": "Current"}
    saved = browsing.submit(owner, PATH, selects="people", **written(mended))
    assert saved.status_code == 303
    assert "cannot be read" not in owner.get("/panel/groups/g").text


def test_a_circle_is_said_at_the_condition(app: Flask, staff: FlaskClient) -> None:
    factories.group({"any": []}, key="a", name="Board")
    factories.group({"field": "group", "op": "is", "value": "a"}, key="b", name="Chairs")
    circle = written({"field": "group", "op": "is_not", "value": "chairs"})
    page = browsing.submit(staff, "/panel/groups/a/conditions", selects="people", **circle)
    assert page.status_code == 200
    assert (
        'role="alert">Groups would ask about each other in a circle: “Board” asks about '
        "“Chairs”, which asks about “Board”." in page.text
    )
    browsing.submit(staff, "/panel/groups/a", "/panel/groups/a/delete")
    assert "“Chairs” asks about its members" in staff.get("/panel/groups/a").text
    assert groups.find("a") is not None


def test_the_time_zone_is_a_setting(app: Flask, owner: FlaskClient) -> None:
    page = owner.get("/panel/association/").text
    assert '<option selected value="UTC">UTC</option>' in page
    form = {"name": "Made-up", "colour": "#123456"}
    path = "/panel/association/"
    saved = browsing.submit(owner, path, **form, time_zone="America/Indiana/Knox")
    assert saved.status_code == 303
    assert association.get().time_zone == "America/Indiana/Knox"
    audited = [row.detail for row in db.session.scalars(select(AuditEvent))]
    assert {"time_zone": ["UTC", "America/Indiana/Knox"]}.items() <= audited[-1]["changed"].items()
    refused = browsing.submit(owner, path, **form, time_zone="Mars/Olympus")
    assert "Not a valid choice" in refused.text
    assert association.get().time_zone == "America/Indiana/Knox"
