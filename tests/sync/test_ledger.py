"""Who is noted, who claims, and what may be written by whom."""

import datetime as dt
import threading
import uuid

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.database import db
from idp.directory import accounts, groups
from sync import lanes, ledger, noting, scope
from sync.claims import Claim
from sync.delivery import due, leases, outcomes
from tests import factories
from tests.sync.conftest import (
    Statements,
    due_now,
    member,
    members,
    row,
    rows,
    synced,
)


def claim(limit: int = 100) -> tuple[str, list[Claim]]:
    owner = uuid.uuid4().hex
    live = leases.claim(owner, limit, lane=lanes.LIVE)
    return owner, live or leases.claim(owner, limit, lane=lanes.BULK)


def ids(claims: list[Claim]) -> set[int]:
    return {one.contact_id for one in claims}


class TestNoting:
    def test_members_with_an_account_enter_when_the_sync_is_switched_on(self, app: Flask) -> None:
        known, unknown = member(), factories.person()
        lapsed = member(member_status="Lapsed")
        group = factories.group(type="security")
        assert rows() == []

        groups.switch_sync(group, True)
        db.session.commit()

        assert row(known).wanted == 1
        assert row(known).accepted == 0
        assert row(unknown) is None
        assert row(lapsed) is None

    def test_a_company_enters_with_its_first_person(self, app: Flask) -> None:
        company, other = factories.company(), factories.company()
        synced()
        person = member(company=company)
        assert row(company) is not None
        assert row(other) is None

        person.company = other
        db.session.commit()
        assert row(other) is not None

    def test_companies_of_people_out_of_scope_do_not_enter(self, app: Flask) -> None:
        synced()
        company = factories.company()
        factories.person(company=company)
        member(company=company, member_status="Lapsed")
        assert row(company) is None

    def test_every_change_counts_wanted_up(self, app: Flask) -> None:
        synced()
        person = member()
        before = row(person).wanted
        for title in ("Analyst", "Engineer"):
            person.job_title = title
            db.session.commit()
        assert row(person).wanted == before + 2

    @pytest.mark.compliance("Y03")
    def test_leaving_a_group_is_noted(self, app: Flask) -> None:
        group = synced()
        by_change, by_condition = member(), member(city="Oslo")
        first, second = row(by_change).wanted, row(by_condition).wanted

        by_change.member_status = "Lapsed"
        db.session.commit()
        assert row(by_change).wanted > first

        from idp.directory import conditions

        groups.change(
            group, condition=conditions.parse({"field": "city", "op": "is", "value": "Bergen"})
        )
        db.session.commit()
        assert row(by_condition).wanted > second

    def test_switching_a_sync_off_is_noted_for_its_members(self, app: Flask) -> None:
        group = synced()
        person = member()
        before = row(person).wanted
        groups.switch_sync(group, False)
        db.session.commit()
        assert row(person).wanted > before

    def test_an_account_brings_a_person_into_the_feed(self, app: Flask) -> None:
        synced()
        person = factories.person()
        assert row(person) is None
        accounts.create(person)
        db.session.commit()
        assert row(person) is not None

    def test_a_change_that_is_undone_is_not_noted(self, app: Flask) -> None:
        synced()
        person = member()
        before = row(person).wanted
        person.job_title = "Analyst"
        db.session.flush()
        db.session.rollback()
        assert row(person).wanted == before

    @pytest.mark.parametrize("number", [lanes.FEW + 1, 300])
    def test_statements_do_not_grow_with_the_contacts(self, app: Flask, number: int) -> None:
        members(number)
        contact = scope.contacts("all_of_them")
        synced()
        with Statements() as statements:
            noting.note(select(contact.c.id))
        assert statements.number == 3


class TestClaiming:
    def test_a_claim_is_exclusive_until_its_lease_ends(self, app: Flask) -> None:
        synced()
        person = member()
        _owner, first = claim()
        assert ids(first) == {person.id}
        assert claim()[1] == []
        due_now()
        assert ids(claim()[1]) == {person.id}

    @pytest.mark.compliance("Y20")
    def test_two_at_once_never_claim_the_same_contact(self, app: Flask) -> None:
        synced()
        people = members(120)
        barrier = threading.Barrier(4)
        found: list[list[int]] = []

        def work() -> None:
            with app.app_context():
                barrier.wait()
                mine: list[int] = []
                while True:
                    _owner, claims = claim(7)
                    if not claims:
                        break
                    mine += [one.contact_id for one in claims]
                found.append(mine)
                db.session.remove()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        everything = [one for mine in found for one in mine]
        assert len(everything) == len(set(everything)) == len(people)

    @pytest.mark.compliance("Y24")
    def test_a_person_is_not_claimed_before_their_company_was_accepted(self, app: Flask) -> None:
        synced()
        company = factories.company()
        person, free = member(company=company), member()

        owner, first = claim()
        assert ids(first) == {company.id, free.id}
        assert [one.is_company for one in first] == [True, False]
        assert claim()[1] == []
        outcomes.accept(owner, [(one, "digest", {}) for one in first])
        assert ids(claim()[1]) == {person.id}

    def test_people_of_a_refused_company_go_without_it_and_again_with_it(self, app: Flask) -> None:
        synced()
        company = factories.company()
        person = member(company=company)
        owner, first = claim()
        outcomes.refuse(owner, first[0], "No.")
        owner, second = claim()
        assert ids(second) == {person.id}
        outcomes.accept(owner, [(second[0], "without", {})])

        due_now()
        owner, again = claim()
        assert ids(again) == {company.id}
        outcomes.accept(owner, [(again[0], "digest", {})])
        assert ids(claim()[1]) == {person.id}

    def test_nothing_is_due_when_everything_is_accepted(self, app: Flask) -> None:
        synced()
        member()
        assert due.any_due()
        owner, claims = claim()
        outcomes.accept(owner, [(claims[0], "digest", {})])
        assert not due.any_due()


class TestWhatBecomesOfAClaim:
    @pytest.mark.compliance("Y21")
    def test_a_change_during_the_push_leaves_the_contact_pending(self, app: Flask) -> None:
        synced()
        person = member()
        owner, claims = claim()
        person.job_title = "Analyst"
        db.session.commit()
        outcomes.accept(owner, [(claims[0], "digest", {})])
        assert row(person).accepted == claims[0].version < row(person).wanted

    @pytest.mark.compliance("Y21")
    def test_who_lost_the_lease_writes_nothing(self, app: Flask) -> None:
        synced()
        person = member()
        slow, old = claim()
        person.job_title = "Analyst"
        db.session.commit()
        due_now()
        quick, new = claim()
        outcomes.accept(quick, [(new[0], "new", {})])

        assert leases.renew(slow, old) == set()
        outcomes.accept(slow, [(old[0], "old", {})])
        outcomes.refuse(slow, old[0], "No.")
        outcomes.postpone(slow, old, dt.datetime.now(dt.UTC), "Away.")

        assert row(person).digest == "new"
        assert row(person).accepted == new[0].version == row(person).wanted
        assert row(person).last_error == ""

    def test_a_refused_record_waits_long_and_not_at_all_once_it_changes(self, app: Flask) -> None:
        synced()
        person = member()
        owner, claims = claim()
        outcomes.refuse(owner, claims[0], "No." * 1000)
        assert row(person).refused == row(person).wanted
        assert len(row(person).last_error) == ledger.WORDS_LENGTH
        assert not due.any_due()

        person.job_title = "Analyst"
        db.session.commit()
        assert row(person).refused < row(person).wanted
        assert due.any_due()

    def test_a_change_during_a_refused_push_is_tried_at_once(self, app: Flask) -> None:
        synced()
        person = member()
        owner, claims = claim()
        person.job_title = "Analyst"
        db.session.commit()
        outcomes.refuse(owner, claims[0], "No.")
        assert due.any_due()

    def test_accepted_never_goes_down(self, app: Flask) -> None:
        synced()
        person = member()
        owner, claims = claim()
        db.session.execute(update(ledger.table).values(accepted=50, wanted=51))
        db.session.commit()
        outcomes.accept(owner, [(claims[0], "old", {})])
        assert row(person).accepted == 50


def test_who_is_changed_while_they_are_put_aside_waits_for_nothing(app: Flask) -> None:
    synced()
    changed, other = member(), member()
    owner, claims = claim()
    changed.city = "Oslo"
    db.session.commit()
    outcomes.put_aside(owner, claims, "Too many beside them were refused.")
    again, found = claim()
    assert again
    assert ids(found) == {changed.id}
    assert row(changed).lane == lanes.LIVE
    assert row(changed).attempts == 0
    assert row(other).lane == lanes.BULK
