"""Deleting a custom field."""

import pytest
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import changes, conditions, field_deletion, fields, groups
from idp.directory.contacts import InvalidValue
from idp.directory.fields import Choice, CustomField, FieldValue
from tests import factories


@pytest.fixture
def field(app: Flask) -> CustomField:
    """A field that two people have a value of, one of them two."""
    field = fields.create("Areas", "several_of", choices=["Law", "Rail"])
    db.session.commit()
    fields.set_value(factories.person(), field, ["law", "rail"])
    fields.set_value(factories.person(), field, ["law"])
    other = fields.create("Motto", "text")
    db.session.flush()
    fields.set_value(factories.person(), other, "ad astra")
    db.session.commit()
    return field


def test_its_values_go_with_it_and_whose_they_were_is_announced(
    field: CustomField, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = select(FieldValue.contact_id).where(FieldValue.field_id == field.id).distinct()
    theirs = set(db.session.scalars(query))
    announced: set[int] = set()
    monkeypatch.setattr(
        changes,
        "_listeners",
        [*changes._listeners, lambda ids: announced.update(db.session.scalars(ids))],
    )
    assert field_deletion.delete(field) == 2
    db.session.commit()
    assert announced == theirs
    assert [one.key for one in fields.all_fields()] == ["motto"]
    assert db.session.scalars(select(Choice)).all() == []
    assert [value.text for value in db.session.scalars(select(FieldValue))] == ["ad astra"]
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event is not None
    assert (event.name, event.subject, event.detail["values"]) == (
        "staff:field:deleted",
        "areas",
        2,
    )


def test_not_while_it_syncs(field: CustomField) -> None:
    field.in_members_section = field.sync = True
    db.session.commit()
    with pytest.raises(InvalidValue, match="Switch the sync off"):
        field_deletion.delete(field)


def test_not_while_a_group_asks_about_it_however_deep(field: CustomField) -> None:
    rule = {"field": "areas", "op": "contains", "value": "law"}
    first = factories.group({"any": [{"none": [rule]}]}, name="Lawyers")
    factories.group(name="All")
    assert field_deletion.groups_asking(field) == [first]
    turnover = fields.create("Turnover", "decimal", applies_to="company")
    db.session.commit()
    of_company = {"field": "company.turnover", "op": "more_than", "value": "1.5"}
    second = factories.group(of_company, name="Of the large")
    assert field_deletion.groups_asking(turnover) == [second]
    with pytest.raises(InvalidValue, match="the condition of “Lawyers”"):
        field_deletion.delete(field)


def test_a_group_that_is_saved_meanwhile_is_seen_before_the_field_is_gone(
    field: CustomField,
) -> None:
    field_deletion.delete(field)
    rule = {"field": "city", "op": "is", "value": "Paris"}
    group = groups.create("Late", conditions.parse(rule))
    group.condition = {
        "version": 1,
        "all": [{"field": "areas", "op": "contains", "value": "law"}],
    }
    with pytest.raises((InvalidValue, conditions.InvalidCondition)):
        db.session.commit()
    db.session.rollback()
    assert len(fields.all_fields()) == 2
