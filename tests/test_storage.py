"""What both databases must do alike (ST)."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, StatementError

from idp.database import db, now
from idp.directory.contacts import Company
from idp.signin.sessions import SignInSession, hashed
from tests import factories

TOKYO = dt.timezone(dt.timedelta(hours=9))
MOMENTS = [
    dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC),  # the night of a change of clocks
    dt.datetime(2026, 10, 25, 10, 0, 0, 123_456, tzinfo=TOKYO),
    dt.datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
]


@pytest.mark.compliance("ST1")
def test_a_test_with_the_app_runs_on_the_database_of_its_name(
    app: Flask, request: pytest.FixtureRequest
) -> None:
    expected = {"sqlite": "sqlite", "postgres": "postgresql"}
    assert db.engine.dialect.name == expected[request.node.callspec.params["database_address"]]


@pytest.mark.compliance("ST2")
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_moment_comes_back_as_the_same_moment_in_utc(app: Flask, moment: dt.datetime) -> None:
    account = factories.account()
    row = SignInSession(token_hash=hashed("x"), account=account, epoch=1, expires_at=moment)
    db.session.add(row)
    db.session.commit()
    db.session.expire_all()
    assert row.expires_at == moment
    assert row.expires_at.tzinfo is dt.UTC
    same = select(func.count()).where(SignInSession.expires_at == moment)
    later = select(func.count()).where(SignInSession.expires_at > moment.astimezone(dt.UTC))
    assert db.session.scalar(same) == 1
    assert db.session.scalar(later) == 0


@pytest.mark.compliance("ST2")
def test_a_moment_without_a_zone_is_not_kept(app: Flask) -> None:
    account = factories.account()
    naive = now().replace(tzinfo=None)
    row = SignInSession(token_hash=hashed("x"), account=account, epoch=1, expires_at=naive)
    db.session.add(row)
    with pytest.raises(StatementError, match="a moment needs a time zone"):
        db.session.commit()
    db.session.rollback()


@pytest.mark.compliance("ST4")
def test_of_parallel_writes_of_one_key_exactly_one_is_kept(app: Flask) -> None:
    start = threading.Barrier(4)

    def write() -> bool:
        with app.app_context():
            start.wait()
            db.session.add(Company(name="Engines Ltd", key="the-same-key"))
            try:
                db.session.commit()
            except IntegrityError:
                db.session.rollback()
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda _: write(), range(4)))
    assert sorted(kept) == [False, False, False, True]
    mine = select(func.count()).where(Company.key == "the-same-key")
    assert db.session.scalar(mine) == 1
