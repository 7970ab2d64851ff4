"""Statements that are compiled once and run in the session's transaction."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, event, literal, select

from idp.compiled import InSession, any_of
from idp.database import db
from idp.directory.contacts import Contact
from tests import factories

_contact: Any = Contact.__table__.c
_NAMES = InSession(
    lambda dialect: (
        select(_contact.id, _contact.first_name, literal("100 %").label("share"))
        .where(any_of(_contact.id, "ids", dialect), _contact.first_name.like(bindparam("like")))
        .order_by(_contact.id)
    )
)


@pytest.fixture
def ids(app: Flask) -> list[int]:
    found = [factories.person(first_name=name).id for name in ("Ada", "A%a", "Grace")]
    db.session.rollback()
    return found


def test_one_number_and_many_find_the_same(ids: list[int]) -> None:
    together = [tuple(row) for row in _NAMES.rows(ids=ids, like="A%")]
    alone = [tuple(row) for one in ids for row in _NAMES.rows(ids=[one], like="A%")]
    assert together == alone == [(ids[0], "Ada", "100 %"), (ids[1], "A%a", "100 %")]
    assert _NAMES.rows(ids=[], like="%") == []


def test_it_sees_what_the_transaction_wrote_and_is_undone_with_it(ids: list[int]) -> None:
    person = db.session.get_one(Contact, ids[2])
    person.first_name = "Adele"
    db.session.flush()
    assert [row.first_name for row in _NAMES.rows(ids=[ids[2]], like="A%")] == ["Adele"]
    db.session.rollback()
    assert _NAMES.rows(ids=[ids[2]], like="A%") == []


def test_the_driver_goes_on_as_usual(ids: list[int]) -> None:
    """On Postgres these statements have a cursor of another kind; the session's own have not."""
    _NAMES.rows(ids=ids, like="%")
    with pytest.raises(KeyError, match="like"):
        _NAMES.rows(ids=ids)
    names = db.session.scalars(select(Contact.id).where(Contact.id.in_(ids)).order_by(Contact.id))
    assert list(names) == ids


def test_one_contact_is_asked_about_with_a_plan_that_is_kept(ids: list[int]) -> None:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, sql: str, *_more: Any) -> None:
        said.append(sql)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        _NAMES.rows(ids=[ids[0]], like="%")
        _NAMES.rows(ids=ids, like="%")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    one, many = said
    if db.engine.dialect.name == "postgresql":
        assert "contact.id = $" in one
        assert "contact.id = ANY ($" in many
    else:
        assert one == many
