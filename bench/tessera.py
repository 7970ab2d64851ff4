"""Tessera, as its own command serves it: one web process, on SQLite or Postgres."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import Fernet
from sqlalchemy import select

from bench import processes, sites
from bench.postgres import Cluster
from bench.sites import Site
from idp import settings as deployment
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Person as Contact
from idp.oauth import registration
from idp.signin import passwords
from launch import sample, schema
from launch.redis import RedisServer
from tests.serving import free_port
from wsgi import create_app


class Person(NamedTuple):
    """A member of the sample association."""

    key: str
    email: str
    given_name: str
    family_name: str


@contextmanager
def running(
    folder: Path, cluster: Cluster | None, signed_in: int
) -> Iterator[tuple[Site, list[Person]]]:
    """Tessera on the core that we are on, with the sample association, some of it signed in.

    Gives also everybody with an account, those who are signed in first.
    """
    kind = "sqlite" if cluster is None else "postgres"
    folder.mkdir()
    port = free_port()
    with RedisServer(folder / "redis.sock") as redis:
        settings = {
            "TESSERA_DATA_DIR": str(folder / "var"),
            "TESSERA_PORT": str(port),
            "TESSERA_REDIS_URL": redis.address,
            "TESSERA_SECRET_KEY": "s" * 48,
            "TESSERA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "TESSERA_WEB_WORKERS": "1",
        }
        if cluster is not None:
            settings["TESSERA_DATABASE_URL"] = cluster.address
        client_id, secret, people = _prepared(settings, signed_in)
        env = {**os.environ, **settings}
        arguments = [sys.executable, "-m", "launch", "web"]
        with processes.running(arguments, env, folder / "log") as pid:
            site = Site(
                name=f"tessera-{kind}",
                issuer=f"http://127.0.0.1:{port}",
                client_id=client_id,
                client_secret=secret,
                roots={"server": pid},
            )
            if redis.process is not None:
                site.roots["redis"] = redis.process.pid
            if cluster is not None:
                site.roots["database"] = cluster.pid
            site.discover()
            for person in people[:signed_in]:
                site.members.append(sites.sign_in(site, person.key, person.email, sample.PASSWORD))
            yield site, people


def _prepared(settings: dict[str, str], signed_in: int) -> tuple[str, str, list[Person]]:
    os.environ.update(settings)
    try:
        given = deployment.load()
    finally:
        for name in settings:
            del os.environ[name]
    app = create_app(given)
    with app.app_context():
        schema.upgrade()
        sample.load(given, lambda _kind, _done, _total: None)
        client, secret = registration.create("Bench", "oidc", [sites.CALLBACK])
        if secret is None:
            raise RuntimeError("A web app has a secret.")
        rows = db.session.scalars(
            select(Account)
            .join(Contact, Contact.id == Account.person_id)
            .where(Contact.active, Account.deactivated_at.is_(None))
            .order_by(Contact.id)
        ).all()
        people = [
            Person(row.person.key, row.person.email, row.person.first_name, row.person.last_name)
            for row in rows
        ]
        for account in rows[:signed_in]:
            passwords.set_password(account, sample.PASSWORD)
        made = client.client_id
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    return made, secret, people
