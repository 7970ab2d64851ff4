"""What interrupts the feed (CHECKS, Y06 to Y10, Y20 to Y23 and Y25): nothing is lost, sent twice at
once, or out of order."""

import datetime as dt
import time
from email.utils import format_datetime
from typing import Any

import pytest

from idp.database import db
from idp.directory.contacts import Person
from sync import noting
from tests.chaos.arena import READ_SECONDS, Arena
from tests.chaos.faults import Watch
from tests.chaos.run import stamp
from tests.end_to_end.feed.watching import (
    behind,
    committee,
    details,
    eventually,
    keys,
    keys_since,
    newest,
    people,
    pushes_since,
    until_accepted,
)

pytestmark = pytest.mark.slow

WORKERS = ("worker 1", "worker 2")


@pytest.fixture(scope="module", autouse=True)
def current(running: Arena) -> None:
    """A synced group of whom the tests make."""
    committee("Current")


def member() -> Person:
    """One of the group, accepted already."""
    (person,) = people("Current", 1)
    until_accepted()
    return person


def retitle(person: Person, words: str) -> None:
    """Change a person."""
    person.job_title = words
    db.session.commit()


@pytest.mark.compliance("Y08")
def test_y08_a_429_is_waited_for_and_the_calls_are_few(stage: Arena) -> None:
    person = member()
    moment = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=4), usegmt=True)
    stage.set_control(
        next_responses=[
            {"status": 429, "retry_after": "2"},
            {"status": 429, "retry_after": moment},
            {"status": 429},
        ]
    )
    number = newest(stage)
    retitle(person, "Slowed down")
    until_accepted()
    first, second, *more = pushes = pushes_since(stage, number)
    assert [push["status"] for push in pushes] == [429, 429, 429, 200]
    assert second["time"] - first["time"] >= 2, "not before the seconds that were asked for"
    asked = dt.datetime.strptime(moment, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.UTC)
    assert more[0]["time"] >= asked.timestamp(), "not before the date that was asked for"
    assert details(stage, person)["Title"] == "Slowed down"


@pytest.mark.compliance("Y07", "Y09", "Y23")
def test_y07_y09_workers_killed_in_the_middle_lose_nothing(stage: Arena) -> None:
    stage.set_control(latency_ms=250)
    number = newest(stage)
    made = people("Current", 600)
    eventually(lambda: len(pushes_since(stage, number)) >= 2, "it is on its way")
    for worker in WORKERS:
        assert stage.kill(worker)
    stage.flush_redis()
    assert behind() > 0, "they were killed in the middle"
    stage.start_all()
    stage.set_control(latency_ms=0)
    until_accepted()
    held = stage.control("/contacts")
    assert keys(made) <= set(held)
    assert len(held) == len(set(held)), "no key twice"
    taken = [key for push in pushes_since(stage, number) for key in push["keys"]]
    assert len(taken) <= 600 + 2 * 100, "at most what was on its way is sent again"


@pytest.mark.compliance("Y10")
def test_y10_a_thousand_changes_of_one_person_are_one_push_or_two(stage: Arena) -> None:
    person = member()
    for worker in WORKERS:
        stage.kill(worker)
    number = newest(stage)
    for transaction in range(50):
        for change in range(20):
            person.job_title = f"Title {transaction * 20 + change}"
            db.session.flush()
        db.session.commit()
    stage.start_all()
    until_accepted()
    assert 1 <= len(pushes_since(stage, number)) <= 2
    assert details(stage, person)["Title"] == "Title 999"


@pytest.mark.compliance("Y20", "Y21")
def test_y20_y21_two_workers_never_push_one_contact_at_once(stage: Arena) -> None:
    one, two, three = member(), member(), member()
    stage.set_control(latency_ms=60)
    watch = Watch(stage, stamp)
    watch.start()
    for number in range(1, 40):
        for person in (one, two, three)[: 1 + number % 3]:
            person.address_3 = f"edit {number}"
        db.session.commit()
        time.sleep(0.02)
    until_accepted()
    watch.end()
    assert watch.overlapping == []
    assert watch.older == []
    assert details(stage, one)["Address3"] == "edit 39"


@pytest.mark.compliance("Y22")
@pytest.mark.parametrize(
    "answer",
    [
        {"after_taking": True, "hang_seconds": READ_SECONDS + 1},
        {"after_taking": True, "cut_body": True},
        {"after_taking": True, "status": 504},
    ],
    ids=["time-out", "half a body", "504"],
)
def test_y22_an_unknown_outcome_is_repeated(stage: Arena, answer: dict[str, Any]) -> None:
    person = member()
    number = newest(stage)
    stage.set_control(next_responses=[answer])
    retitle(person, "Taken, and not told so")
    until_accepted()
    assert keys_since(stage, number) == [[person.key]] * 2
    assert details(stage, person)["Title"] == "Taken, and not told so"
    assert stage.control("/contacts").count(person.key) == 1


@pytest.mark.compliance("Y23")
def test_y23_redis_gone_or_flushed_keeps_every_change(stage: Arena) -> None:
    person = member()
    stage.redis.stop()
    retitle(person, "While it was away")
    stage.redis.start()
    until_accepted()
    assert details(stage, person)["Title"] == "While it was away"
    stage.kill("worker 1")
    stage.kill("worker 2")
    retitle(person, "Before it was flushed")
    stage.flush_redis()
    stage.start_all()
    until_accepted()
    assert details(stage, person)["Title"] == "Before it was flushed"


@pytest.mark.compliance("Y25")
def test_y25_a_first_sync_neither_starves_nor_delays_a_change(stage: Arena) -> None:
    person = member()
    stage.set_control(latency_ms=300)
    number = newest(stage)
    made = people("Current", 1500)
    eventually(lambda: len(pushes_since(stage, number)) >= 2, "the many are on their way")
    begun = newest(stage)
    retitle(person, "In front of the many")
    until_accepted()
    pushes = pushes_since(stage, begun)
    (place,) = [index for index, push in enumerate(pushes) if person.key in push["keys"]]
    # What both workers had on the way, and what they had begun meanwhile.
    assert place <= 2 * len(WORKERS)
    assert len(pushes) - place > 3, "the many came after it"
    assert keys(made) <= set(stage.control("/contacts"))


@pytest.mark.compliance("Y06")
def test_y06_a_second_look_sends_nothing(stage: Arena) -> None:
    number = newest(stage)
    noting.note_everything()
    db.session.commit()
    assert behind() > 0
    until_accepted()
    assert pushes_since(stage, number) == []
