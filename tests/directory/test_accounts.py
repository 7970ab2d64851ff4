"""An e-mail address is one account's, without regard to letter case."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import InvalidValue, Person
from tests import factories

SPELLINGS = ["ada@example.org", "ADA@Example.ORG", "Ada@example.org"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_of_an_address_is_the_same_account(app: Flask, spelling: str) -> None:
    account = factories.account(email="Ada@Example.org")
    assert accounts.find(spelling) is account
    with pytest.raises(InvalidValue) as refused:
        accounts.create(factories.person(email=spelling))
    assert refused.value.reason == "duplicate_email"
    other = factories.account(email="bob@example.org")
    with pytest.raises(InvalidValue) as refused:
        accounts.change_email(other.person, spelling)
    assert refused.value.reason == "duplicate_email"
    accounts.change_email(account.person, spelling)
    db.session.commit()
    assert account.person.email == spelling


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_database_refuses_what_the_model_did_not_see(app: Flask, spelling: str) -> None:
    factories.account(email="ada@example.org")
    other = factories.account(email="bob@example.org")
    other.person.email = spelling
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


@pytest.mark.compliance("ST4")
def test_of_parallel_accounts_with_one_address_exactly_one_is_kept(app: Flask) -> None:
    ids = [factories.person(email=spelling).id for spelling in SPELLINGS]
    db.session.rollback()
    start = threading.Barrier(len(ids))

    def create(person_id: int) -> bool:
        with app.app_context():
            start.wait()
            person = db.session.get(Person, person_id)
            assert person is not None
            try:
                accounts.create(person)
                db.session.commit()
            except (InvalidValue, IntegrityError):
                db.session.rollback()
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(len(ids)) as pool:
        kept = list(pool.map(create, ids))
    assert sorted(kept) == [False, False, True]
    assert db.session.scalar(select(func.count()).select_from(Account)) == 1


def test_people_without_an_account_may_share_an_address(app: Flask) -> None:
    factories.person(email="office@example.org")
    second = factories.person(email="Office@example.org", account=True)
    account = accounts.find("office@EXAMPLE.org")
    assert account is not None
    assert account.person is second
