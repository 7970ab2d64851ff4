"""The made-up association and what is said of it."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import func, select

from bench import (
    association,
    association_groups,
    directory,
    directory_report,
    directory_work,
    environment,
)
from bench.directory_report import Rounds
from bench.directory_work import CHANGES, CONDITIONS, FLOOR, PREVIEWS, Contestant, Moved, Round
from idp.database import db
from idp.directory import groups
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Person
from idp.directory.groups import Group
from idp.directory.membership import Membership
from sync import ledger

PEOPLE = 400


@pytest.fixture
def made(app: Flask) -> Contestant:
    """A small association, made as the large ones are."""
    association.make(PEOPLE, lambda _text: None)
    database = db.engine.dialect.name.removesuffix("ql")
    address = db.engine.url.database if database == "sqlite" else None
    if address is None:
        address = db.engine.url.set(drivername="postgresql").render_as_string(False)
    db.session.remove()
    return Contestant(database, PEOPLE, app, address)


def number(query: object) -> int:
    return int(db.session.scalar(query) or 0)  # type: ignore[call-overload]


def test_the_association_is_as_large_as_it_says_and_alike_on_both_databases(
    made: Contestant,
) -> None:
    assert number(select(func.count()).select_from(Person)) == PEOPLE
    assert number(select(func.count()).select_from(Company)) == 10
    assert 0.6 * PEOPLE < number(select(func.count()).select_from(Account)) < 0.8 * PEOPLE
    assert number(select(func.count()).where(Group.sync)) == association_groups.NUMBER
    members = func.count(Membership.id)
    query = select(Group.name, members).join(Membership, Membership.group_id == Group.id)
    sizes = dict(iter(db.session.execute(query.group_by(Group.name))))
    assert max(sizes, key=lambda name: sizes[name]) == association_groups.LARGEST
    assert 0.14 * PEOPLE < sizes[association_groups.LARGEST] < 0.28 * PEOPLE
    assert len(sizes) > 40, "most groups have members"
    person = association.person(7)
    assert person.company is not None
    found = (person.first_name, person.last_name, person.state, person.company.key)
    assert found == ("Finn", "Kahn895", "State 35", association.company_key(8))
    assert person.joined_on == dt.date(2008, 8, 23)


def test_what_is_measured_goes_through_the_app(made: Contestant) -> None:
    wanted = number(select(func.sum(ledger.table.c.wanted)))
    db.session.remove()
    taken = directory_work.changes(made, 5, seed=1)
    assert {name: len(times) for name, times in taken.items()} == dict.fromkeys(
        (*CHANGES, FLOOR), 5
    )
    assert number(select(func.sum(ledger.table.c.wanted))) > wanted
    db.session.remove()
    done = directory_work.new_conditions(made, first_state=0)
    everything = done["all of it"]
    assert everything.left == everything.members > 0
    assert everything.joined > 0
    assert 0 < done["a fifteenth of it"].left < done["a third of it"].left < everything.left
    as_it_was = directory_work.conditions_of(made, 0)
    group = groups.find(association_groups.LARGEST)
    assert group is not None
    assert group.condition == as_it_was
    db.session.remove()
    assert set(directory_work.previews(made)) == set(PREVIEWS)


def a_round(ms: float, seconds: float = 1.0) -> Round:
    """A round in which every change takes so many milliseconds, everything else so many seconds."""
    return Round(
        changes={name: [ms / 1000] * 10 for name in CHANGES} | {FLOOR: [0.0005] * 10},
        conditions={name: Moved(seconds, 200, 50, 50, 1.5) for name in CONDITIONS},
        previews=dict.fromkeys(PREVIEWS, seconds),
    )


def test_a_ratio_between_sizes_is_of_rounds_that_ran_together() -> None:
    # The second round fell into a busy minute, for both sizes.
    rounds: Rounds = {
        ("postgres", 100): [a_round(2), a_round(20), a_round(2)],
        ("postgres", 1000): [a_round(3), a_round(30), a_round(3)],
    }
    look = directory_report.change("the status", 0.5)
    assert directory_report.ratio(rounds, "postgres", 1000, look) == 1.5


def test_targets_are_met_or_missed_at_the_largest_size() -> None:
    def verdicts(rounds: Rounds) -> set[bool]:
        return {line.endswith("| met |") for line in directory_report.targets_table(rounds)[2:]}

    fast = [a_round(4)]
    assert verdicts({("postgres", 100): fast, ("postgres", 1000): fast}) == {True}
    assert verdicts({("postgres", 100): fast, ("postgres", 1000): [a_round(7, 11)]}) == {False}


def test_the_report_has_every_size_and_fact() -> None:
    rounds: Rounds = {("sqlite", 100): [a_round(2)], ("sqlite", 1000): [a_round(4, 3)]}
    text = directory_report.text(rounds, ["On a machine."])
    assert "| SQLite | 1,000 | the status | 4.00 | 4.00 | 8.0 | 2.00 |" in text
    assert "| SQLite | 1,000 | 200 | all of it | 50 and 50 | 3.00 | 30000 | 3.00 | 1.5 |" in text
    assert "| SQLite | 1,000 | 3.000 s (3.0 times) |" in text
    assert "a new condition, all of it replaced" not in text, "that target is Postgres's"
    assert "- On a machine." in text


def test_only_what_was_measured_is_reported() -> None:
    part: Rounds = {("sqlite", 100): [Round(previews=dict.fromkeys(PREVIEWS, 0.1))]}
    text = directory_report.text(part, [])
    assert "| SQLite | 100 | a custom field" not in text
    assert "preview, everybody: s" in text


def test_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, wrong in (("SIZES", "many"), ("SIZES", "5"), ("DATABASE", "oracle"), ("ONLY", "x")):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(environment.UsageError, match=name):
            directory.plan()
        monkeypatch.delenv(name)
    assert directory.plan().whole
    monkeypatch.setenv("SIZES", "100000,10000")
    monkeypatch.setenv("DATABASE", "sqlite")
    asked = directory.plan()
    assert (asked.sizes, asked.databases, asked.whole) == ((10_000, 100_000), ("sqlite",), False)
