"""A person's and a company's page about Higher Logic."""

import datetime as dt

import pytest
from flask.testing import FlaskClient

from idp.association import today
from idp.database import db, now
from idp.directory import deactivation
from idp.moments import day
from sync import connection
from sync.delivery import pushing
from sync.protocol import transport
from tests import browsing, factories


@pytest.mark.compliance("Y04")
def test_what_higher_logic_has_and_what_it_refused_is_said_in_words(
    staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        b'{"success": true, "count": 1}',
        b'{"success": false, "errorMessage": "<b>No.</b>"}',
        b'{"success": true, "count": 1}',
    ]
    monkeypatch.setattr(transport, "post", lambda *_: transport.Response(200, {}, answers.pop(0)))
    connection.change(base_url="http://127.0.0.1:9", tenant_code="ACME", api_key="the-secret-key")
    person = factories.person(
        key="a-person", account=True, job_title="Analyst", joined_on=dt.date(2020, 5, 3)
    )
    factories.group(type="security", sync=True, name="Current members")
    db.session.commit()
    assert "it has accepted no record yet" in staff.get("/panel/people/a-person/higher-logic").text
    pushing.run()
    person.job_title = "Director"
    db.session.commit()
    pushing.run()

    page = staff.get("/panel/people/a-person/higher-logic").text
    assert "<dt>Job title</dt><dd>Analyst</dd>" in page
    assert "What has changed since is not there yet." in page
    assert f"<dt>Security group: Current members</dt><dd>since {day(today())}</dd>" in page
    assert "<dt>Member since</dt><dd>3 May 2020</dd>" in page
    assert "does not take this record as it is" in page
    assert "Its words: &lt;b&gt;No.&lt;/b&gt;" in page
    assert "Director" in page
    assert "2 times sent" in page
    assert "the-secret-key" not in page
    assert "Type of phone" not in page, "there is no phone"
    again = "/panel/people/a-person/resend?then=higher-logic"
    assert f'action="{again}"' in page
    answer = browsing.submit(staff, "/panel/people/a-person/higher-logic", again)
    assert answer.location == "/panel/people/a-person/higher-logic"
    shown = staff.get(answer.location).text
    assert "is sent to Higher Logic again" in shown
    now = "/panel/people/a-person/higher-logic/now"
    assert f'data-progress-of="{now}?"' in shown
    assert staff.get(now).text.count("data-running") == shown.count("data-running") == 1
    pushing.run()
    arrived = staff.get(now).text
    assert "data-running" not in arrived, "the page asks no more"
    assert "<dt>Job title</dt><dd>Director</dd>" in arrived
    assert "3 times sent" in staff.get(answer.location).text
    assert 'href="/panel/people/a-person/higher-logic"' in staff.get("/panel/people/a-person").text


def test_of_a_company_that_was_never_sent_there_is_nothing(staff: FlaskClient) -> None:
    factories.company(key="a-company")
    page = staff.get("/panel/companies/a-company/higher-logic").text
    assert "Nothing was sent" in page
    assert "Send again" not in page


def test_nothing_is_called_on_its_way_that_is_not(staff: FlaskClient) -> None:
    person = factories.person(key="a-person", account=True, company=factories.company())
    factories.group(type="security", sync=True)
    path = "/panel/people/a-person/higher-logic"
    assert "Nothing is sent until an owner has entered" in staff.get(path).text
    connection.change(base_url="http://127.0.0.1:9", tenant_code="ACME", api_key="a-key")
    db.session.commit()
    for page in (path, "/panel/people/a-person"):
        assert "has not accepted this person’s company yet" in staff.get(page).text
    person.company = None
    db.session.commit()
    assert "On its way to Higher Logic." in staff.get(path).text
    connection.get().stopped_at, connection.get().stopped_reason = now(), "It refused our key."
    db.session.commit()
    page = staff.get(path).text
    assert "It refused our key.</p>" in page
    assert "On its way" not in page
    # Of who is out of use nothing is sent, however often it is asked for.
    deactivation.deactivate(person)
    db.session.commit()
    for page in (path, "/panel/people/a-person"):
        assert "Send again" not in staff.get(page).text
    browsing.submit(staff, "/panel/people/new", "/panel/people/a-person/resend")
    assert "There is nothing to send" in staff.get(path).text
