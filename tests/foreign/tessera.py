"""Tessera as its users have it: the web server in two processes, on a database of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from idp.database import db
from idp.oauth import registration
from idp.settings import Settings
from tests import databases, factories
from tests.stack import Person, Stack
from wsgi import create_app


@dataclass(frozen=True)
class Member:
    """Somebody who can sign in."""

    key: str
    email: str
    account_id: int


class Tessera:
    """The running web server, and a hand in its database as the panel has."""

    def __init__(self, stack: Stack, app: Flask) -> None:
        self.stack = stack
        self.app = app
        self.issuer = stack.url

    def client(self, template: str, *redirect_uris: str, **more: Any) -> dict[str, str | None]:
        """Register a site; its ``client_id`` and ``client_secret``."""
        with self.app.app_context():
            made, secret = registration.create("A site", template, redirect_uris, **more)
            db.session.commit()
            return {"client_id": made.client_id, "client_secret": secret}

    def member(self) -> Member:
        """A member with an account and ``factories.PASSWORD``."""
        with self.app.app_context():
            account = factories.account()
            return Member(account.person.key, account.person.email, account.id)

    def browser(self) -> Person:
        """Somebody new at a browser."""
        return Person(self.issuer)


@contextmanager
def running(folder: Path, database: str, request: pytest.FixtureRequest) -> Iterator[Tessera]:
    """Tessera on a new database of a kind (``sqlite``, ``postgres``)."""
    stack = Stack(folder, databases.migrated(database, folder / "var", request))
    # What one process makes, the other must know: codes, clients, keys.
    stack.env["TESSERA_WEB_WORKERS"] = "2"
    prefix = "TESSERA_"
    given = {
        name.removeprefix(prefix).lower(): value
        for name, value in stack.env.items()
        if name.startswith(prefix)
    }
    try:
        stack.redis.start()
        stack.start("web")
        app = create_app(Settings(**given))
        yield Tessera(stack, app)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    finally:
        stack.stop()


def missing(what: str) -> None:
    """A program that the tests need is not here: they are skipped, but not in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
