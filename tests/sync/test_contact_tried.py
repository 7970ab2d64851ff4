"""One test contact: that one is sent, nothing else is, and what came of it is said in words."""

import pytest
from flask import Flask

from idp.directory import deactivation
from idp.directory.contacts import InvalidValue, Person
from sync import connection, contact_tried
from sync.delivery import gate
from tests import factories
from tests.sync.conftest import Tenant, rows


def ada(**values: object) -> Person:
    """A person with an account, who works for a company."""
    return factories.person(
        account=True, key="ada", company=factories.company(key="engines"), **values
    )


def test_one_contact_is_sent_and_nothing_else(app: Flask, tenant: Tenant) -> None:
    person = ada()
    factories.person(account=True)
    assert contact_tried.standing(person).state == "not_sent"
    assert contact_tried.send(person).state == "accepted"
    assert tenant.keys() == {"ada"}
    assert len(tenant.pushes()) == 1
    assert contact_tried.standing(person).state == "accepted"
    # Pressed again it is sent again, changed or not.
    assert contact_tried.send(person).state == "accepted"
    assert len(tenant.pushes()) == 2
    assert len(rows()) == 1


def test_a_group_that_is_synced_is_not_pushed_along(app: Flask, tenant: Tenant) -> None:
    factories.group(type="security", sync=True)
    other, person = factories.person(account=True), factories.person(account=True)
    assert contact_tried.send(person).state == "accepted"
    assert tenant.keys() == {person.key}
    assert contact_tried.standing(other).state == "waiting"


def test_what_higher_logic_says_against_it_is_told(app: Flask, tenant: Tenant) -> None:
    person = ada()
    tenant.make(reject_keys={"ada": "No first name."})
    found = contact_tried.send(person)
    assert found.state == "refused"
    assert found.words
    tenant.make(reject_keys={})
    connection.change(api_key="another-key")
    found = contact_tried.send(person)
    assert (found.state, gate.is_open()) == ("waiting", False)
    assert "refused the API key or the tenant code" in found.words


def test_who_waits_for_their_company_is_told_so(app: Flask, tenant: Tenant) -> None:
    factories.group(type="security", sync=True)
    person = ada()
    found = contact_tried.standing(person)
    assert found.state == "waiting"
    assert "person’s company yet, which goes first" in found.words
    assert tenant.pushes() == []


def test_of_whom_higher_logic_may_not_be_told_is_not_sent(app: Flask, tenant: Tenant) -> None:
    person = ada()
    deactivation.deactivate(person)
    with pytest.raises(InvalidValue, match="may not be told of Ada"):
        contact_tried.send(person)
    connection.change(api_key="")
    with pytest.raises(InvalidValue, match="Enter the tenant code"):
        contact_tried.send(person)
    assert tenant.pushes() == []
