"""What one contact's change costs in statements, whatever the number of groups."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import event

from idp.database import db
from idp.directory import membership
from idp.directory.contacts import Person
from tests import factories

# The row held (on Postgres the turn is taken with it), what groups ask and the day, who is in, what
# every group says, and the ledger, which Postgres writes with the employer's at once.
FOLLOWED = {"postgresql": 5, "sqlite": 6}
# Who leaves is taken out and copied to the past.
LEFT = {"postgresql": 1, "sqlite": 2}
JOINED = 1


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """The statements that are run."""
    seen: list[str] = []

    def note(*given: object) -> None:
        seen.append(str(given[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)


def cost(statements: list[str], person_id: int, **values: str) -> int:
    """How many statements follow the UPDATE of a person."""
    db.session.remove()
    person = db.session.get_one(Person, person_id)
    for name, value in values.items():
        setattr(person, name, value)
    db.session.flush()
    statements.clear()
    db.session.commit()
    return len(statements)


@pytest.mark.parametrize("number", [1, 30])
def test_the_number_of_groups_costs_no_statement(
    app: Flask, statements: list[str], number: int
) -> None:
    tree = {"field": "member_status", "op": "is", "value": "Current"}
    for _ in range(number):
        factories.group(tree, type="security", sync=True)
    person_id = factories.person(account=True, member_status="Current").id
    database = db.engine.dialect.name
    followed, left = FOLLOWED[database], LEFT[database]
    assert cost(statements, person_id, city="Bern") == followed
    assert cost(statements, person_id, member_status="Lapsed") == followed + left
    assert cost(statements, person_id, member_status="Current") == followed + JOINED


def test_conditions_are_not_compiled_again_for_every_change(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.group()
    person_id = factories.person().id
    compiled: list[object] = []
    compile_condition = membership.catalogue.conditions.compile_condition

    def counted(*given: object, **more: object) -> object:
        compiled.append(given)
        return compile_condition(*given, **more)

    monkeypatch.setattr(membership.catalogue.conditions, "compile_condition", counted)
    for city in ("Bern", "Biel"):
        db.session.get_one(Person, person_id).city = city
        db.session.commit()
    assert compiled == []
    factories.group()
    assert compiled
