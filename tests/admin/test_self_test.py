"""The self-test's page: started by an owner, played by a worker, watched until it is over."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from idp import jobs
from idp.audit import AuditEvent
from idp.database import db
from idp.directory.accounts import Account
from idp.oauth import clients, registration
from idp.oauth.self_test import job
from idp.oauth.self_test.steps import Result
from sync import ledger
from tests import browsing, factories
from tests.serving import free_port


@pytest.fixture
def path(app: Flask) -> str:
    """The page of a client, at a public address where nobody answers."""
    settings = app.config["TESSERA"]
    address = f"http://127.0.0.1:{free_port()}"
    app.config["TESSERA"] = settings.model_copy(update={"public_url": address})
    made, _secret = registration.create("HL", "higher-logic", ["https://hl.example.org/cb"])
    db.session.commit()
    return f"/panel/clients/{made.client_id}/self-test"


def work(app: Flask) -> None:
    """Let a worker do what is waiting."""
    db.session.rollback()
    jobs.worker(app, [job.QUEUE]).work(burst=True)


def started(owner: FlaskClient, path: str, member: str) -> str:
    """Start a test; where the page is then."""
    answer = browsing.submit(owner, path, member=member)
    assert answer.status_code == 303
    return answer.location.partition("#")[0]


def test_a_worker_plays_it_and_the_page_says_what_to_do(
    app: Flask, owner: FlaskClient, path: str
) -> None:
    email = factories.account(first_name="Mary", last_name="Somerville").person.email
    there = started(owner, path, email)
    page = owner.get(there).text
    assert "Waiting to begin" in page
    assert page.count("To come") == 14
    assert '<meta http-equiv="refresh"' in page
    work(app)
    page = owner.get(there).text
    assert "One step fails" in page
    assert "cannot be reached at its own public address" in page
    assert "Check that TESSERA_PUBLIC_URL is the address that browsers use" in page
    assert '<meta http-equiv="refresh"' not in page
    part = owner.get(f"{path}/progress?{urlsplit(there).query}").text
    assert "One step fails" in part
    assert "<html" not in part
    tested = [row for row in db.session.scalars(select(AuditEvent)) if "self-test" in row.name]
    assert [row.name for row in tested] == [
        "staff:client:self-test-started",
        "staff:client:self-tested",
    ]
    assert {row.actor for row in tested} == {owner_email()}
    audit = owner.get("/panel/audit/").text
    assert "The self-test of" in audit
    assert "result: failed" in audit


def owner_email() -> str:
    """The address of the owner whose browser it is."""
    account = db.session.scalars(select(Account).where(Account.role == "owner")).one()
    return account.person.email


def test_all_works_is_said_in_a_line(
    app: Flask, owner: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_client: object, _account: object, *, actor: str, tell: object) -> None:
        for step in job.self_test.STEPS:
            tell(Result(step.name, step.title, "ok", step.did, "<b>Seen</b>"))  # type: ignore[operator]

    monkeypatch.setattr(job.self_test, "run", run)
    there = started(owner, path, owner_email())
    work(app)
    page = owner.get(there).text
    assert "All of it works: Higher Logic can sign members in" in page
    assert "<b>Seen" not in page
    assert page.count(">Works<") == 14


def test_a_test_that_broke_off_says_so(
    app: Flask, owner: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(job.self_test, "run", run)
    there = started(owner, path, owner_email())
    work(app)
    page = owner.get(there).text
    assert "The test broke off" in page
    assert "the database is away" not in page


def test_a_worker_that_is_not_there_is_missed(
    app: Flask, owner: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = started(owner, path, owner_email())
    assert "tessera worker" not in owner.get(there).text
    monkeypatch.setattr(job, "PATIENCE_SECONDS", -1)
    assert "tessera worker" in owner.get(there).text
    monkeypatch.setattr(job.jobs, "queue", _away)
    answer = browsing.submit(owner, path, member=owner_email())
    assert "Redis is away. Try again in a minute." in answer.text


def _away(_name: str) -> None:
    raise redis.ConnectionError


def test_a_member_who_cannot_sign_in_is_said_at_the_field(
    app: Flask, owner: FlaskClient, path: str
) -> None:
    gone = factories.account(active=False).person.email
    for member, words in ((gone, "cannot sign in"), ("x@example.org", "nobody’s e-mail address")):
        answer = browsing.submit(owner, path, member=member)
        assert answer.status_code == 200
        assert re.search(f'id="chosen-error">[^<]*{words}', answer.text)
    assert jobs.queue(job.QUEUE).count == 0


def test_another_clients_run_and_another_job_are_not_shown(
    app: Flask, owner: FlaskClient, path: str
) -> None:
    there = started(owner, path, owner_email())
    run = parse_qs(urlsplit(there).query)["run"][0]
    other, _secret = registration.create("Other", "higher-logic", ["https://hl.example.org/cb"])
    mail = jobs.queue(job.QUEUE).enqueue(_away, "x")
    db.session.commit()
    for page in (
        f"/panel/clients/{other.client_id}/self-test?run={run}",
        f"{path}?run={mail.id}",
        f"{path}?run=nothing",
        f"{path}?run={'x' * 500}",
    ):
        shown = owner.get(page).text
        assert "no longer kept" in shown, page
        assert "To come" not in shown
    assert job.progress(clients.find(other.client_id), "") is None


def test_it_says_whether_higher_logic_knows_the_member(
    app: Flask, owner: FlaskClient, path: str
) -> None:
    account = factories.account()
    query = {"member": account.person.email}
    assert "is told nothing of this member" in owner.get(path, query_string=query).text
    factories.group(type="security", sync=True)
    assert "has not accepted this record yet" in owner.get(path, query_string=query).text
    row = db.session.get_one(ledger.Ledger, account.person.id)
    row.accepted, row.accepted_at = row.wanted, account.created_at
    db.session.commit()
    assert "has accepted this record, under the same key" in (
        owner.get(path, query_string=query).text
    )
    row.wanted += 1
    db.session.commit()
    assert "its last change is not accepted yet" in owner.get(path, query_string=query).text


def test_other_clients_have_no_self_test(app: Flask, owner: FlaskClient) -> None:
    made, _secret = registration.create("A shop", "oidc", ["https://shop.example.org/"])
    db.session.commit()
    for more in ("", "/progress"):
        assert owner.get(f"/panel/clients/{made.client_id}/self-test{more}").status_code == 404
