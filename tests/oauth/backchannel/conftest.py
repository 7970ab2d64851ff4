"""A client's server that listens, somebody who signed in and out there, and what came of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select, update

from idp.database import db, now
from idp.oauth import backchannel
from idp.oauth.logout_notices import LogoutNotice
from idp.signin.sessions import SignInSession
from tests.oauth.conftest import Site, claims_of, sign_in, site_in
from tests.receiver import Receiver, receiving


@pytest.fixture
def app(fresh_app: Flask, redis_server: str) -> Flask:
    """An app whose notices are this test's alone."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return fresh_app


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def other() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def told_at(app: Flask, receiver: Receiver, **options: Any) -> Site:
    """A site whose server listens at the receiver, with somebody who signed in and out again."""
    site = site_in(app, backchannel_logout_uri=receiver.url, **options)
    sign_in_and_out(site)
    return site


def sign_in_and_out(site: Site) -> dict[str, Any]:
    """Gives the ID token's claims."""
    member = sign_in(site.app, site.browser)
    claims = claims_of(site.tokens()["id_token"])
    with site.app.app_context():
        row = db.session.get(SignInSession, member.session_id)
        row.ended_at = now()
        db.session.commit()
    return claims


def tell(app: Flask) -> dict[str, int]:
    """What a worker does when it is woken."""
    with app.app_context():
        return backchannel.tell()


def notices(app: Flask, *conditions: Any) -> list[LogoutNotice]:
    with app.app_context():
        rows = db.session.scalars(
            select(LogoutNotice).where(*conditions).order_by(LogoutNotice.id)
        ).all()
        db.session.expunge_all()
        return list(rows)


def later(app: Flask, redis_server: str) -> None:
    """Time passes: what waits is due, and who was away is asked again."""
    with app.app_context():
        db.session.execute(
            update(LogoutNotice).where(LogoutNotice.due_at.is_not(None)).values(due_at=now())
        )
        db.session.commit()
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
