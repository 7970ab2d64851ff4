"""Higher Logic took a record, and its worker died before it wrote that down."""

import pytest
from flask import Flask

from idp.database import db
from idp.directory import merging
from sync.delivery import outcomes, pushing
from tests import factories
from tests.sync.conftest import Tenant, due_now, member, push, synced


class Killed(Exception):
    """What stands for the worker's end."""


@pytest.mark.compliance("Y09", "Y22")
def test_a_record_that_is_merged_before_its_push_was_written_down_is_told_of(
    tenant: Tenant, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    kept, other = member(), member()

    def die(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "accept", die)
        with pytest.raises(Killed):
            pushing.run()
    db.session.rollback()
    assert tenant.details(other.key)["IsActive"]

    merging.merge(kept, other, whose="kept")
    db.session.commit()
    due_now()
    push()
    due_now()
    push()

    assert not tenant.details(other.key)["IsActive"]


def test_who_points_to_a_company_hears_when_higher_logic_has_it(tenant: Tenant) -> None:
    synced()
    company = factories.company()
    former = member()
    push()
    former.member_status = "Lapsed"
    former.company = company
    db.session.commit()
    push()
    assert tenant.details(former.key)["ParentMemberKey"] == "", "nobody in a group works there"

    member(company=company)
    push()
    push()

    assert tenant.details(former.key)["ParentMemberKey"] == company.key


def test_who_points_to_a_company_hears_when_it_is_in_use_again(tenant: Tenant) -> None:
    synced()
    company = factories.company()
    company.active = False
    db.session.commit()
    person = member(company=company)
    push()
    assert tenant.details(person.key)["ParentMemberKey"] == ""

    company.active = True
    db.session.commit()
    push()
    push()

    assert tenant.details(person.key)["ParentMemberKey"] == company.key
