"""An association with something on every page, beside a sandbox that knows it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, abort
from sqlalchemy import insert, select, update

from idp import association, jobs, logo, prepared
from idp.database import db, now
from idp.directory import fields, import_runs, membership
from idp.directory.import_runs import work
from idp.directory.photos import Photo
from idp.directory.photos.logos import made_logo
from idp.oauth import registration
from idp.oauth.clients import Client
from idp.settings import Settings
from idp.signin import recovery
from idp.signin.sessions import SignInSession
from sandbox.app import create_app as create_sandbox
from sandbox.services import EXTENSION
from sandbox.settings import Settings as SandboxSettings
from sync import connection, ledger
from sync.delivery import pushing
from sync.removals import held
from tests import factories, pictures
from tests.serving import address_of, free_port, serving
from wsgi import create_app

OWNER = "owner@example.org"
READER = "reader@example.org"
KEY = "key-that-higher-logic-gave-us"
# Rules of the URL map name what they are about; this stands for it.
Named = dict[str, dict[str, str]]


@dataclass
class Site:
    """Tessera and the sandbox, each with the addresses of all its pages' subjects."""

    app: Flask
    base: str
    sandbox: Flask
    sandbox_base: str
    named: Named
    sandbox_named: Named
    clients: dict[str, str]
    imports: dict[str, str]


@contextmanager
def running(settings: Settings, folder: Path) -> Iterator[Site]:
    """Both on loopback, with the pages of every error, and an owner for whom nothing is done."""
    port, sandbox_port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    app = create_app(settings.model_copy(update={"public_url": base}))
    app.add_url_rule("/failing/<int:status>", "failing", _fail)
    with app.app_context():
        jobs.connection().flushall()
        sandbox_base = f"http://127.0.0.1:{sandbox_port}"
        clients = _clients(sandbox_base)
        sandbox = create_sandbox(
            SandboxSettings(
                port=sandbox_port,
                data_dir=folder / "sandbox",
                api_key=KEY,
                issuer=base,
                **clients,
            )
        )
        factories.account(role="owner", email=OWNER, first_name="Olga", last_name="Owner", key="me")
        try:
            with serving(app, port), serving(sandbox, sandbox_port) as other:
                yield Site(app, base, sandbox, address_of(other), {}, {}, clients, {})
        finally:
            sandbox.extensions[EXTENSION].close()
            db.session.remove()
            prepared.release()
            db.engine.dispose()


def _fail(status: int) -> Any:
    if status == 500:
        raise RuntimeError("a page fails")
    abort(status)


def _clients(sandbox_base: str) -> dict[str, str]:
    security = f"{sandbox_base}/HigherLogic/Security"
    made = {
        "community": registration.create(
            "Community",
            "higher-logic",
            [f"{security}/OAuth/Authentication.aspx"],
            [f"{security}/LoggedOut.aspx"],
            f"{security}/FrontChannelLogout.aspx",
        ),
        "conference": registration.create(
            "Annual conference",
            "oidc",
            [f"{sandbox_base}/conference/callback"],
            [f"{sandbox_base}/conference/signed-out"],
        ),
    }
    db.session.commit()
    found = {}
    for name, (client, secret) in made.items():
        found[f"{name}_client_id"] = client.client_id
        found[f"{name}_client_secret"] = secret or ""
    return found


def fill(site: Site, folder: Path) -> None:
    """People with all that can be known of them, groups in every state, imports of every state,
    and what Higher Logic took, refused and waits for."""
    # A long name, and a colour that neither white nor a link in it could be read on.
    association.change(
        name="Northwind Society of Marine Engineers and Naval Architects",
        colour="#ffd500",
        time_zone="America/New_York",
    )
    region = fields.create("Region", "one_of", choices=["North", "South"], in_members_section=True)
    fields.create("Member since", "date")
    company = factories.company(
        key="a-company", name="Northwind Engines", city="Leeds", website="https://northwind.example"
    )
    factories.company(key="other", name="Northwind Engines")
    ada = factories.account(
        key="a-person",
        email="ada@example.org",
        first_name="Ada",
        last_name="Byron",
        company=company,
        job_title="Analyst",
        bio="<p>Writes <b>programs</b>.</p>",
        website="https://ada.example.org",
    ).person
    fields.set_value(ada, region, region.choices[0].key)
    factories.photo(ada)
    factories.account(role="reader", email=READER, first_name="Rita", last_name="Reader")
    factories.account(email="invited@example.org", first_name="Ivo", password=None)
    people = [factories.person(account=number % 2 == 0) for number in range(60)]
    factories.person(first_name="Ada", last_name="Byron", key="namesake")
    _imports(site, folder)
    _groups(ada, people)
    app_client, _ = registration.create("An app", "app", ["https://site.example.org/back"])
    closed, _ = registration.create("A closed site", "oidc", ["https://site.example.org/back"])
    members_only = factories.group(
        {"field": "member_status", "op": "is", "value": "nobody"}, name="Board", key="board"
    )
    registration.change(closed, permitted_groups=[members_only])
    site.clients |= {"app": app_client.client_id, "closed": closed.client_id}
    connection.change(base_url=site.sandbox_base, tenant_code="SANDBOX", api_key=KEY)
    db.session.commit()
    pushing.run()
    _troubles(people)
    photo = db.session.scalars(select(Photo)).one()
    look = logo.keep(made_logo(pictures.file(kind="PNG")))
    db.session.commit()
    invited = factories.account(email="new@example.org", password=None)
    site.named.update(
        panel_people={"key": "a-person", "field": region.key},
        panel_companies={"key": "a-company", "field": region.key},
        panel_fields={"key": region.key},
        panel_groups={"key": "committee", "contact": "a-person"},
        panel_clients=dict.fromkeys(("client_id", "key"), site.clients["community_client_id"]),
        panel_imports={"key": site.imports["done"]},
        **{"panel_imports.columns": {"key": site.imports["uploaded"]}},
        recovery={"token": recovery.make_token(invited)},
        logo={"token": look.logo_token or ""},
        photo_files={"token": photo.token, "size": "256"},
    )
    site.sandbox_named.update(
        community={"key": "committee"},
        hl_admin={"key": "a-person", "section": "security-groups"},
        **{"hl_admin.group": {"key": "committee", "section": "communities"}},
    )
    db.session.rollback()


def _groups(ada: Any, people: list[Any]) -> None:
    factories.group(name="Current members", key="current", type="security", sync=True)
    committee = factories.group(
        {"field": "region", "op": "is", "value": "South"},
        name="Policy Committee",
        key="committee",
        type="community",
        sync=True,
    )
    day = dt.date(2026, 1, 31)
    membership.add(committee, ada, role="Chair", begin_on=day, end_on=None)
    added = [
        membership.add(committee, person, role="", begin_on=None, end_on=None)
        for person in people[:4]
    ]
    membership.shut_out(committee, people[5])
    db.session.commit()
    membership.remove(added[3])
    db.session.commit()


def _imports(site: Site, folder: Path) -> None:
    file = folder / "people.csv"
    file.write_text(
        "Key,First Name,Last Name,Email,Dues\n"
        "p1,Ada,Marsh,ada.marsh@example.org,12\np2,Bob,Ray,bob at home,x\n"
    )

    def made(name: str) -> Any:
        run = import_runs.make("people", file, name, OWNER)
        db.session.commit()
        return run

    for state, steps in (("uploaded", 0), ("checked", 1), ("done", 2)):
        run = made(f"people-{state}.csv")
        for ask in (import_runs.check, import_runs.start)[:steps]:
            ask(run)
            work.work()
        site.imports[state] = run.key
    for state in ("running", "failed", "cancelled"):
        run = made(f"people-{state}.csv")
        run.state, run.rows_done, run.rows_total = state, 40, 100  # type: ignore[assignment]
        run.message = "The file ends in the middle of a row." if state == "failed" else ""
        site.imports[state] = run.key
        db.session.commit()


def _troubles(people: list[Any]) -> None:
    row = ledger.table.c
    refused, waiting, kept = people[0], people[2], people[4]
    db.session.execute(
        update(ledger.table)
        .where(row.contact_id == refused.id)
        .values(accepted=0, refused=row.wanted, last_error="EmailAddress is not an address.")
    )
    db.session.execute(
        update(ledger.table).where(row.contact_id == waiting.id).values(wanted=row.wanted + 1)
    )
    values = {"group_key": "committee", "at": now()}
    for person, standing in ((waiting, "held"), (kept, "refused")):
        db.session.execute(
            insert(held.removals), {**values, "contact_id": person.id, "standing": standing}
        )
    db.session.execute(
        insert(held.holds),
        {"group_key": "committee", "since": now(), "reason": "nobody would be left in it"},
    )
    db.session.commit()


def forget_clients() -> None:
    """No site is registered yet."""
    for client in db.session.scalars(select(Client)):
        db.session.delete(client)
    db.session.commit()


def time_passes() -> None:
    """The password was given long ago."""
    db.session.execute(update(SignInSession).values(started_at=now() - dt.timedelta(hours=2)))
    db.session.commit()
