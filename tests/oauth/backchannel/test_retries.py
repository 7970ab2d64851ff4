"""What was not taken is told again, not for ever, and never twice at once."""

import datetime as dt
import itertools
import json
import threading
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from flask import Flask
from redis import Redis
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from idp.database import db, now
from idp.encryption import Unreadable
from idp.jobs import queue
from idp.oauth import backchannel
from idp.oauth.logout_notices import LogoutNotice
from tests.oauth.backchannel.conftest import later, notices, sign_in_and_out, tell, told_at
from tests.oauth.conftest import claims_of, site_in
from tests.receiver import Receiver


@pytest.mark.compliance("BC5")
def test_what_is_refused_is_tried_again_then_logged_and_kept(
    app: Flask, receiver: Receiver, redis_server: str
) -> None:
    receiver.status = 400
    receiver.body = json.dumps({"error": "invalid_request"}).encode()
    told_at(app, receiver)
    waits: list[dt.timedelta] = []
    with capture_logs() as logged:
        for attempt in range(1, backchannel.ATTEMPTS):
            assert tell(app)["postponed"] == 1
            assert tell(app)["postponed"] == 0, "not before its time"
            notice = notices(app)[0]
            assert notice.attempts == attempt
            waits.append(notice.due_at - now())
            later(app, redis_server)
        assert tell(app) == {"delivered": 0, "postponed": 0, "given_up": 1, "skipped": 0}
    assert dt.timedelta(seconds=40) < waits[0] < dt.timedelta(seconds=61)
    assert all(after > before for before, after in itertools.pairwise(waits))
    assert dt.timedelta(hours=1) < sum(waits, dt.timedelta()) < dt.timedelta(hours=4)

    notice = notices(app)[0]
    assert (notice.due_at, notice.delivered_at) == (None, None)
    assert notice.last_answer == '400 {"error": "invalid_request"}'
    assert len(receiver.forms) == backchannel.ATTEMPTS
    assert len({claims_of(token)["jti"] for token in receiver.tokens}) == backchannel.ATTEMPTS
    told = [entry["event"] for entry in logged]
    assert told == ["logout notice not taken"] * 7 + ["logout notice given up"]
    assert not any(token in str(logged) for token in receiver.tokens)


def test_an_answer_that_echoes_the_token_is_kept_without_it(app: Flask, receiver: Receiver) -> None:
    receiver.status = 400
    receiver.body = b"What is \x1b[31m this? "
    told_at(app, receiver)
    echo = receiver._take

    def echoing(request: Any) -> None:
        length = int(request.headers["Content-Length"])
        form = request.rfile.peek(length)[:length]
        receiver.body += form
        echo(request)

    receiver._take = echoing  # type: ignore[method-assign]
    assert tell(app)["postponed"] == 1
    assert notices(app)[0].last_answer == "400 What is [31m this? …"


def test_a_site_that_comes_back_is_told_then(
    app: Flask, receiver: Receiver, redis_server: str
) -> None:
    receiver.status = 503
    told_at(app, receiver)
    assert tell(app)["postponed"] == 1
    receiver.status = 200
    later(app, redis_server)
    assert tell(app)["delivered"] == 1


def test_a_site_that_is_away_is_left_alone_for_a_while(
    app: Flask, receiver: Receiver, redis_server: str
) -> None:
    """A dead site with many members must not keep the workers busy with waiting."""
    receiver.status = 503
    site = told_at(app, receiver)
    assert tell(app)["postponed"] == 1
    sign_in_and_out(site)
    assert tell(app)["postponed"] == 0
    with app.app_context():
        assert not backchannel.tick()
    assert notices(app)[1].attempts == 0, "that costs no try"
    with Redis.from_url(redis_server) as redis:
        flags = redis.keys(f"tessera:logout:away:{site.row_id}")
        assert 0 < redis.ttl(flags[0]) <= backchannel.AWAY_SECONDS
        redis.flushall()
    receiver.status = 200
    assert tell(app)["delivered"] == 1


def test_a_site_that_answers_one_of_two_is_not_away(app: Flask, receiver: Receiver) -> None:
    site = site_in(app, backchannel_logout_uri=receiver.url)
    for _ in range(2):
        sign_in_and_out(site)
    statuses = iter([503, 200, 200])
    take = receiver._take

    def in_turn(request: Any) -> None:
        receiver.status = next(statuses)
        take(request)

    receiver._take = in_turn  # type: ignore[method-assign]
    receiver.one_by_one()
    totals = tell(app)
    assert (totals["delivered"], totals["postponed"]) == (1, 1)
    sign_in_and_out(site)
    assert tell(app)["delivered"] == 1


def test_a_refusal_of_one_notice_holds_no_other_back(app: Flask, receiver: Receiver) -> None:
    receiver.status = 400
    site = told_at(app, receiver)
    assert tell(app)["postponed"] == 1
    receiver.status = 200
    sign_in_and_out(site)
    assert tell(app)["delivered"] == 1


def test_of_one_client_a_few_are_told_at_a_time(
    app: Flask, receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backchannel, "OF_ONE_CLIENT", 2)
    many = site_in(app, backchannel_logout_uri=receiver.url)
    for _ in range(5):
        sign_in_and_out(many)
    one = told_at(app, other)
    with app.app_context():
        claimed = [claim.client_id for claim in backchannel.claim()]
    assert sorted(claimed) == sorted([many.client_id, many.client_id, one.client_id])
    with app.app_context():
        assert len(backchannel.claim()) == 2, "what another holds is not claimed again"


def test_two_workers_tell_each_notice_once(app: Flask, receiver: Receiver) -> None:
    site = site_in(app, backchannel_logout_uri=receiver.url)
    for _ in range(6):
        sign_in_and_out(site)
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        tell(app)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.forms) == 6
    assert {notice.attempts for notice in notices(app)} == {1}


def test_a_slower_worker_than_its_lease_changes_nothing(app: Flask, receiver: Receiver) -> None:
    told_at(app, receiver)
    with app.app_context():
        mine = backchannel.claim()
        db.session.execute(update(LogoutNotice).values(due_at=now()))
        db.session.commit()
        theirs = backchannel.claim()
        assert [claim.id for claim in mine] == [claim.id for claim in theirs]
        backchannel.settle(theirs, backchannel.deliver(theirs), backchannel.Totals())
        late = [backchannel.Outcome("too late")]
        backchannel.settle(mine, late, backchannel.Totals())
    notice = notices(app)[0]
    assert notice.delivered_at is not None
    assert (notice.due_at, notice.last_answer) == (None, "200")


def test_without_a_readable_key_no_try_is_used_up(
    app: Flask, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_at(app, receiver)
    app.extensions.pop("tessera-signing-keys", None)
    monkeypatch.setitem(
        app.extensions, "tessera-cipher", MultiFernet([Fernet(Fernet.generate_key())])
    )
    with pytest.raises(Unreadable):
        tell(app)
    assert notices(app)[0].attempts == 0


def test_one_job_waits_and_the_clock_finds_what_nobody_woke(
    app: Flask, receiver: Receiver, redis_server: str
) -> None:
    site = told_at(app, receiver)
    sign_in_and_out(site)

    def waiting() -> int:
        with app.app_context():
            return len(queue(backchannel.QUEUE))

    assert waiting() == 1
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    with app.app_context():
        assert backchannel.tick()
    assert waiting() == 1
    assert tell(app)["delivered"] == 2
    with app.app_context():
        assert not backchannel.tick()


def test_a_job_gives_way_and_the_next_one_goes_on(
    app: Flask, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, redis_server: str
) -> None:
    monkeypatch.setattr(backchannel, "OF_ONE_CLIENT", 1)
    monkeypatch.setattr(backchannel, "JOB_SECONDS", 0.0)
    site = site_in(app, backchannel_logout_uri=receiver.url)
    for _ in range(2):
        sign_in_and_out(site)
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    assert tell(app)["delivered"] == 1
    with app.app_context():
        assert len(queue(backchannel.QUEUE)) == 1
        assert db.session.scalar(select(func.count()).where(LogoutNotice.due_at <= now())) == 1


def test_redis_away_stops_no_delivery(
    app: Flask, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "tessera-redis", Redis.from_url("unix:///nowhere.sock"))
    told_at(app, receiver)
    assert tell(app)["delivered"] == 1
