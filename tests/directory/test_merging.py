"""Two records of one person, or of one company, become one."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.directory import accounts, contacts, deactivation, fields, membership, merging
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, InvalidValue, Person
from idp.directory.fields import Choice
from idp.directory.groups import Group
from idp.directory.membership import Membership, PastMembership, catalogue
from idp.signin.sessions import SignInSession
from tests import browsing, factories


def merge(kept: Contact, other: Contact, **how: Any) -> None:
    merging.merge(kept, other, **how)
    db.session.commit()


def refused(kept: Contact, other: Contact, **how: Any) -> str:
    with pytest.raises(InvalidValue) as error:
        merging.merge(kept, other, **how)
    db.session.rollback()
    return error.value.reason


def number(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_the_kept_values_win_and_gaps_are_filled(app: Flask) -> None:
    kept = factories.person(
        key="k", first_name="Ada", phone_1="1", city="London", joined_on=None, suffix="Jr."
    )
    other = factories.person(
        key="o",
        first_name="Augusta",
        designation="CAE",
        phone_1="9",
        phone_2="2",
        phone_2_type="Boat",
        address_1="12 St James's Sq",
        city="Ockham",
        joined_on=dt.date(2019, 4, 1),
        website="https://ada.example",
        bio="Counts.",
    )
    merge(kept, other)
    assert (kept.first_name, kept.suffix, kept.designation) == ("Ada", "Jr.", "CAE")
    assert kept.phones == [("Office", "1"), ("Boat", "2")]
    # An address is one thing: half of another is no part of it.
    assert kept.address == ["London"]
    assert kept.joined_on == dt.date(2019, 4, 1)
    assert (kept.website, kept.bio) == ("https://ada.example", "Counts.")


def test_what_is_chosen_is_the_others(app: Flask) -> None:
    kept = factories.person(first_name="Ada", city="London", in_directory=True, bio="x")
    other = factories.person(
        first_name="Augusta", address_1="1 Way", city="Ockham", in_directory=False, bio=""
    )
    assert refused(kept, other, take={"nonsense"}) == "unknown_part"
    merge(kept, other, take={"first_name", "address", "in_directory", "bio"})
    assert (kept.first_name, kept.address) == ("Augusta", ["1 Way", "Ockham"])
    assert (kept.in_directory, kept.bio) == (False, "")


def test_the_others_key_is_an_alias_and_all_that_is_left_of_it(app: Flask) -> None:
    company = factories.company()
    kept = factories.person(key="k")
    other = factories.person(
        key="o", email="old@example.org", phone_1="1", bio="x", company=company, account=True
    )
    merge(kept, other)
    assert contacts.find("o") is kept
    assert [alias.key for alias in contacts.aliases(kept)] == ["o"]
    assert contacts.find_person_by_email("old@example.org") is None
    assert (other.active, other.merged_into, other.company) == (False, kept, None)
    assert (other.email, other.email_key, other.phone_1, other.bio) == ("", None, "", "")
    assert other.title.startswith("Ada")
    with pytest.raises(InvalidValue, match="merged into another"):
        deactivation.reactivate(other)
    other.active = True
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_chains_are_flat(app: Flask) -> None:
    first, second, third = (factories.person(key=key) for key in "abc")
    merge(second, first)
    merge(third, second)
    assert contacts.find("a") is contacts.find("b") is third
    assert {alias.key for alias in contacts.aliases(third)} == {"a", "b"}


def test_what_cannot_be_merged(app: Flask) -> None:
    person, other, company = factories.person(), factories.person(), factories.company()
    assert refused(person, person) == "same_record"
    assert refused(person, company) == "other_kind"
    merge(person, other)
    assert refused(person, other) == "merged"
    assert refused(other, factories.person()) == "merged"
    # By its key it is the very same record.
    assert refused(person, contacts.find(other.key)) == "same_record"  # type: ignore[arg-type]


def test_custom_fields_are_united(app: Flask) -> None:
    areas = fields.create("Areas", "several_of", choices=["Policy", "Law", "Safety"])
    region = fields.create("Region", "one_of", choices=["North", "South"])
    motto, years = fields.create("Motto", "text"), fields.create("Years", "whole_number")
    kept, other = factories.person(), factories.person()
    values: list[tuple[Person, Any, Any]] = [
        (kept, areas, ["policy", "law"]),
        (other, areas, ["law", "safety"]),
        (kept, region, "north"),
        (other, region, "south"),
        (kept, motto, "ad astra"),
        (other, motto, "per aspera"),
        (other, years, 12),
    ]
    for person, field, value in values:
        fields.set_value(person, field, value)
    db.session.commit()
    rows = {row.name: row for row in merging.compare(kept, other)}
    assert rows["custom.areas"].united
    assert rows["custom.region"].differs
    assert rows["custom.years"].from_other
    merge(kept, other, take={"custom.motto"})
    found = {key: fields.value_of(rows) for key, rows in fields.values_of(kept).items()}
    assert found == {
        "areas": ["policy", "law", "safety"],
        "region": "north",
        "motto": "per aspera",
        "years": 12,
    }
    assert fields.values_of(other) == {}


def test_the_only_account_comes_along_and_begins_anew(app: Flask) -> None:
    kept = factories.person(key="k", email="")
    account = factories.account(key="o", email="o@example.org")
    client = app.test_client()
    browsing.sign_in(client, "o@example.org")
    merge(kept, account.person)
    db.session.refresh(account)
    assert account.person is kept
    assert (kept.email, accounts.find("O@example.org")) == ("o@example.org", account)
    # A site knows them by their key, which is another now: what stood on the old one has ended.
    assert client.get("/").status_code == 303
    browsing.sign_in(client, "o@example.org")
    assert client.get("/").status_code == 200


def test_of_two_accounts_the_chosen_one_stays(app: Flask) -> None:
    kept, other = factories.account(email="k@example.org"), factories.account(email="o@example.org")
    here, there = app.test_client(), app.test_client()
    browsing.sign_in(here, "k@example.org")
    browsing.sign_in(there, "o@example.org")
    assert refused(kept.person, other.person) == "choose_account"
    merge(kept.person, other.person, whose="kept")
    assert number(Account) == 1
    assert accounts.find("o@example.org") is None
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 303
    assert number(SignInSession) == 1


def test_the_others_account_may_stay_with_either_address(app: Flask) -> None:
    for take, address in ((set(), "k"), ({"email"}, "o")):
        kept = factories.account(email=f"k{address}@example.org", password=None)
        other = factories.account(email=f"o{address}@example.org")
        merge(kept.person, other.person, whose="other", take=take)
        account = accounts.find(f"{address}{address}@example.org")
        assert account is not None
        assert account.person.email == f"{address}{address}@example.org"
        assert account.state == "active"
    assert number(Account) == 2


def test_an_address_that_another_account_signs_in_with_is_refused(app: Flask) -> None:
    shared = "office@example.org"
    factories.account(email=shared)
    kept, other = factories.person(email=shared), factories.account(email="o@example.org")
    assert refused(kept, other.person) == "duplicate_email"
    assert merging.suggested(kept, other.person) == {"email"}
    merge(kept, other.person, take=merging.suggested(kept, other.person))
    assert kept.email == "o@example.org"


def test_the_last_owner_stays(app: Flask) -> None:
    owner, member = factories.account(role="owner"), factories.account()
    assert refused(member.person, owner.person, whose="kept") == "last_owner"
    member.person.active = False
    db.session.commit()
    assert refused(member.person, owner.person, whose="other") == "last_owner"
    merge(member.person, owner.person, whose="other", take={"active"})
    assert owner.may_sign_in
    assert owner.person is member.person or owner.person.key == member.person.key


def test_people_of_a_merged_company_move_and_so_does_what_points_to_it(app: Flask) -> None:
    kept, other, holding = (factories.company(name=name) for name in ("K", "O", "H"))
    branch = factories.company(name="B")
    branch.parent, other.parent = other, holding
    person, main = factories.person(company=other), factories.person()
    other.main_contact = main
    db.session.commit()
    merge(kept, other)
    for row in (person, branch, kept):
        db.session.refresh(row)
    assert (person.company, branch.parent) == (kept, kept)
    assert (kept.parent, kept.main_contact) == (holding, main)
    assert other.parent is None
    assert other.main_contact is None


def test_main_contacts_move_to_the_kept_person(app: Flask) -> None:
    kept, other, company = factories.person(), factories.person(), factories.company()
    company.main_contact = other
    db.session.commit()
    merge(kept, other)
    db.session.refresh(company)
    assert company.main_contact is kept


def test_of_companies_above_each_other_what_is_above_both_is_left(app: Flask) -> None:
    top, upper, middle, lower = (factories.company(name=name) for name in "TUML")
    upper.parent, middle.parent, lower.parent = top, upper, middle
    db.session.commit()
    merge(lower, upper)
    db.session.refresh(middle)
    assert (lower.parent, middle.parent) == (top, lower)
    merge(top, lower)
    db.session.refresh(middle)
    assert (top.parent, middle.parent) == (None, top)


def test_who_is_chosen_as_company_just_when_it_is_merged_chooses_again(app: Flask) -> None:
    kept, other, person = factories.company(), factories.company(), factories.person()
    merge(kept, other)
    person.company = other
    with pytest.raises(InvalidValue, match="was just merged"):
        db.session.commit()
    db.session.rollback()


def test_memberships_follow_and_none_is_left_with_the_alias(app: Flask) -> None:
    group = factories.group({"field": "city", "op": "is", "value": "Bern"})
    everybody = factories.group({"field": "city", "op": "is_not", "value": "x"})
    kept, other = factories.person(city=""), factories.person(city="Bern")
    merge(kept, other)
    for one in (group, everybody):
        assert list(db.session.scalars(membership.contact_ids_of(one.id))) == [kept.id]


@pytest.mark.parametrize("both", [True, False])
def test_a_group_whose_condition_cannot_be_read_has_the_kept_one_for_the_alias(
    app: Flask, both: bool
) -> None:
    fields.create("Region", "one_of", choices=["North"])
    condition = {
        "all": [
            {"field": "region", "op": "is_not", "value": "north"},
            {"field": "city", "op": "is", "value": "Bern"},
        ]
    }
    group = factories.group(condition)
    kept, other = factories.person(city="Bern" if both else "Oslo"), factories.person(city="Bern")
    # As no service lets it happen: by a statement, which says that it did.
    db.session.execute(delete(Choice))
    catalogue.changed()
    merge(kept, other)
    members = db.session.scalars(select(Membership.contact_id)).all()
    assert (group.condition["all"], members) == (condition["all"], [kept.id])
    past = db.session.scalars(select(PastMembership.contact_id)).all()
    assert past == ([kept.id] if both else [])


def test_what_staff_declared_by_hand_is_united(app: Flask) -> None:
    board, jury, club = (
        factories.group({"field": "city", "op": "is", "value": "-"}) for _ in "123"
    )
    kept, other = factories.person(), factories.person()
    day = dt.date(2020, 1, 1)
    membership.add(board, kept, role="Chair", begin_on=day, end_on=None)
    membership.add(board, other, role="chair", begin_on=None, end_on=dt.date(2030, 1, 1))
    membership.add(board, other, role="Treasurer")
    membership.add(jury, other)
    membership.shut_out(club, other)
    membership.add(club, kept)
    db.session.commit()
    assert members(club) == {kept.id}
    merge(kept, other)
    roles = membership.additions_of(board, kept)
    assert [(row.role, row.begin_on, row.end_on) for row in roles] == [
        ("Chair", None, None),
        ("Treasurer", None, None),
    ]
    assert members(board) == members(jury) == {kept.id}
    assert members(club) == set()
    assert membership.exclusion_of(club, kept) is not None
    # The other's past is the kept one's.
    past = db.session.scalars(select(PastMembership.contact_id).distinct()).all()
    assert past == [kept.id]


def members(group: Group) -> set[int]:
    return set(db.session.scalars(membership.contact_ids_of(group.id)))


def test_the_audit_has_both_keys_and_what_changed(app: Flask) -> None:
    kept, other = factories.account(key="k", city="London"), factories.account(key="o")
    merge(kept.person, other.person, whose="kept", take={"member_id"})
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.name == Event.CONTACT_MERGED)
    ).one()
    assert (event.subject, event.detail["merged"], event.detail["account"]) == ("k", "o", "kept")
    assert set(event.detail["changed"]) == {"member_id"}


def test_nothing_is_merged_twice_at_once(app: Flask) -> None:
    ids = [factories.company().id for _ in range(2)]
    db.session.rollback()
    start = threading.Barrier(2)

    def one_way(kept_id: int, other_id: int) -> bool:
        with app.app_context():
            start.wait()
            try:
                kept, other = (db.session.get_one(Company, one) for one in (kept_id, other_id))
                merging.merge(kept, other)
                db.session.commit()
            except InvalidValue:
                db.session.rollback()
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda pair: one_way(*pair), (ids, ids[::-1])))
    assert sorted(done) == [False, True]
    alive = select(func.count()).where(Contact.merged_into_id.is_(None))
    assert db.session.scalar(alive) == 1
