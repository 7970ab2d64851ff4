"""``tessera association set``: what it writes into the audit."""

from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent
from idp.database import db
from launch.association import association_command


def test_a_change_is_audited_with_what_was_before(app: Flask) -> None:
    for _ in range(2):
        done = CliRunner().invoke(association_command, ["set", "name", "Engineers’ Guild"])
        assert done.exit_code == 0, done.output
    (row,) = db.session.scalars(select(AuditEvent)).all()
    assert row.detail == {"changed": {"name": ["Your association", "Engineers’ Guild"]}}


def test_the_api_key_is_not_in_the_audit(app: Flask) -> None:
    setting = ["set", "higher-logic.api-key", "-"]
    done = CliRunner().invoke(association_command, setting, input="a-secret-api-key\n")
    assert done.exit_code == 0, done.output
    (row,) = db.session.scalars(select(AuditEvent)).all()
    assert "a-secret" not in str(row.detail) + done.output
