"""The migrations make what the models say, on both databases, and what the database refuses."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from idp.database import db
from idp.directory import fields
from tests import factories


@pytest.mark.compliance("ST6")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_models_equal_the_migrations(app: Flask) -> None:
    from idp.migrations.comparing import compare_type, include_object

    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": compare_type, "include_object": include_object}
        )
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contact SET key = 'another'",
        "UPDATE \"group\" SET key = 'another'",
        "UPDATE \"group\" SET type = 'community'",
        'UPDATE "group" SET type = NULL',
        'UPDATE "group" SET synced_since = NULL',
        'DELETE FROM "group"',
        "INSERT INTO custom_field (key, label, kind, in_members_section, sync) "
        "VALUES ('a', 'A', 'text', false, true)",
        "INSERT INTO custom_field (key, label, kind, member_may_edit) "
        "VALUES ('a', 'A', 'text', true)",
        "INSERT INTO custom_field (key, label, kind) VALUES ('a', 'A', 'colour')",
        "UPDATE custom_field SET in_members_section = false",
        "UPDATE custom_field SET key = 'another'",
        "UPDATE custom_field SET kind = 'several_of'",
        "UPDATE custom_field_choice SET key = 'another'",
        "UPDATE custom_field_choice SET field_id = field_id + 1",
        "UPDATE contact SET first_name = '', last_name = ''",
        "UPDATE account SET role = 'reader '",
        "UPDATE audit_event SET actor = 'somebody else'",
        "DELETE FROM audit_event",
    ],
)
def test_the_database_itself_refuses_what_must_never_happen(app: Flask, statement: str) -> None:
    factories.person(account=True)
    factories.group(type="security", sync=True)
    fields.create("Region", "one_of", choices=["North"], in_members_section=True, sync=True)
    db.session.commit()
    with pytest.raises(IntegrityError):
        db.session.execute(text(statement))
    db.session.rollback()
