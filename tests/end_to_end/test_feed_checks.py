"""What people complain of in other feeds (CHECKS, Y), with workers and a clock as processes, a real
Redis, and the sandbox over HTTP; on one stage for each database."""

import datetime as dt
import time
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from idp import prepared
from idp.database import db
from idp.directory import accounts
from idp.directory.contacts import Person
from sync import connection, ledger
from tests import databases, factories
from tests.chaos.arena import API_KEY, READ_SECONDS, TENANT, Arena, arena, eventually
from tests.chaos.faults import Watch
from tests.chaos.run import stamp
from tests.conftest import DATABASES
from wsgi import create_app

pytestmark = pytest.mark.slow

WORKERS = ("worker 1", "worker 2")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in DATABASES],
)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """Everything started, an app that edits, and a synced group of the current members."""
    folder: Path = tmp_path_factory.mktemp("feed")
    address = databases.migrated(request.param, folder / "var", request)
    with arena(folder, address) as stage:
        stage.set_control(keep_history=True)
        app = create_app(stage.settings)
        with app.app_context():
            connection.change(base_url=stage.url, tenant_code=TENANT, api_key=API_KEY)
            factories.group(type="security", sync=True, key="current")
            yield stage
            db.session.remove()
            prepared.release()
            db.engine.dispose()
    if address is not None:
        databases.drop(request.getfixturevalue("postgres_server"), address)


@pytest.fixture
def stage(running: Arena) -> Iterator[Arena]:
    """The stage, well, everything accepted; and so it is left."""
    running.set_control(next_responses=[], latency_ms=0)
    running.start_all()
    connection.get().clear()
    db.session.commit()
    until_accepted()
    yield running
    db.session.rollback()
    assert running.ended == []


def behind() -> int:
    """How many contacts wait to be accepted."""
    row = ledger.table.c
    number = db.session.scalar(select(func.count()).where(row.wanted > row.accepted))
    db.session.rollback()
    return number or 0


def until_accepted(seconds: float = 90) -> None:
    """Wait until Higher Logic has accepted everything."""
    eventually(lambda: behind() == 0, "everything is accepted", seconds)


def member(**values: Any) -> Person:
    """A current member with an account, accepted already."""
    person = factories.person(account=True, **values)
    until_accepted()
    return person


def newest(stage: Arena) -> int:
    """The number of the newest push."""
    latest = stage.control("/requests?limit=1")
    return int(latest[0]["id"]) if latest else 0


def pushes_since(stage: Arena, number: int) -> list[Any]:
    """The pushes after that one, the oldest first."""
    latest = stage.control("/requests?limit=1000")
    return [push for push in reversed(latest) if push["id"] > number]


def title(stage: Arena, person: Person) -> str:
    """The title that the sandbox shows of a person."""
    eventually(lambda: stage.control("/state")["contacts_pending_refresh"] == 0, "refreshed")
    return str(stage.control(f"/contacts/{person.key}")["MemberDetails"]["Title"])


def retitle(person: Person, words: str) -> None:
    """Change a person."""
    person.job_title = words
    db.session.commit()


@pytest.mark.compliance("Y08")
def test_a_429_is_waited_for_and_the_calls_are_few(stage: Arena) -> None:
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
    assert title(stage, person) == "Slowed down"


def people(number: int) -> list[str]:
    """So many current members with accounts, made at once; their keys."""
    made = [
        Person(
            key=f"many-{number}-{index}",
            first_name="Ada",
            last_name=f"Byron {index}",
            email=f"many{number}.{index}@example.org",
            member_status="Current",
        )
        for index in range(number)
    ]
    db.session.add_all(made)
    db.session.flush()
    for one in made:
        accounts.create(one)
    db.session.commit()
    return [f"many-{number}-{index}" for index in range(number)]


@pytest.mark.compliance("Y07", "Y09", "Y23")
def test_workers_killed_in_the_middle_lose_nothing(stage: Arena) -> None:
    stage.set_control(latency_ms=250)
    number = newest(stage)
    keys = set(people(600))
    eventually(lambda: len(pushes_since(stage, number)) >= 2, "it is on its way")
    for worker in WORKERS:
        assert stage.kill(worker)
    stage.flush_redis()
    assert behind() > 0, "they were killed in the middle"
    stage.start_all()
    stage.set_control(latency_ms=0)
    until_accepted()
    held = stage.control("/contacts")
    assert keys <= set(held)
    assert len(held) == len(set(held)), "no key twice"
    taken = [key for push in pushes_since(stage, number) for key in push["keys"]]
    assert len(taken) <= 600 + 2 * 100, "at most what was on its way is sent again"


@pytest.mark.compliance("Y10")
def test_a_thousand_changes_of_one_person_are_one_push_or_two(stage: Arena) -> None:
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
    assert title(stage, person) == "Title 999"


@pytest.mark.compliance("Y20", "Y21")
def test_two_workers_never_push_one_contact_at_once(stage: Arena) -> None:
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
    assert stage.control(f"/contacts/{one.key}")["MemberDetails"]["Address3"] == "edit 39"


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
def test_an_unknown_outcome_is_repeated(stage: Arena, answer: dict[str, Any]) -> None:
    person = member()
    number = newest(stage)
    stage.set_control(next_responses=[answer])
    retitle(person, "Taken, and not told so")
    until_accepted()
    assert [push["keys"] for push in pushes_since(stage, number)] == [[person.key]] * 2
    assert title(stage, person) == "Taken, and not told so"
    assert stage.control("/contacts").count(person.key) == 1


@pytest.mark.compliance("Y23")
def test_redis_gone_or_flushed_keeps_every_change(stage: Arena) -> None:
    person = member()
    stage.redis.stop()
    retitle(person, "While it was away")
    stage.redis.start()
    until_accepted()
    assert title(stage, person) == "While it was away"
    stage.kill("worker 1")
    stage.kill("worker 2")
    retitle(person, "Before it was flushed")
    stage.flush_redis()
    stage.start_all()
    until_accepted()
    assert title(stage, person) == "Before it was flushed"


@pytest.mark.compliance("Y25")
def test_a_first_sync_neither_starves_nor_delays_a_change(stage: Arena) -> None:
    person = member()
    stage.set_control(latency_ms=300)
    number = newest(stage)
    keys = people(1500)
    eventually(lambda: len(pushes_since(stage, number)) >= 2, "the many are on their way")
    begun = newest(stage)
    retitle(person, "In front of the many")
    until_accepted()
    pushes = pushes_since(stage, begun)
    (place,) = [index for index, push in enumerate(pushes) if person.key in push["keys"]]
    # What both workers had on the way, and what they had begun meanwhile.
    assert place <= 2 * len(WORKERS)
    assert len(pushes) - place > 3, "the many came after it"
    assert set(keys) <= set(stage.control("/contacts"))


@pytest.mark.compliance("Y06")
def test_a_second_look_sends_nothing(stage: Arena) -> None:
    number = newest(stage)
    ledger.note_everything()
    db.session.commit()
    assert behind() > 0
    until_accepted()
    assert pushes_since(stage, number) == []
