"""The overview says how the sync stands, and every page when it is in trouble."""

import datetime as dt
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from admin import sync_standing
from idp.database import db, now
from sync import connection, ledger, reconcile
from sync.connection import HigherLogicConnection
from sync.protocol import wire
from sync.protocol.wire import Verdict
from sync.records import feed
from sync.removals import held
from sync.sent import activity
from tests import browsing, factories
from tests.sync.conftest import Statements, member, members, synced

PAGES = ("/panel/people/", "/panel/groups/", "/panel/imports/", "/panel/fields/")


def connected(**values: Any) -> None:
    """A connection that stands so."""
    connection.change(tenant_code="ACME", api_key="a-key")
    db.session.commit()
    if values:
        db.session.execute(update(HigherLogicConnection).values(**values))
        db.session.commit()


def ago(seconds: float) -> dt.datetime:
    return now() - dt.timedelta(seconds=seconds)


def sent(verdict: Verdict, contacts: int, seconds_ago: float) -> None:
    moment = ago(seconds_ago)
    db.session.execute(
        insert(activity.table).values(
            minute=moment.replace(second=0, microsecond=0),
            verdict=verdict.value,
            requests=1,
            contacts=contacts,
            first_at=moment,
            last_at=moment,
        )
    )
    db.session.commit()


def refused(*contacts: Any, words: str) -> None:
    row = ledger.table.c
    db.session.execute(
        update(ledger.table)
        .where(row.contact_id.in_([one.id for one in contacts]))
        .values(refused=row.wanted, last_error=words)
    )
    db.session.commit()


def accepted() -> None:
    row = ledger.table.c
    db.session.execute(update(ledger.table).values(accepted=row.wanted, accepted_at=now()))
    db.session.commit()


def standing(client: FlaskClient) -> str:
    """The text of the part that keeps itself current."""
    response = client.get("/panel/standing")
    assert response.status_code == 200
    page = client.get("/panel/overview").text
    # How fast it goes is another with every second.
    assert re.sub(r"[\d,]+ a minute", "", response.text) in re.sub(r"[\d,]+ a minute", "", page)
    return response.text


def test_the_line_that_staff_look_for(app: Flask, staff: FlaskClient) -> None:
    assert "Not connected to Higher Logic yet" in standing(staff)
    connected()
    assert "No group is synced yet" in standing(staff)
    synced(name="Everybody current")
    member()
    assert re.search(r">\d+ changes are on the way<", standing(staff))
    accepted()
    assert ">Higher Logic is up to date<" in standing(staff)
    page = standing(staff)
    assert "Everybody current" in page
    assert 'data-label="Sent of due"' in page


def test_pace_oldest_and_last_are_in_words_with_the_exact_time_on_hover(
    app: Flask, staff: FlaskClient
) -> None:
    connected()
    synced()
    members(5)
    assert "a minute" not in standing(staff)
    sent(Verdict.ACCEPTED, 1200, 60)
    db.session.execute(update(ledger.table).values(wanted_since=ago(600)))
    db.session.commit()
    page = standing(staff)
    assert re.search(r"1,[12]\d\d a minute, less than a minute left", page)
    assert re.search(r'<time datetime="[^"]+" title="[^"]+ UTC">10 minutes ago</time>', page)


def test_what_was_refused_is_told_by_reason_with_links(app: Flask, staff: FlaskClient) -> None:
    connected()
    synced()
    people = members(8)
    accepted()
    for person in people:
        person.job_title = "Analyst"
    db.session.commit()
    refused(*people[:7], words="No such <country>.")
    page = standing(staff)
    assert "No such &lt;country&gt;." in page
    assert f'href="/panel/people/{people[0].key}">{people[0].title}</a>' in page
    assert "and 2 more" in page


def test_the_chart_has_what_it_shows_in_words_and_as_a_table(
    app: Flask, staff: FlaskClient
) -> None:
    connected()
    assert "Nothing was sent." in standing(staff)
    sent(Verdict.ACCEPTED, 1500, 0)
    sent(Verdict.REFUSED, 3, 0)
    sent(Verdict.OUTAGE, 100, 7200)
    page = standing(staff)
    assert (
        'aria-label="1,500 accepted, 3 refused, and 1 requests not answered in the last 24 hours"'
        in page
    )
    assert page.count("<g>") == 24
    assert '<td class="number" data-label="Accepted">1,500</td>' in page


def test_little_is_seen_beside_much(app: Flask) -> None:
    hours = [
        activity.Hour(now(), 1_000_000, 1, 0),
        activity.Hour(now(), 0, 0, 0),
    ]
    first, second = sync_standing.chart(hours).bars
    assert first.refused == 2
    assert (second.accepted, second.refused, second.unanswered) == (0, 0, False)
    assert first.refused_y >= 0


@pytest.mark.compliance("Y19")
def test_every_page_says_that_the_key_was_refused(
    app: Flask, owner: FlaskClient, staff: FlaskClient
) -> None:
    connected(stopped_at=ago(120), stopped_reason="Unknown key.")
    words = "Higher Logic refused our key, and nothing is sent."
    for path in PAGES:
        assert words in staff.get(path).text
        assert "An owner has to enter the right one." in staff.get(path).text
    assert 'href="/panel/integrations/#connection"' in owner.get("/panel/people/").text
    assert words in standing(owner)
    connected(stopped_at=None)
    assert words not in staff.get("/panel/people/").text


def test_staff_have_everything_compared_and_are_told_what_that_found(
    app: Flask, staff: FlaskClient
) -> None:
    def compare() -> str:
        page = staff.get("/panel/overview").text
        staff.post("/panel/compare", data={"csrf_token": browsing.csrf_token(page)})
        page = staff.get("/panel/overview").text
        assert "Being compared now" in page
        assert "/panel/compare" not in page
        assert reconcile.tick()
        return standing(staff)

    assert "/panel/compare" not in staff.get("/panel/overview").text, (
        "there is nothing to compare with"
    )
    connected(reconcile_hour=None)
    synced()
    members(2)
    assert "not yet" in standing(staff)
    accepted()
    # Whoever looks is a member as well. Accepted, and nobody knows as what.
    assert "(3 records; 3 differed and were sent again)" in compare()
    row = ledger.table.c
    ids = db.session.scalars(select(row.contact_id)).all()
    for id, record in feed.build(ids, connection.get().wanted).items():
        values = {"accepted": row.wanted, "digest": wire.digest(wire.item(record))}
        db.session.execute(update(ledger.table).where(row.contact_id == id).values(values))
    db.session.commit()
    assert "(3 records, all as Higher Logic accepted them)" in compare()


@pytest.mark.compliance("Y13")
def test_every_page_says_that_nothing_was_accepted_for_hours(
    app: Flask, staff: FlaskClient
) -> None:
    connected()
    synced()
    member()
    words = "Higher Logic has accepted nothing for a long time"
    assert words not in staff.get("/panel/people/").text
    db.session.execute(update(ledger.table).values(wanted_since=ago(6.1 * 3600)))
    db.session.commit()
    for path in PAGES:
        assert words in staff.get(path).text
    connection.change(alert_after_hours=7)
    db.session.commit()
    assert words not in staff.get("/panel/people/").text


def test_a_short_pause_is_no_trouble_and_a_long_one_is(app: Flask, staff: FlaskClient) -> None:
    connected(pauses=3, paused_until=now() + dt.timedelta(minutes=4), paused_reason="It is down.")
    synced()
    member()
    # What was refused was answered, and what another tenant did not answer is over.
    sent(Verdict.OUTAGE, 1, 9000)
    db.session.execute(update(activity.table).values(last_at=None))
    db.session.commit()
    sent(Verdict.REFUSED, 1, 3600)
    sent(Verdict.OUTAGE, 1, 60)
    assert "It is down." not in staff.get("/panel/people/").text
    sent(Verdict.OUTAGE, 1, 400)
    assert "It is down. " in staff.get("/panel/people/").text
    assert re.search("Paused since <time [^<]+</time>, and tried again <time", standing(staff))


def test_what_is_held_is_told_on_every_page_with_the_way_to_its_group(
    app: Flask, staff: FlaskClient
) -> None:
    connected()
    group = synced(name="Policy Committee")
    person = member()
    assert "held back" not in standing(staff)
    db.session.add(
        held.Hold(group_key=group.key, since=ago(600), reason="nobody would be left in it")
    )
    db.session.add(
        held.HeldRemoval(group_key=group.key, contact_id=person.id, standing="held", at=ago(600))
    )
    db.session.commit()
    words = "1 removal from Policy Committee is held back until somebody decides."
    for path in PAGES:
        assert words in staff.get(path).text
    page = standing(staff)
    assert "Because nobody would be left in it." in page
    assert "Everything that Higher Logic should have" not in page
    assert f'href="/panel/groups/{group.key}/held"' in page


def test_the_banner_costs_a_fixed_number_of_statements(app: Flask, staff: FlaskClient) -> None:
    def counted() -> int:
        with Statements() as statements:
            staff.get("/panel/standing")
        return statements.number

    connected()
    few = counted()
    synced()
    members(30)
    refused(*members(5), words="No.")
    factories.company()
    sent(Verdict.ACCEPTED, 5, 1)
    assert counted() == few <= 22
