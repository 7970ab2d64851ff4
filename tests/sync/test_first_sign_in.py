"""Somebody signs in at Higher Logic whose record it has not accepted yet: that is pushed first."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask
from sqlalchemy import select, update

from idp import audit, prepared
from idp.audit import AuditEvent
from idp.database import db, now
from idp.directory import deactivation, groups
from idp.directory.accounts import Account
from idp.oauth.self_test.far_side import AGENT
from sync import connection, first_sign_in, ledger
from sync.delivery import leases, outcomes
from tests import factories
from tests.oauth.conftest import Member, Site, parameters_of, sign_in, site_in
from tests.serving import address_of, serving
from tests.sync.conftest import Statements, Tenant, member, push, row, synced, until


@pytest.fixture(autouse=True)
def nobody_is_pushing(app: Flask) -> Iterator[None]:
    """What a sign-in left behind has ended before the app goes."""
    yield
    desk: Any = app.extensions["tessera-first-sign-in"]
    desk._threads.shutdown(wait=True)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it takes: no test fails because the machine is busy."""
    monkeypatch.setattr(first_sign_in, "SECONDS", 30.0)


@pytest.fixture
def community(app: Flask) -> Site:
    """A Higher Logic community, and a browser at it."""
    return site_in(app, "higher-logic")


def arrive(site: Site, person: Any) -> dict[str, str]:
    """A person comes to the community for the first time, already signed in here."""
    _signed_in(site, person)
    return parameters_of(site.authorize())


def _signed_in(site: Site, person: Any) -> Member:
    account_id = db.session.scalar(select(Account.id).where(Account.person_id == person.id))
    db.session.rollback()
    return sign_in(site.app, site.browser, account_id)


def missed() -> list[tuple[str, dict[str, str]]]:
    """What the audit says of sign-ins that went on without: of whom, and the detail."""
    db.session.rollback()
    name = audit.Event.NOT_PUSHED_FIRST.value
    found = db.session.execute(
        select(AuditEvent.subject, AuditEvent.detail).where(AuditEvent.name == name)
    ).all()
    # On SQLite it would hold the one writer's place.
    db.session.rollback()
    return [(one.subject, one.detail) for one in found]


def reasons() -> list[str]:
    """Why sign-ins went on without."""
    return [detail["reason"] for _subject, detail in missed()]


class Arriving:
    """Somebody who arrives while the test goes on."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.answer: dict[str, str] | None = None
        db.session.rollback()
        self.thread = threading.Thread(target=self._arrive)
        self.thread.start()

    def _arrive(self) -> None:
        with self.site.app.app_context():
            self.answer = parameters_of(self.site.authorize())

    def over(self, seconds: float) -> dict[str, str]:
        """The answer that they get."""
        self.thread.join(seconds)
        assert self.answer is not None
        return self.answer


@pytest.mark.usefixtures("patient")
def test_who_waits_to_be_pushed_is_known_before_the_code_is_issued(
    tenant: Tenant, community: Site
) -> None:
    group, person, other = synced(), member(), member()
    answer = arrive(community, person)
    assert "code" in answer
    assert tenant.members(group.key) == {person.key}
    assert row(person).accepted == row(person).wanted
    assert row(other).accepted_at is None
    assert missed() == []


@pytest.mark.compliance("Y24")
@pytest.mark.usefixtures("patient")
def test_the_company_goes_first(tenant: Tenant, community: Site) -> None:
    company = factories.company()
    person, _colleague = member(company=company), member(company=company)
    synced()
    arrive(community, person)
    assert [one["keys"] for one in tenant.pushes()] == [[company.key], [person.key]]
    assert tenant.details(person.key)["ParentMemberKey"] == company.key


@pytest.mark.usefixtures("patient")
def test_who_is_in_no_synced_group_comes_into_the_feed_in_no_group(
    tenant: Tenant, community: Site
) -> None:
    nobody = {"field": "member_status", "op": "is", "value": "x"}
    group, company = synced(condition=nobody), factories.company()
    person, other = member(company=company), member(company=company)
    push()
    assert row(person) is None
    arrive(community, person)
    assert tenant.keys() == {person.key, company.key}
    assert tenant.contact(person.key)["SecurityGroups"] == []
    assert tenant.details(person.key)["ParentMemberKey"] == company.key
    assert row(other) is None
    # They are kept current from now on.
    person.job_title = "Analyst"
    db.session.commit()
    push()
    assert tenant.details(person.key)["Title"] == "Analyst"
    assert tenant.members(group.key) == set()


@pytest.mark.compliance("Y11")
def test_nothing_is_sent_while_no_groups_sync_is_on(tenant: Tenant, community: Site) -> None:
    factories.group(type="security")
    assert "code" in arrive(community, member())
    assert tenant.pushes() == []
    assert missed() == []


@pytest.mark.parametrize("changes", [{"api_key": ""}, {"tenant_code": ""}])
def test_nothing_is_sent_and_nothing_said_without_a_connection(
    tenant: Tenant, community: Site, changes: dict[str, str]
) -> None:
    synced()
    person = member()
    connection.change(**changes)
    db.session.commit()
    assert "code" in arrive(community, person)
    assert (tenant.pushes(), missed()) == ([], [])


def test_another_sites_sign_in_pushes_nothing_and_asks_nothing(app: Flask, tenant: Tenant) -> None:
    synced()
    person, site = member(), site_in(app)
    _signed_in(site, person)
    site.authorize()
    with Statements() as statements:
        assert "code" in parameters_of(site.authorize())
    assert not [one for one in statements.seen if "ledger" in one]
    assert tenant.pushes() == []


def test_the_self_test_arrives_nowhere(tenant: Tenant, community: Site) -> None:
    synced()
    _signed_in(community, member())
    answer = community.browser.get(
        "/oauth/authorize", query_string=community.parameters(), headers={"User-Agent": AGENT}
    )
    assert "code" in parameters_of(answer)
    assert tenant.pushes() == []


def test_a_sign_in_costs_one_small_read_where_nothing_waits(
    tenant: Tenant, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    person = member()
    push()
    _signed_in(community, person)
    community.authorize()
    seen: list[str] = []
    execute = prepared._Held.execute

    def noted(held: Any, sql: str, values: Any = ()) -> Any:
        seen.append(sql)
        return execute(held, sql, values)

    monkeypatch.setattr(prepared._Held, "execute", noted)
    with Statements() as statements:
        assert "code" in parameters_of(community.authorize())
    assert [one.split()[0] for one in seen] == ["SELECT", "SELECT", "INSERT"]
    assert statements.seen == []


@pytest.mark.compliance("Y22")
def test_the_sign_in_goes_on_when_higher_logic_does_not_answer_and_the_answer_still_counts(
    tenant: Tenant, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_sign_in, "SECONDS", 0.3)
    group, person = synced(), member()
    tenant.make(next_responses=[{"hang_seconds": 3, "after_taking": True}])
    assert "code" in arrive(community, person)
    ((subject, detail),) = missed()
    assert subject == person.key
    assert detail["reason"] == "Higher Logic did not answer within 0.3 seconds."
    assert detail["client"] == community.client_id
    # It took longer than somebody likes to wait, and is no outage.
    until(lambda: row(person).accepted_at is not None, 60)
    assert row(person).accepted == row(person).wanted
    assert tenant.members(group.key) == {person.key}
    assert connection.get().paused_until is None
    assert len(tenant.pushes()) == 1


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 503}, "Higher Logic has trouble of its own (503)."),
        ({"status": 401}, "Higher Logic refused the API key or the tenant code (401)."),
        ({"status": 429, "retry_after": "60"}, "Higher Logic asks us to slow down (429)."),
        ({"drop_connection": True}, "Higher Logic cannot be reached at this address."),
    ],
)
def test_the_sign_in_goes_on_when_the_push_fails_and_says_why(
    tenant: Tenant, community: Site, answer: dict[str, Any], reason: str
) -> None:
    synced()
    person, next_one = member(), member()
    tenant.make(next_responses=[answer])
    assert "code" in arrive(community, person)
    assert reasons() == [reason]
    # The gate is closed now: whoever comes next is not kept waiting for anything.
    assert "code" in arrive(site_in(community.app, "higher-logic"), next_one)
    assert reasons() == [reason, reason]
    assert len(tenant.pushes()) == 1


@pytest.mark.usefixtures("patient")
def test_a_refused_record_is_said_in_higher_logics_words_and_not_pushed_again(
    tenant: Tenant, community: Site
) -> None:
    synced()
    person = member()
    tenant.make(reject_keys={person.key: "This address is taken."})
    assert "code" in arrive(community, person)
    assert reasons() == ["This address is taken."]
    before = len(tenant.pushes())
    forget_tries(community.app)
    assert "code" in parameters_of(community.authorize())
    assert (len(tenant.pushes()), len(missed())) == (before, 1)


def forget_tries(app: Flask) -> None:
    """Time passes."""
    app.extensions["tessera-first-sign-in"]._tried.clear()


def test_coming_back_again_and_again_is_one_push(
    tenant: Tenant, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_sign_in, "SECONDS", 0.2)
    monkeypatch.setattr(first_sign_in, "AGAIN", 600.0)
    synced()
    person = member()
    tenant.make(next_responses=[{"status": 503, "hang_seconds": 1}])
    arrive(community, person)
    for _ in range(20):
        assert "code" in parameters_of(community.authorize())
    assert len(missed()) == 1
    until(lambda: bool(row(person).attempts), 60)
    assert len(tenant.pushes()) == 1


def test_few_are_pushed_at_once_and_the_others_go_on(
    tenant: Tenant, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_sign_in, "SECONDS", 0.2)
    app = community.app
    synced()
    people = [member() for _ in range(5)]
    most = app.config["TESSERA"].web_threads // 2
    tenant.make(next_responses=[{"hang_seconds": 4, "after_taking": True}] * 5)
    for person in people:
        assert "code" in arrive(site_in(app, "higher-logic"), person)
    assert len(reasons()) == 5
    assert sum(reason.startswith("Too many members") for reason in reasons()) == 5 - most
    until(lambda: sum(row(person).accepted_at is not None for person in people) == most, 60)


@pytest.mark.compliance("Y20")
@pytest.mark.usefixtures("patient")
def test_a_push_of_another_worker_is_waited_for(tenant: Tenant, community: Site) -> None:
    synced()
    person = member()
    _signed_in(community, person)
    (claim,) = leases.claim("another", 1)
    arriving = Arriving(community)
    time.sleep(0.3)
    assert arriving.answer is None
    outcomes.accept("another", [(claim, "digest", {})])
    assert "code" in arriving.over(30)
    assert (tenant.pushes(), missed()) == ([], [])


def test_a_push_of_another_worker_is_not_waited_for_for_long(
    tenant: Tenant, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_sign_in, "SECONDS", 0.3)
    synced()
    person = member()
    (claim,) = leases.claim("another", 1)
    assert claim.contact_id == person.id
    db.session.rollback()
    assert "code" in arrive(community, person)
    assert len(missed()) == 1
    assert tenant.pushes() == []


@pytest.mark.usefixtures("patient")
def test_what_waits_for_its_next_try_is_not_tried_before(tenant: Tenant, community: Site) -> None:
    synced()
    person = member()
    later = now().replace(year=now().year + 1)
    db.session.execute(update(ledger.table).values(next_try_at=later, last_error="Not now."))
    db.session.commit()
    assert "code" in arrive(community, person)
    assert reasons() == ["Not now."]
    assert tenant.pushes() == []


class _Silent(BaseHTTPRequestHandler):
    """Takes a push and never answers."""

    def do_POST(self) -> None:
        asked: threading.Event = self.server.asked  # type: ignore[attr-defined]
        over: threading.Event = self.server.over  # type: ignore[attr-defined]
        asked.set()
        over.wait(60)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """The tests' output is no access log."""


@pytest.fixture
def silent() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    server.asked, server.over = threading.Event(), threading.Event()
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    serving.join()


def test_the_request_ends_although_the_receiver_never_does_and_no_transaction_is_held(
    app: Flask, community: Site, silent: Any
) -> None:
    port = silent.server_address[1]
    connection.change(base_url=f"http://127.0.0.1:{port}", tenant_code="ACME", api_key="x" * 20)
    synced()
    person = member()
    _signed_in(community, person)
    arriving = Arriving(community)
    assert silent.asked.wait(30)
    # On SQLite this would wait for the one writer, had the sign-in a transaction open.
    other = member()
    assert other.id is not None
    db.session.rollback()
    assert "code" in arriving.over(30)
    assert not silent.over.is_set()
    assert len(missed()) == 1
    silent.over.set()
    until(lambda: bool(row(person).attempts), 60)


@pytest.mark.usefixtures("patient")
def test_trouble_of_our_own_is_said_and_the_sign_in_goes_on(
    tenant: Tenant, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced()
    person = member()

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("made up")

    monkeypatch.setattr(first_sign_in.pushing, "run", fails)
    assert "code" in arrive(community, person)
    assert reasons() == ["It could not be pushed: the log says why."]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("end", ["record", "group"])
def test_of_whom_nothing_is_to_be_told_nothing_is(
    tenant: Tenant, community: Site, end: str
) -> None:
    group, person = synced(), member()
    push()
    if end == "record":
        _signed_in(community, person)
        deactivation.deactivate(person)
        db.session.commit()
        answer = community.authorize()
        assert "/sign-in?" in answer.location
    else:
        groups.switch_sync(group, False)
        db.session.commit()
        assert "code" in arrive(community, person)
        # Higher Logic has a record to keep current.
        assert tenant.members(group.key) == set()
    assert missed() == []


@pytest.mark.usefixtures("patient")
def test_a_site_that_speaks_oauth_gets_the_key_that_higher_logic_has_by_then(
    tenant: Tenant, community: Site
) -> None:
    group, person = synced(), member()
    _signed_in(community, person)
    cookie = community.browser.get_cookie("tessera", domain="localhost")
    assert cookie is not None
    with (
        serving(community.app) as server,
        requests.Session() as browser,
        OAuth2Session(
            community.client_id,
            community.secret,
            scope="profile",
            redirect_uri=community.redirect_uri,
        ) as client,
    ):
        address = address_of(server)
        browser.cookies.set("tessera", cookie.value)
        url, state = client.create_authorization_url(f"{address}/oauth/authorize")
        arrived = browser.get(url, allow_redirects=False, timeout=30).headers["Location"]
        assert tenant.members(group.key) == {person.key}
        db.session.rollback()
        client.fetch_token(f"{address}/oauth/token", authorization_response=arrived, state=state)
        told = client.get(f"{address}/oauth/userinfo", timeout=30).json()
    assert told["sub"] == person.key


def test_in_a_process_that_is_ending_a_sign_in_goes_on(app: Flask) -> None:
    desk = first_sign_in._Desk(app)
    desk._threads.shutdown()
    arrival = first_sign_in._Arrival(1, None, 1)
    # As often as there are places: none of them is lost.
    for _ in range(desk._most + 1):
        assert desk.push(arrival) == "The server was about to end."
