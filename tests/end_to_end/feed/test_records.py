"""What is sent of each record, and what staff are told when it does not arrive (CHECKS, Y04, Y05,
Y11, Y13 to Y16, Y19 and Y24)."""

import email
import email.policy
import json
from email.message import EmailMessage

import pytest
from sqlalchemy import text, update

import sync.clock
from idp import jobs
from idp.database import db
from idp.directory import accounts, fields, groups
from sync import connection
from sync.standing import figures
from tests import factories
from tests.chaos.arena import API_KEY, TENANT, Arena
from tests.end_to_end.feed.watching import (
    behind,
    committee,
    details,
    eventually,
    keys,
    keys_since,
    many,
    members,
    newest,
    people,
    previewed,
    pushes_since,
    tessera,
    told,
    until_accepted,
)
from tests.sync.test_alerts import hours_pass

pytestmark = pytest.mark.slow


def jobs_known() -> set[bytes]:
    """The jobs that wait, run, or have ended within the last minute."""
    return set(jobs.connection().keys("rq:job:*"))


def mails(stage: Arena) -> list[EmailMessage]:
    """What staff were mailed, the oldest first."""
    folder = stage.settings.data_dir / "mail"
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(folder.glob("*.eml"))
    ]


def until_mailed(stage: Arena, number: int, words: str) -> EmailMessage:
    """Wait for the mail after so many, whose subject has these words."""
    eventually(lambda: len(mails(stage)) > number, f"a mail about {words}")
    mail = mails(stage)[number]
    assert words in mail["Subject"]
    return mail


@pytest.mark.compliance("Y11")
def test_y11_without_a_synced_group_there_is_neither_a_job_nor_a_request(stage: Arena) -> None:
    number, before = newest(stage), jobs_known()
    committee("Y11", sync=False)
    made = people("Y11", 3)
    made[0].job_title = "Analyst"
    db.session.commit()
    assert behind() == 0
    assert not sync.clock.tick()
    assert jobs_known() <= before
    assert newest(stage) == number
    assert told("history", made[0].key) == []


@pytest.mark.compliance("Y04")
def test_y04_a_refused_record_is_told_with_its_words_and_no_secret(stage: Arena) -> None:
    field = fields.create("Note for staff", "text")
    (person,) = people("Y04", 1)
    fields.set_value(person, field, "never sent")
    stage.set_control(reject_keys={person.key: "Country XX is not valid."})
    committee("Y04")
    eventually(lambda: told("status")["failed"] == 1, "it is refused")
    (reason,) = told("status")["reasons"]
    assert (reason["words"], reason["first"][0]["key"]) == ("Country XX is not valid.", person.key)
    (attempt,) = told("history", person.key)
    assert (attempt["code"], attempt["words"]) == ("refused", "Country XX is not valid.")
    assert "mend what it says" in attempt["meaning"]
    assert attempt["item"]["MemberDetails"]["LegacyContactKey"] == person.key
    assert not [one for one in (API_KEY, TENANT, "never sent") if one in json.dumps(attempt)]
    stage.set_control(reject_keys={})
    person.country = "CH"
    db.session.commit()
    until_accepted()
    assert told("status")["failed"] == 0


@pytest.mark.compliance("Y14")
def test_y14_what_was_changed_behind_our_back_is_found(stage: Arena) -> None:
    committee("Y14")
    (person,) = people("Y14", 1)
    until_accepted()
    db.session.execute(text("UPDATE contact SET city = 'Oslo' WHERE id = :id"), {"id": person.id})
    db.session.commit()
    found = tessera("verify")
    assert found.exit_code == 1
    assert f"differs: {person.key}\n" in found.output
    assert details(stage, person)["City"] == ""
    # The day's own, at an hour that is over.
    connection.change(reconcile_hour=0)
    db.session.execute(update(connection.HigherLogicConnection).values(reconciled_on=None))
    db.session.commit()
    eventually(lambda: details(stage, person)["City"] == "Oslo", "the clock has put it right")
    assert tessera("verify").exit_code == 0


@pytest.mark.compliance("Y15")
def test_y15_a_new_address_keeps_the_key(stage: Arena) -> None:
    group, (person,) = committee("Y15"), people("Y15", 1)
    until_accepted()
    number, key = newest(stage), person.key
    accounts.change_email(person, "y15@example.net")
    db.session.commit()
    until_accepted()
    assert keys_since(stage, number) == [[key]]
    assert details(stage, person)["EmailAddress"] == "y15@example.net"
    assert members(stage, group) == {key}


@pytest.mark.compliance("Y16")
def test_y16_shared_addresses_are_listed_before_the_first_push(stage: Arena) -> None:
    group = committee("Y16", sync=False, selects="both")
    first, other = people("Y16", 2)
    company = factories.company(member_type="Y16", email=first.email.upper())
    number = newest(stage)
    said = previewed(group, group.condition, "shared")
    assert {row["key"] for row in said["rows"]} == {first.key, company.key}
    assert newest(stage) == number
    company.email = "office16@example.org"
    db.session.commit()
    assert previewed(group, group.condition, "shared")["rows"] == []
    groups.switch_sync(group, True)
    db.session.commit()
    until_accepted()
    assert members(stage, group) == keys([first, other, company])


@pytest.mark.compliance("Y24")
def test_y24_companies_are_accepted_before_their_people(stage: Arena) -> None:
    number = newest(stage)
    companies = [factories.company() for _ in range(5)]
    made = [one for company in companies for one in people("Y24", 10, company=company)]
    group = committee("Y24")
    until_accepted()
    place = {
        key: push["id"]
        for push in reversed(pushes_since(stage, number))
        if push["success"]
        for key in push["keys"]
    }
    assert all(place[one.company.key] < place[one.key] for one in made)
    assert all(push["success"] for push in pushes_since(stage, number)), "none is refused for it"
    assert members(stage, group) == keys(made)


@pytest.mark.compliance("Y13")
def test_y13_hours_without_an_acceptance_are_told(stage: Arena) -> None:
    committee("Y13")
    (person,) = people("Y13", 1)
    until_accepted()
    before = len(mails(stage))
    stage.set_control(failure_rate=1)
    person.job_title = "Analyst"
    db.session.commit()
    eventually(lambda: told("status")["state"] == "failing", "it is noticed")
    hours_pass(7)
    mail = until_mailed(stage, before, "accepted nothing for hours")
    assert "1 contact waits to be sent" in mail.get_content()
    assert API_KEY not in mail.get_content()
    assert figures.get().stalled_since is not None, "what every page and the metrics go by"
    assert told("status")["oldest_pending_at"] is not None
    stage.set_control(failure_rate=0)
    connection.get().clear()
    db.session.commit()
    until_accepted()
    until_mailed(stage, before + 1, "accepts again")


@pytest.mark.compliance("Y19")
def test_y19_a_refused_key_stops_everything_until_it_is_mended(stage: Arena) -> None:
    committee("Y19")
    first, *others = people("Y19", 5)
    until_accepted()
    before, number = len(mails(stage)), newest(stage)
    connection.change(api_key="an-expired-key")
    first.job_title = "Analyst"
    db.session.commit()
    eventually(lambda: told("status")["state"] == "stopped", "it stops")
    for other in others:
        other.job_title = "Analyst"
        db.session.commit()
    until_mailed(stage, before, "refused our key")
    assert "The sync is stopped" in tessera("push").output
    assert [push["status"] for push in pushes_since(stage, number)] == [403], "it is not hammered"
    connection.change(api_key=API_KEY)
    db.session.commit()
    until_accepted()
    assert details(stage, others[-1])["Title"] == "Analyst"
    until_mailed(stage, before + 1, "was mended")
    assert len(mails(stage)) == before + 2


# The last one: whatever is done of everybody takes longer after it.
@pytest.mark.compliance("Y05")
def test_y05_of_ten_thousand_one_is_refused_and_all_others_accepted(stage: Arena) -> None:
    made = many("Y05", 10_000)
    bad = made[4321]
    stage.set_control(reject_keys={bad: "Is not valid."})
    number = newest(stage)
    group = committee("Y05")
    eventually(lambda: behind() == told("status")["failed"] == 1, "it is found", 90)
    assert members(stage, group) == set(made) - {bad}
    assert told("history", bad)[0]["words"] == "Is not valid."
    assert len(pushes_since(stage, number)) <= 100 + 2 * 7 + 10, "it is looked for by halving"
    stage.set_control(reject_keys={})
    assert tessera("resend", bad).output == "1 contacts to be sent again\n"
    until_accepted()
    assert members(stage, group) == set(made)
