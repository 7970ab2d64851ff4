"""A group's members on the command line."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from idp.database import db
from idp.directory.membership import Addition, Membership
from idp.directory.membership.commands import group_command
from tests import factories

NOBODY = {"field": "member_status", "op": "is", "value": "nobody has this"}


@pytest.fixture(autouse=True)
def made(app: Flask) -> None:
    """A group and somebody to put into it."""
    factories.group(NOBODY, key="g", name="Board")
    factories.person(key="p", email="p@example.org", first_name="Grace", last_name="Hopper")
    db.session.rollback()


def run(*arguments: Any) -> Result:
    result = CliRunner().invoke(group_command, [str(one) for one in arguments])
    db.session.rollback()
    return result


def members() -> list[dict[str, Any]]:
    result = run("members", "g", "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_somebody_is_added_with_role_and_days_and_removed(app: Flask) -> None:
    result = run("add", "g", "P@example.org", "--role", "Chair", "--begin", "2020-01-31")
    assert result.output == "Grace Hopper is added to Board.\n"
    assert run("add", "g", "p", "--role", "Speaker").exit_code == 0
    chair, speaker = members()
    assert chair["key"] == "p"
    assert (chair["name"], chair["origin"], chair["role"]) == ("Grace Hopper", "hand", "Chair")
    assert (chair["begin_on"], chair["end_on"]) == ("2020-01-31", None)
    assert speaker["role"] == "Speaker"
    assert "Grace Hopper\thand\tChair\t2020-01-31" in run("members", "g").output
    assert "in the group still" in run("remove", "g", "p", "--role", "chair").output
    assert run("remove", "g", "p").output == "Grace Hopper: removed.\n"
    assert members() == []


def test_somebody_is_shut_out_and_let_in(app: Flask) -> None:
    run("add", "g", "p")
    assert "is shut out of Board" in run("shut-out", "g", "p").output
    assert db.session.scalars(select(Membership)).all() == []
    assert "no longer shut out" in run("let-in", "g", "p").output
    assert len(members()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x", "p"), "There is no group"),
        (("add", "g", "x"), "There is no person and no company"),
        (("add", "g", "p", "--begin", "2026-02-02", "--end", "2026-02-01"), "ends before it"),
        (("add", "g", "p", "--begin", "soon"), "Invalid value"),
        (("remove", "g", "p"), "was not added"),
        (("let-in", "g", "p"), "not shut out"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(
    app: Flask, arguments: tuple[str, ...], message: str
) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert db.session.scalars(select(Addition)).all() == []
