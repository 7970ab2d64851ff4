"""What Higher Logic is told when two records become one."""

from flask import Flask
from sqlalchemy import update

from idp.database import db, now
from idp.directory import merging
from sync import ledger, noting, resend
from sync.records import feed
from tests import factories
from tests.sync.conftest import Tenant, member, push, row, synced
from tests.sync.test_feed import EVERYTHING


def merge(kept: object, other: object, **how: object) -> None:
    merging.merge(kept, other, **how)  # type: ignore[arg-type]
    db.session.commit()


def test_the_kept_record_anew_and_the_alias_once_as_inactive_in_no_group(tenant: Tenant) -> None:
    group = synced()
    kept = member(email="kept@example.org", city="")
    other = member(email="other@example.org", city="Bern")
    push()
    assert tenant.members(group.key) == {kept.key, other.key}
    merge(kept, other, whose="kept")
    totals = push()
    assert (totals.accepted, totals.refused) == (2, 0)
    assert tenant.members(group.key) == {kept.key}
    told = tenant.contact(other.key)
    details = told["MemberDetails"]
    assert (details["IsActive"], details["EmailAddress"]) == (False, "")
    assert (details["FirstName"], told["SecurityGroups"], told["Demographics"]) == ("Ada", [], [])
    assert tenant.details(kept.key)["City"] == "Bern"
    assert tenant.details(kept.key)["IsActive"] is True
    before = len(tenant.pushes())
    noting.note_everything()
    db.session.commit()
    push()
    assert len(tenant.pushes()) == before


def test_an_address_is_given_up_before_it_is_taken_over(tenant: Tenant) -> None:
    synced()
    # The kept one has the lower id: it would go first.
    kept, other = member(email="kept@example.org"), member(email="other@example.org")
    push()
    merge(kept, other, whose="other", take={"email"})
    assert row(other).rank == ledger.ALIAS
    totals = push()
    assert (totals.accepted, totals.refused) == (2, 0)
    assert tenant.pushes()[-1]["keys"][0] == other.key
    assert tenant.details(kept.key)["EmailAddress"] == "other@example.org"


def test_people_of_a_merged_company_point_to_the_kept_one(tenant: Tenant) -> None:
    synced()
    kept, other = factories.company(name="Engines"), factories.company(name="Engines Ltd")
    person, colleague = member(company=other), member(company=kept)
    push()
    assert tenant.details(person.key)["ParentMemberKey"] == other.key
    before = len(tenant.pushes())
    merge(kept, other)
    push()
    assert tenant.details(person.key)["ParentMemberKey"] == kept.key
    assert tenant.details(person.key)["CompanyName"] == "Engines"
    assert tenant.details(other.key)["IsActive"] is False
    assert tenant.details(colleague.key)["ParentMemberKey"] == kept.key
    keys = [key for push in tenant.pushes()[before:] for key in push["keys"]]
    assert colleague.key not in keys


def test_what_higher_logic_never_had_is_not_told_of(tenant: Tenant) -> None:
    synced()
    kept, other = member(), member()
    merge(kept, other, whose="kept")
    totals = push()
    assert tenant.keys() == {kept.key}
    assert totals.left_out == 1


def test_bio_and_web_addresses_of_an_alias_are_not_blanked(app: Flask) -> None:
    synced()
    kept, other = member(), member(bio="x", website="https://x.example")
    merge(kept, other, whose="kept")
    db.session.execute(update(ledger.table).values(last_pushed_at=now()))
    told = feed.build([kept.id, other.id], EVERYTHING)
    assert (told[other.id].bio, told[other.id].web, told[other.id].is_active) == (None, None, False)
    assert told[kept.id].bio == "x"


def test_the_alias_key_sends_the_kept_record_again(tenant: Tenant) -> None:
    synced()
    kept, other = member(), member()
    merge(kept, other, whose="kept")
    push()
    assert resend.resend(other.key) == 1
    db.session.commit()
    push()
    assert tenant.pushes()[-1]["keys"] == [kept.key]
