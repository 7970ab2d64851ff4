"""The association is never without an owner who can sign in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click import Group as Commands
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import accounts, deactivation, importing, merging
from idp.directory.accounts import Account, Role
from idp.directory.contact_commands import person_command
from idp.directory.contacts import InvalidValue, Person
from idp.directory.importing import load
from idp.signin.commands import account_command
from tests import factories
from tests.admin.conftest import SignIn
from tests.browsing import submit
from tests.directory.test_turns import side_by_side


@pytest.fixture
def owner(app: Flask) -> Account:
    """The only owner who can sign in; others were invited, are switched off or out of use."""
    factories.account(role="owner", password=None)
    off = factories.account(role="owner")
    unused = factories.account(role="owner")
    only = factories.account(role="owner", email="only@example.org")
    accounts.deactivate(off)
    deactivation.deactivate(unused.person)
    db.session.commit()
    return only


def is_there(owner: Account) -> bool:
    """Whether the owner is one still, and can sign in."""
    db.session.expire_all()
    return owner.is_owner and owner.may_sign_in


@pytest.mark.compliance("A7")
def test_the_panel_takes_the_last_owner_from_nobody(owner: Account, sign_in: SignIn) -> None:
    key = owner.person.key
    other = factories.account(first_name="Maria", last_name="Alvarez").person.key
    people = f"/panel/people/{key}"
    for who in (owner, factories.account(role="staff"), factories.account(role="help-desk")):
        browser = sign_in(who)
        for path, fields in (
            (f"{people}/role", {"role": "staff"}),
            (f"{people}/deactivate", {}),
            (f"{people}/out-of-use", {}),
            (f"{people}/merge?other={other}", {"account": "other"}),
            (f"/panel/people/{other}/merge?other={key}", {"account": "kept"}),
            (f"{people}/edit", {"email": "", "first_name": "Ada", "last_name": "Byron"}),
            (f"{people}/edit", {"email": "mine@example.org", "last_name": "Byron"}),
        ):
            if who is owner and "mine@" in str(fields):
                continue
            submit(browser, "/panel/", path, **fields)
            assert is_there(owner), (who.role, path)
            assert owner.person.email == "only@example.org"
    page = sign_in(owner).get(f"{people}/role").text
    assert "Nobody changes their own role" in page
    assert 'name="role"' not in page


@pytest.mark.compliance("A7")
@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (account_command, "role only@example.org staff"),
        (account_command, "create only@example.org --role member"),
        (account_command, "deactivate only@example.org"),
        (person_command, "deactivate only@example.org"),
        (person_command, "merge keeps only@example.org --account kept"),
    ],
)
def test_the_command_line_keeps_the_last_owner(
    owner: Account, command: Commands, arguments: str
) -> None:
    factories.person(key="keeps", account=True)
    keys = arguments.replace("only@example.org", owner.person.key)
    given = keys if command is person_command else arguments
    result = CliRunner().invoke(command, given.split())
    assert result.exit_code == 1, result.output
    assert "last owner" in result.output
    assert is_there(owner)


@pytest.mark.compliance("A7")
def test_an_import_keeps_the_last_owner_also_of_several_in_one_file(
    owner: Account, tmp_path: Path
) -> None:
    second = factories.account(role="owner")
    file = tmp_path / "people.csv"
    rows = "".join(f"{one.person.key},Ada,Byron,No\n" for one in (second, owner))
    file.write_text("Key,First Name,Last Name,Active\n" + rows)
    report = importing.run("people", file, owners=True)
    assert [one.reason for one in report.refused] == ["last_owner"]
    assert is_there(owner)
    assert not is_there(second)


@pytest.mark.compliance("A7")
def test_an_import_sees_what_became_of_the_other_owner_since_it_was_checked(
    owner: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = factories.account(role="owner").id
    file = tmp_path / "people.csv"
    file.write_text(f"Key,First Name,Last Name,Active\n{owner.person.key},Ada,Byron,No\n")
    write = load._File._write_all

    def ended_meanwhile(*given: Any) -> None:
        accounts.deactivate(db.session.get_one(Account, second))
        db.session.commit()
        write(*given)

    monkeypatch.setattr(load._File, "_write_all", ended_meanwhile)
    report = importing.run("people", file, owners=True)
    assert [one.reason for one in report.refused] == ["last_owner"]
    assert is_there(owner)


def demote(owner: Account) -> None:
    """Make staff of an owner."""
    accounts.change_role(owner, "staff")


def put_out_of_use(owner: Account) -> None:
    """Put an owner's record out of use."""
    deactivation.deactivate(owner.person)


def merge_away(owner: Account) -> None:
    """Merge an owner's record into that of somebody else, whose account stays."""
    kept = db.session.get_one(Person, db.session.info["kept"])
    merging.merge(kept, owner.person, take=set(), whose="kept")


ENDS: list[Callable[[Account], None]] = [demote, accounts.deactivate, put_out_of_use, merge_away]


@pytest.mark.compliance("A7")
@pytest.mark.parametrize(("first", "second"), list(zip(ENDS, ENDS[1:] + ENDS[:1], strict=True)))
def test_two_owners_are_not_ended_at_the_same_moment(
    app: Flask, first: Callable[[Account], None], second: Callable[[Account], None]
) -> None:
    ids = [factories.account(role="owner").id for _ in range(2)]
    kept = [factories.account().person_id for _ in range(2)]
    refused: list[str] = []

    def end(number: int, way: Callable[[Account], None]) -> None:
        db.session.info["kept"] = kept[number]
        try:
            way(db.session.get_one(Account, ids[number]))
        except InvalidValue as error:
            refused.append(error.reason)
            db.session.rollback()

    side_by_side(app, lambda: end(0, first), lambda: end(1, second))
    assert refused == ["last_owner"]
    assert is_there(db.session.get_one(Account, ids[1]))


@pytest.mark.compliance("A7")
def test_who_is_made_an_owner_meanwhile_is_held_as_one(app: Flask) -> None:
    old, new = factories.account(role="owner").id, factories.account().id
    refused: list[str] = []

    def hand_over() -> None:
        accounts.change_role(db.session.get_one(Account, new), "owner")
        accounts.change_role(db.session.get_one(Account, old), "member")

    def end() -> None:
        try:
            accounts.deactivate(db.session.get_one(Account, new))
        except InvalidValue as error:
            refused.append(error.reason)
            db.session.rollback()

    side_by_side(app, hand_over, end)
    assert refused == ["last_owner"]
    assert is_there(db.session.get_one(Account, new))


@pytest.mark.compliance("A4")
@pytest.mark.parametrize("role", ["reader", "help-desk", "staff", "owner", "member"])
def test_an_owner_gives_a_role_and_the_audit_has_it(
    app: Flask, owner: Account, sign_in: SignIn, role: Role
) -> None:
    before: Role = "staff" if role != "staff" else "member"
    person = factories.account(role=before).person
    browser = sign_in(owner)
    shown = browser.get(f"/panel/people/{person.key}/role").text
    assert "Sees what staff see" in shown
    path = f"/panel/people/{person.key}/role"
    assert submit(browser, path, role="boss").status_code == 200
    assert submit(browser, path, role=role).status_code == 303
    account = accounts.of_person(person)
    assert account is not None
    db.session.expire_all()
    assert account.role == role
    [event] = db.session.scalars(
        select(AuditEvent).where(AuditEvent.name == "staff:account:role-changed")
    )
    assert (event.actor, event.subject) == ("only@example.org", person.key)
    assert event.detail == {"changed": {"role": [before, role]}}
