"""Merging in the panel, and what the panel does with records that were merged."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin import overview
from idp.database import db
from idp.directory import accounts, contacts, merging
from idp.directory.contacts import Company, Person
from tests import browsing, factories
from tests.admin.conftest import SignIn


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return unescape(found[1])


def confirm(client: FlaskClient, path: str, other: str, **chosen: str) -> str:
    page = client.get(f"{path}?other={other}").text
    form = {"other": other, "seen": seen(page), **chosen}
    answer = browsing.submit(client, f"{path}?other={other}", path, **form)
    if answer.status_code == 200:
        return answer.text
    assert answer.status_code == 303
    return client.get(answer.location).text


def test_two_people_are_searched_compared_and_merged(app: Flask, staff: FlaskClient) -> None:
    factories.person(key="k", first_name="Ada", last_name="Byron", city="London", suffix="")
    factories.person(
        key="o", first_name="Ada", last_name="Byron", city="Ockham", suffix="III", email=""
    )
    page = staff.get("/panel/people/k").text
    assert 'href="/panel/people/k/merge"' in page
    page = staff.get("/panel/people/k/merge").text
    assert "Which other record is of the same person?" in page
    # Namesakes are offered without a search.
    assert 'href="/panel/people/k/merge?other=o"' in page
    page = staff.get("/panel/people/k/merge?other=Nobody").text
    assert "There is no person “Nobody”." in page
    assert "This is the very same record." in staff.get("/panel/people/k/merge?other=k").text
    page = staff.get("/panel/people/k/merge?other=o").text
    for words in ("Kept: Ada Byron", "Goes: Ada Byron", "London", "Ockham", "taken over"):
        assert words in page
    assert 'href="/panel/people/o/merge?other=k"' in page
    page = confirm(staff, "/panel/people/k/merge", "o", **{"part-address": "other"})
    assert "The two records are one now." in page
    kept = contacts.find("k")
    assert isinstance(kept, Person)
    db.session.refresh(kept)
    assert (kept.city, kept.suffix) == ("Ockham", "III")
    assert "Also found by" in page
    answer = staff.get("/panel/people/o/edit")
    assert (answer.status_code, answer.location) == (303, "/panel/people/k/edit")


def test_merged_records_are_in_no_list_and_no_search(app: Flask, staff: FlaskClient) -> None:
    kept = factories.person(key="k", first_name="Grace", last_name="Hopper")
    other = factories.person(key="o", first_name="Grace", last_name="Hopper")
    one, another = factories.company(key="c", name="Navy"), factories.company(key="d", name="Navy")
    merging.merge(kept, other)
    merging.merge(one, another)
    db.session.commit()
    assert staff.get("/panel/people/?q=Hopper").text.count("Grace Hopper</a>") == 1
    assert staff.get("/panel/companies/?q=Navy").text.count("Navy</a>") == 1
    assert len(staff.get("/panel/people/search?q=hopper").get_json()["found"]) == 1
    assert staff.get("/panel/companies/search?q=navy").get_json()["found"] == ["Navy"]
    assert "merge?other=" not in staff.get("/panel/people/k/merge").text


def test_what_is_done_with_the_alias_is_not_done_with_the_kept_one(
    app: Flask, staff: FlaskClient
) -> None:
    kept, other = factories.person(key="k"), factories.person(key="o")
    merging.merge(kept, other)
    db.session.commit()
    answer = browsing.submit(staff, "/panel/people/k", "/panel/people/o/out-of-use")
    assert answer.location == "/panel/people/k"
    assert "nothing was done" in staff.get("/panel/people/k").text
    db.session.refresh(kept)
    assert kept.active


@pytest.mark.parametrize(
    "asked",
    ["other=x&a=b", "endpoint=signin.sign_in", "_external=1&_scheme=javascript", "key=x&q=%C3%A9"],
)
def test_the_address_of_an_alias_leads_to_the_kept_record_whatever_it_asks(
    app: Flask, staff: FlaskClient, asked: str
) -> None:
    merging.merge(factories.person(key="k"), factories.person(key="o"))
    db.session.commit()
    answer = staff.get(f"/panel/people/o/merge?{asked}")
    assert (answer.status_code, answer.location) == (303, f"/panel/people/k/merge?{asked}")


def test_the_account_that_stays_is_chosen(app: Flask, staff: FlaskClient) -> None:
    factories.account(key="k", email="k@example.org")
    factories.account(key="o", email="o@example.org")
    page = staff.get("/panel/people/k/merge?other=o").text
    assert "Both have an account: one stays" in page
    page = confirm(staff, "/panel/people/k/merge", "o")
    assert "choose the one that stays" in page
    confirm(staff, "/panel/people/k/merge", "o", account="other", **{"part-email": "other"})
    account = accounts.find("o@example.org")
    assert account is not None
    assert account.person.key == "k"
    assert accounts.find("k@example.org") is None


def test_who_looked_at_an_older_state_looks_again(app: Flask, staff: FlaskClient) -> None:
    kept = factories.person(key="k")
    factories.person(key="o")
    page = staff.get("/panel/people/k/merge?other=o").text
    kept.city = "Bern"
    db.session.commit()
    form = {"other": "o", "seen": seen(page)}
    answer = browsing.submit(staff, "/panel/people/k", "/panel/people/k/merge", **form)
    assert "was changed in the meantime" in answer.text
    assert "Bern" in answer.text
    assert contacts.find("o") is not kept


def test_staff_merge_no_owner_and_nobody_their_own_account(app: Flask, sign_in: SignIn) -> None:
    factories.account(key="boss", role="owner")
    pat = sign_in(factories.account(key="pat", role="staff"))
    factories.person(key="p")
    assert pat.get("/panel/people/p/merge?other=boss").status_code == 403
    assert pat.get("/panel/people/boss/merge?other=p").status_code == 403
    page = confirm(pat, "/panel/people/p/merge", "pat")
    assert "Your own account would end" in page
    assert contacts.find("pat") is not contacts.find("p")


def test_two_companies_are_merged(app: Flask, staff: FlaskClient) -> None:
    factories.company(key="k", name="Engines")
    other = factories.company(key="o", name="Engines Ltd")
    person = factories.person(company=other)
    page = staff.get("/panel/companies/k/merge?other=Engines+Ltd").text
    assert "1 person works at the kept company from then on." in page
    assert "There is no company “" in staff.get(f"/panel/companies/k/merge?other={person.key}").text
    confirm(staff, "/panel/companies/k/merge", "o", **{"part-name": "other"})
    kept = contacts.find("o")
    assert isinstance(kept, Company)
    db.session.refresh(kept)
    db.session.refresh(person)
    assert (kept.key, kept.name, person.company) == ("k", "Engines Ltd", kept)


def test_a_record_is_put_out_of_use_and_back(app: Flask, sign_in: SignIn) -> None:
    pat = sign_in(factories.account(key="pat", role="staff"))
    factories.account(key="boss", role="owner")
    member = sign_in(factories.account(key="p"))
    factories.company(key="c")

    def press(path: str, action: str) -> str:
        browsing.submit(pat, path, f"{path}/{action}")
        return pat.get(path).text

    page = press("/panel/people/p", "out-of-use")
    assert "The record is out of use." in page
    assert "not in use" in page
    assert member.get("/").status_code == 303
    assert "The record is in use again." in press("/panel/people/p", "in-use")
    assert "not in use" in press("/panel/companies/c", "out-of-use")
    assert "not in use" not in press("/panel/companies/c", "in-use")
    assert "somebody else has to" in press("/panel/people/pat", "out-of-use")
    for action in ("out-of-use", "in-use"):
        path = "/panel/people/boss"
        assert browsing.submit(pat, path, f"{path}/{action}").status_code == 403


def test_a_record_that_was_merged_is_in_no_count_of_the_overview(app: Flask) -> None:
    merging.merge(factories.person(), factories.person())
    merging.merge(factories.company(), factories.company())
    db.session.commit()
    counts = overview.counts()
    assert (counts["people"], counts["current"], counts["companies"]) == (1, 1, 1)


def test_an_address_that_somebody_else_has_just_taken_is_said_and_no_error(
    app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.account(email="ada@example.org")
    factories.person(key="k", email="ada@example.org")
    other = factories.person(key="o")
    accounts.create(other)
    db.session.commit()
    # What is read while the other's is not kept yet.
    monkeypatch.setattr(accounts, "find", lambda _address: None)
    staff.get("/panel/")
    page = confirm(staff, "/panel/people/k/merge", "o", **{"part-email": "kept"})
    assert "Somebody else has just saved the same e-mail address" in page
    browsing.submit(staff, "/panel/people/k", "/panel/people/k/account")
    assert "Somebody else has just made an account" in staff.get("/panel/people/k").text


def test_who_has_no_address_is_like_nobody_for_that(app: Flask, staff: FlaskClient) -> None:
    factories.company(key="k", name="Navy")
    for _ in range(9):
        factories.company()
    factories.company(key="same", name="NAVY")
    page = staff.get("/panel/companies/k/merge").text
    assert re.findall(r"merge\?other=([a-z]+)", page) == ["same"]
