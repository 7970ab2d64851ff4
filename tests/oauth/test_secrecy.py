"""What is secret is readable nowhere: not in the database, not in the log."""

import json
import logging

import pytest
import structlog
from flask import Flask
from sqlalchemy import select

from idp.database import Base, db
from tests.oauth.conftest import Member, Site


@pytest.mark.compliance("T25")
def test_nothing_secret_is_readable_in_the_database_or_the_log(
    app: Flask, site: Site, visitor: Member, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        code = site.code(scope="openid offline_access")
        answer = site.exchange(code).json
        again = site.refresh(answer["refresh_token"]).json
        site.exchange(code)
    secrets = [code, site.secret, site.verifier]
    for got in (answer, again):
        secrets += [got["access_token"], got["refresh_token"], got["id_token"]]
    with app.app_context():
        for table in Base.metadata.sorted_tables:
            for row in db.session.execute(select(table)):
                line = json.dumps(list(row), default=str)
                assert "PRIVATE KEY" not in line
                for secret in secrets:
                    assert secret not in line, table.name
    assert [event["event"] for event in events] == ["protocol request refused"]
    logged = json.dumps(events, default=str) + caplog.text
    for secret in secrets:
        assert secret not in logged
