"""``make bench-panel``: the panel's lists of people at 100,000, beside a bare page of the panel.

One association on SQLite and one on Postgres. Each page is asked for as a browser of staff does it
(session, roles, statements, template), without the network; in every round all pages take turns,
so that what else the machine does falls on all alike. What counts is each page by the bare one of
the same round, and that the slowest stays below a second.

From the environment: ``SIZES`` (numbers of people, separated by commas), ``DATABASE``
(``postgres``, ``sqlite``) and ``ROUNDS``. The report is written when nothing is left out.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient
from sqlalchemy import select

from bench import directory, environment, facts
from bench.directory import DATABASES, Plan
from bench.directory_work import Contestant
from bench.report import DATABASE_TITLES
from idp.database import db
from idp.directory import accounts
from idp.directory.contacts import Contact, Person
from idp.signin import sessions

REPORT = Path(__file__).with_name("panel.md")
SIZES = (100_000,)
BARE = "a bare page"
TARGET = 1.0
Taken = dict[tuple[str, int], dict[str, list[float]]]
"""Seconds of each round, by database and size, and by page."""


def pages(middle: str) -> dict[str, str]:
    """What is asked for, by what the report calls it; ``middle`` is the key of somebody halfway."""
    people = "/panel/people/"
    return {
        BARE: "/panel/fields/new",
        "first page": people,
        "middle page": f"{people}?after={middle}",
        "last page": f"{people}?page=last",
        "last page, by status": f"{people}?sort=status&page=last",
        "search: one letter": f"{people}?q=a",
        "search: a name": f"{people}?q=ada+berg",
        "search: an e-mail address": f"{people}?q=person777@members.example",
        "search: somewhere within": f"{people}?q=erson777",
        "search: nobody": f"{people}?q=nobody-has-this",
        "filter: account and status": f"{people}?account=invited&status=lapsed",
        "filter: a custom field": f"{people}?field=volunteer&value=yes",
        "companies, last page": "/panel/companies/?page=last",
    }


def signed_in(here: Contestant) -> FlaskClient:
    """A browser in which an owner is signed in."""
    with here.app.app_context():
        person = Person(first_name="Olga", last_name="Owner", email="owner@example.org")
        account = accounts.create(person, role="owner")
        db.session.flush()
        _row, cookie = sessions.lend(account, sessions.LIFETIME, "bench")
        db.session.commit()
        db.session.remove()
    client = here.app.test_client()
    client.set_cookie(*cookie.split("=", 1))
    return client


def somebody_halfway(here: Contestant) -> str:
    """The key of a person in the middle of the alphabet."""
    with here.app.app_context():
        key = db.session.scalar(
            select(Contact.key)
            .where(Contact.kind == "person")
            .order_by(Person.last_name, Person.first_name, Contact.id)
            .offset(here.people // 2)
            .limit(1)
        )
        db.session.remove()
    if key is None:
        raise LookupError("nobody is there")
    return key


def run(rounds: int, everybody: list[Contestant]) -> Taken:
    """One round to warm up, then those that count."""
    browsers = {id(here): (signed_in(here), pages(somebody_halfway(here))) for here in everybody}
    taken: Taken = {(here.database, here.people): {} for here in everybody}
    for number in range(rounds + 1):
        for here in everybody:
            client, asked = browsers[id(here)]
            for name, path in asked.items():
                started = time.perf_counter()
                status = client.get(path).status_code
                seconds = time.perf_counter() - started
                if status != 200:
                    raise RuntimeError(f"{path} answered {status}")
                if number:
                    taken[here.database, here.people].setdefault(name, []).append(seconds)
    return taken


def table(taken: Mapping[str, list[float]]) -> list[str]:
    """Median, slowest, and the median ratio to the bare page of the same round."""
    lines = ["| | median ms | slowest ms | by a bare page |", "|---|---:|---:|---:|"]
    for name, seconds in taken.items():
        ratio = median(one / bare for one, bare in zip(seconds, taken[BARE], strict=True))
        lines.append(
            f"| {name} | {median(seconds) * 1000:.0f} | {max(seconds) * 1000:.0f} | {ratio:.1f} |"
        )
    return lines


def report(taken: Taken, rounds: int) -> str:
    """The report as Markdown."""
    lines = [
        "# The panel's lists, measured",
        "",
        "Made by `make bench-panel`. What staff wait for, without the network: session, roles, "
        "statements and template of one page. A bare page is that of a new custom field, which "
        "asks the database for hardly more than who is signed in.",
        "",
        *(f"- {line}" for line in facts.of_the_directory()),
        f"- Rounds: {rounds}; one before, to warm up, is not counted.",
    ]
    for (database, people), of_it in taken.items():
        lines += ["", f"## {DATABASE_TITLES[database]}, {people:,} people", "", *table(of_it)]
    slowest = max(max(seconds) for of_it in taken.values() for seconds in of_it.values())
    met = "met" if slowest < TARGET else "missed"
    lines += ["", f"Target: every page and search below {TARGET:.0f} s at its slowest: {met}."]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and write the report when everything took part."""
    try:
        sizes = environment.sizes(SIZES, most=2_000_000)
        databases = environment.known("DATABASE", DATABASES)
        rounds = environment.number("ROUNDS", 15)
    except environment.UsageError as error:
        print(error, file=sys.stderr)
        return 2
    with directory.associations(Plan(sizes, databases, (), rounds, 1)) as everybody:
        text = report(run(rounds, everybody), rounds)
    print(text)
    if (sizes, databases) == (SIZES, DATABASES):
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
