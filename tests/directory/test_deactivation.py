"""A record out of use, and back: what follows for who it is about."""

import pytest
from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory import accounts, deactivation
from idp.directory.contacts import InvalidValue
from tests import browsing, factories


def events() -> list[tuple[str, str]]:
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
    return [(row.name, row.subject) for row in rows if "contact" in row.name]


def test_a_person_out_of_use_cannot_sign_in_and_is_signed_out_at_once(app: Flask) -> None:
    account = factories.account(email="a@example.org", key="a")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    deactivation.deactivate(account.person)
    db.session.commit()
    assert client.get("/").status_code == 303
    assert accounts.find("a@example.org") is account
    assert account.state == "deactivated"
    deactivation.reactivate(account.person)
    db.session.commit()
    # What was ended stays ended; the account is as it was.
    assert client.get("/").status_code == 303
    assert account.state == "active"
    browsing.sign_in(client, "a@example.org")
    assert client.get("/").status_code == 200
    assert events() == [(Event.CONTACT_DEACTIVATED, "a"), (Event.CONTACT_REACTIVATED, "a")]


def test_a_deactivated_account_stays_so_when_the_record_is_back(app: Flask) -> None:
    account = factories.account()
    accounts.deactivate(account)
    deactivation.deactivate(account.person)
    db.session.commit()
    deactivation.reactivate(account.person)
    db.session.commit()
    assert account.state == "deactivated"


def test_a_company_out_of_use_keeps_its_people(app: Flask) -> None:
    company = factories.company(key="c")
    person = factories.person(company=company)
    deactivation.deactivate(company)
    deactivation.deactivate(company)  # a second time is nothing
    db.session.commit()
    assert not company.active
    assert person.company is company
    assert person.active
    assert events() == [(Event.CONTACT_DEACTIVATED, "c")]


def test_the_last_owners_record_stays_in_use(app: Flask) -> None:
    owner = factories.account(role="owner")
    with pytest.raises(InvalidValue) as refused:
        deactivation.deactivate(owner.person)
    assert refused.value.reason == "last_owner"
    factories.account(role="owner")
    deactivation.deactivate(owner.person)
    db.session.commit()
    assert not owner.may_sign_in
