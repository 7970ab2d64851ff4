"""``tessera person`` and ``tessera company``."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from idp.database import db
from idp.directory import contact_commands, contacts
from tests import factories

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """The commands, with the app at hand as `tessera` gives it."""

    def call(*arguments: str) -> Result:
        db.session.rollback()
        group = getattr(contact_commands, f"{arguments[0]}_command")
        return CliRunner().invoke(group, arguments[1:])

    return call


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    return result.output


def test_a_record_is_put_out_of_use_and_back(run: Run) -> None:
    account = factories.account(email="a@example.org", first_name="Ada", last_name="Byron")
    company = factories.company(key="c")
    assert "Ada Byron is out of use." in said(run("person", "deactivate", "A@example.org"))
    assert not account.may_sign_in
    assert "in use" in said(run("person", "reactivate", account.person.key))
    assert account.may_sign_in
    said(run("company", "deactivate", "c"))
    assert not company.active
    assert "no person 'c'" in refused(run("person", "deactivate", "c"))
    assert "no company 'x'" in refused(run("company", "deactivate", "x"))
    factories.person(email="twice@example.org")
    factories.person(email="twice@example.org")
    assert "no person" in refused(run("person", "deactivate", "twice@example.org"))


def test_two_records_are_compared_and_merged(run: Run) -> None:
    kept = factories.person(key="k", city="London", suffix="")
    factories.person(key="o", city="Ockham", suffix="III")
    shown = said(run("person", "merge", "k", "o", "--show"))
    assert "* address: London | Ockham" in shown
    assert "+ suffix: – | III" in shown
    assert contacts.find("o") is not kept
    assert "unknown" not in said(run("person", "merge", "k", "o", "--take", "address"))
    db.session.refresh(kept)
    assert (kept.city, kept.suffix) == ("Ockham", "III")
    assert contacts.find("o") is kept
    assert "very same record" in refused(run("person", "merge", "k", "o"))


def test_the_account_is_chosen(run: Run) -> None:
    factories.account(key="k", email="k@example.org")
    factories.account(key="o", email="o@example.org")
    assert "choose the one" in refused(run("person", "merge", "k", "o"))
    assert "o finds the same record" in said(
        run("person", "merge", "k@example.org", "o@example.org", "--account", "kept")
    )
