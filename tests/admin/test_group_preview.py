"""The page that says who joins and who leaves, before a group is saved."""

import re
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import groups
from idp.directory.groups import Group
from idp.directory.membership import Membership
from sync import preview
from tests import browsing, factories
from tests.admin.test_groups import FORM
from tests.condition_forms import written

OSLO = {"all": [{"field": "city", "op": "is", "value": "Oslo"}]}


def look(staff: FlaskClient, path: str, **more: Any) -> str:
    """The preview of what the form would hold."""
    answer = browsing.submit(staff, path, **{**FORM, **written(OSLO), **more}, look="1")
    assert answer.status_code == 200
    return answer.text


def carried(page: str) -> dict[str, list[str]]:
    """What the last form of the page carries along."""
    last = page[page.rindex("<form") :]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', last):
        found.setdefault(name, []).append(unescape(value))
    return found


def counted() -> tuple[int, ...]:
    return tuple(
        db.session.scalar(select(func.count()).select_from(model)) or 0
        for model in (Group, Membership, AuditEvent)
    )


def test_a_new_group_is_previewed_with_names_and_reasons(app: Flask, staff: FlaskClient) -> None:
    member = factories.person(city="Oslo", account=True, last_name="Arriving")
    factories.person(city="Oslo", last_name="Accountless")
    before = counted()
    page = look(staff, "/panel/groups/new", name="A new <group>")
    assert "Preview: A new &lt;group&gt;" in page
    assert "City is Oslo" in page
    assert (
        "When you save: 2 join, 1 matches but will not reach Higher Logic: 1 has no account" in page
    )
    assert "2 people will be in it; 1 of them will sync once the sync is on." in page
    assert "Ada Arriving" in page
    assert f"/panel/people/{member.key}" in page
    assert "Left out: no account" in page
    # Saving is at hand beside the list, not inside a form that ends below it.
    assert page.count('form="save-group"') == 2
    assert page.index("</form>", page.index('id="save-group"')) < page.index('class="bar')
    assert counted() == before


def test_who_leaves_and_who_does_not_reach_higher_logic_have_lists(
    app: Flask, staff: FlaskClient
) -> None:
    factories.person(city="Oslo", last_name="Joining", member_status="")
    factories.person(last_name="Leaving", account=True)
    factories.group(key="g", type="security", sync=True)
    page = look(staff, "/panel/groups/g/conditions", who="leave", sync="y")
    assert "Ada Leaving" in page
    assert "Would be held back" in page, "nobody would be left"
    assert "Ada Joining" not in page
    factories.person(city="Oslo", last_name="Staying", account=True)
    page = look(staff, "/panel/groups/g/conditions", who="leave", sync="y")
    assert "Will be taken out" in page
    assert "held back" not in page
    page = look(staff, "/panel/groups/g/conditions", who="left_out", sync="y")
    assert "Ada Joining" in page
    assert "Ada Leaving" not in page
    assert "Nobody here matches this search" in look(
        staff, "/panel/groups/g/conditions", who="leave", q="joining"
    )


def test_nothing_typed_is_lost_on_the_way_back_and_to_saving(
    app: Flask, staff: FlaskClient
) -> None:
    factories.person(city="Oslo", account=True)
    form = carried(
        look(staff, "/panel/groups/new", name="After", description='"Quoted" & more', key="g")
    )
    assert "look" not in form
    back = staff.post("/panel/groups/new", data={**form, "preview": "1"})
    shown = browsing.form_of(back.text, "group-form")
    assert shown["name"] == ["After"]
    assert shown["description"] == ['"Quoted" & more']
    assert (shown["p1.field"], shown["p1.op"], shown["p1.value"]) == (["City"], ["is"], ["Oslo"])
    assert groups.find("g") is None
    assert staff.post("/panel/groups/new", data=form).status_code == 303
    saved = groups.find("g")
    assert saved is not None
    assert (saved.name, saved.description) == ("After", '"Quoted" & more')
    assert saved.condition == {"version": 1, **OSLO}


def test_long_lists_have_pages(app: Flask, staff: FlaskClient) -> None:
    for number in range(preview.PAGE + 2):
        db.session.add(
            factories.Person(first_name="Ada", last_name=f"Byron {number:03d}", city="Oslo")
        )
    db.session.commit()
    page = look(staff, "/panel/groups/new")
    assert page.count("<tr>") == preview.PAGE + 1
    found = re.search(r'name="after" value="([^"]+)"', page)
    assert found
    following = look(staff, "/panel/groups/new", who="join", after=found[1])
    assert following.count("<tr>") == 3
    assert 'name="before"' in following
    assert 'name="after"' not in following


def test_a_preview_needs_a_condition_that_makes_sense_and_a_token(
    app: Flask, staff: FlaskClient
) -> None:
    page = look(staff, "/panel/groups/new", **written({"field": "moon", "op": "empty"}))
    assert "There is no field “moon”" in page
    assert "<h1>Preview" not in page
    data = {**FORM, **written(OSLO), "look": "1"}
    assert staff.post("/panel/groups/new", data=data).status_code == 400
    assert app.test_client().post("/panel/groups/new", data=data).status_code != 200
