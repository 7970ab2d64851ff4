"""A database of an older version is brought up to date with all that is in it (ST5)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Integer,
    MetaData,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from idp import association, prepared
from idp.database import JSONDocument, db, now
from idp.directory import fields
from idp.directory.accounts import ROLES, Account
from idp.directory.contacts import Person
from idp.oauth import clients
from idp.oauth.grants import Grant
from idp.oauth.tokens import Token
from idp.signin.sessions import SignInSession, hashed
from launch import schema
from sync import ledger
from tests.conftest import DATABASES
from tests.oauth.conftest import CALLBACK, basic, settings_on
from wsgi import create_app

SECRET, REFRESH = "the secret of a site", "a refresh token"
KEY = "the-key-of-ada"


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Flask]:
    """The app on a database without any table, with an app context pushed."""
    app = create_app(settings_on(request.param, tmp_path / "var", request))
    with app.app_context():
        yield app
        db.session.remove()
        prepared.release()
        db.engine.dispose()


def filled(table: Table, **values: Any) -> int:
    """Insert a row of which only what matters is said; gives its id."""
    row = dict(values)
    for column in table.columns:
        needs_one = not (column.nullable or column.server_default or column.primary_key)
        if needs_one and column.name not in row:
            kinds = {Integer: 0, Boolean: False, DateTime: now(), JSON: {}}
            fits = [kinds[kind] for kind in kinds if isinstance(column.type, kind)]
            row[column.name] = fits[0] if fits else ""
    result = db.session.execute(insert(table).values(**row))
    return int(result.inserted_primary_key[0])  # type: ignore[attr-defined]


def fill_first_version() -> None:
    """What a site, a member and their tokens were at the first revision."""
    found = MetaData()
    found.reflect(db.engine)
    table = found.tables
    person_id = filled(
        table["contact"],
        kind="person",
        key=KEY,
        first_name="Ada",
        last_name="Byron",
        active=True,
        phone="+44 20 1",
        mobile="+44 77 1",
    )
    account_id = filled(table["account"], person_id=person_id, email_key="ada@example.org")
    client_id = filled(
        table["oauth_client"],
        client_id="client-of-old",
        name="A site",
        template="oidc",
        secret_hash=hashed(SECRET),
        redirect_uris=[CALLBACK],
        post_logout_redirect_uris=[],
        scopes="openid profile offline_access",
        identifier_attribute="sub",
        pkce_required=True,
    )
    grant_id = filled(
        table["oauth_grant"],
        client_id=client_id,
        account_id=account_id,
        scope="openid profile offline_access",
        epoch=0,
        offline=True,
    )
    filled(
        table["token"],
        grant_id=grant_id,
        access_hash=hashed("an access token"),
        refresh_hash=hashed(REFRESH),
        scope="openid profile offline_access",
        access_expires_at=now() + dt.timedelta(hours=1),
        refresh_expires_at=now() + dt.timedelta(days=1),
    )
    db.session.commit()


def fill_second_version() -> None:
    """A mapping that names a column which was renamed since."""
    found = MetaData()
    found.reflect(db.engine, only=["oauth_client"])
    client = found.tables["oauth_client"]
    said = {"tel": "phone", "cell": "mobile", "who": "full_name"}
    db.session.execute(
        update(client).values(claim_map=bindparam("said", type_=JSONDocument)), {"said": said}
    )
    db.session.commit()


@pytest.mark.compliance("ST5")
def test_what_was_there_at_the_first_revision_still_works(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(schema.DIRECTORY), revision="0001")
    fill_first_version()
    flask_migrate.upgrade(directory=str(schema.DIRECTORY), revision="0002")
    fill_second_version()
    schema.upgrade()
    schema.check()
    client = clients.find("client-of-old")
    assert client is not None
    assert client.redirect_uris == [CALLBACK]
    assert client.claim_map == {"tel": "phone_1", "cell": "phone_2", "who": "full_name"}
    account = db.session.scalars(select(Account)).one()
    person = account.person
    assert person.key == KEY
    assert person.phones == [("Office", "+44 20 1"), ("Mobile", "+44 77 1")]
    assert (person.phone_3, person.address_3, person.merged_into_id) == ("", "", None)
    assert db.session.scalars(select(Grant)).one().account_id == account.id
    assert db.session.scalars(select(Token)).one().refresh_hash == hashed(REFRESH)
    db.session.rollback()
    form = {"grant_type": "refresh_token", "refresh_token": REFRESH}
    header = {"Authorization": basic("client-of-old", SECRET.replace(" ", "+"))}
    answer = empty.test_client().post("/oauth/token", data=form, headers=header)
    assert answer.status_code == 200, answer.text
    assert answer.json["refresh_token"] != REFRESH


def test_values_of_custom_fields_are_carried_over(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(schema.DIRECTORY), revision="0001")
    found = MetaData()
    found.reflect(db.engine)
    table = found.tables
    person_id = filled(
        table["contact"], kind="person", key=KEY, first_name="Ada", last_name="Byron", active=True
    )

    def kept(field_id: int, **value: Any) -> None:
        filled(table["custom_field_value"], contact_id=person_id, field_id=field_id, **value)

    ids = {
        kind: filled(table["custom_field"], key=kind, label=kind, kind=kind, member_may_edit=True)
        for kind in ("text", "yes_no", "whole_number", "date", "one_of", "several_of")
    }
    chosen = {
        (kind, key): filled(table["custom_field_choice"], field_id=ids[kind], key=key, label=key)
        for kind in ("one_of", "several_of")
        for key in ("a", "b")
    }
    kept(ids["text"], text="words")
    kept(ids["text"], text="a second row, which nothing showed")
    kept(ids["yes_no"], truth=False)
    kept(ids["whole_number"], number=10**15)
    kept(ids["date"], date=dt.date(2026, 4, 1))
    kept(ids["one_of"], choice_id=chosen["one_of", "b"])
    kept(ids["several_of"], choice_id=chosen["several_of", "a"])
    kept(ids["several_of"], choice_id=chosen["several_of", "b"])
    empty_field = filled(table["custom_field"], key="empty", label="Empty", kind="text")
    kept(empty_field, text="")
    db.session.commit()
    schema.upgrade()
    person = db.session.scalars(select(Person)).one()
    values = {key: fields.value_of(rows) for key, rows in fields.values_of(person).items()}
    assert values == {
        "text": "words",
        "yes_no": False,
        "whole_number": 10**15,
        "date": dt.date(2026, 4, 1),
        "one_of": "b",
        "several_of": ["a", "b"],
    }
    # Members edited what they did not see: they never did, and the database says so now.
    assert not any(field.member_may_edit for field in fields.all_fields())


def test_what_was_accepted_before_is_taken_for_what_was_told(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(schema.DIRECTORY), revision="0009")
    found = MetaData()
    found.reflect(db.engine)
    table = found.tables
    moment = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    ids = {
        name: filled(table["contact"], kind="person", key=name, last_name=name, active=True)
        for name in ("accepted", "of no group", "new")
    }
    for name, contact_id in ids.items():
        at = None if name == "new" else moment
        filled(table["ledger"], contact_id=contact_id, rank=1, accepted_at=at)

    def joined(key: str, kind: str, sync: bool, *members: tuple[str, str]) -> None:
        group_id = filled(table["group"], key=key, name=key, type=kind, condition={}, sync=sync)
        for origin, role in members:
            filled(
                table["membership"],
                group_id=group_id,
                contact_id=ids["accepted"],
                origin=origin,
                role=role,
                since=moment,
                end_on=dt.date(2027, 1, 1) if role == "Chair" else None,
            )

    joined("committee", "community", True, ("rule", ""), ("hand", "Chair"))
    joined("staff", "security", True, ("rule", ""))
    joined("not told", "security", False, ("rule", ""))
    db.session.commit()
    schema.upgrade()
    row = ledger.table.c
    found_rows = db.session.execute(select(row.contact_id, row.told)).all()
    assert {one.contact_id: one.told for one in found_rows} == {
        ids["accepted"]: {
            "committee": [["Chair", "2026-05-01", "2027-01-01"]],
            "staff": [["", "2026-05-01", None]],
        },
        ids["of no group"]: {},
        ids["new"]: None,
    }


def test_roles_and_sessions_are_kept_where_more_roles_come(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(schema.DIRECTORY), revision="0018")
    found = MetaData()
    found.reflect(db.engine)
    table = found.tables
    for role in ("member", "staff", "owner"):
        person_id = filled(table["contact"], kind="person", key=role, last_name=role, active=True)
        account_id = filled(table["account"], person_id=person_id, email_key=role, role=role)
        filled(table["sign_in_session"], account_id=account_id, token_hash=role)
    db.session.commit()
    schema.upgrade()
    rows = db.session.scalars(select(SignInSession)).all()
    assert {(row.token_hash, row.account.role) for row in rows} == {
        (role, role) for role in ("member", "staff", "owner")
    }
    for role in ROLES:
        db.session.execute(update(Account).values(role=role))
    with pytest.raises(IntegrityError):
        db.session.execute(update(Account).values(role="boss"))
    db.session.rollback()


@pytest.mark.parametrize("begun", [False, True])
def test_who_had_a_group_at_higher_logic_is_beyond_the_set_up(empty: Flask, begun: bool) -> None:
    flask_migrate.upgrade(directory=str(schema.DIRECTORY), revision="0019")
    found = MetaData()
    found.reflect(db.engine)
    table = found.tables
    filled(table["association"], id=1, name="Made-up Engineers", colour="#123456")
    contact_id = filled(table["contact"], kind="person", key=KEY, last_name="Byron", active=True)
    at = now() if begun else None
    filled(table["ledger"], contact_id=contact_id, rank=1, accepted_at=at)
    filled(
        table["group"], key="g", name="g", type="security", condition={}, sync=begun,
        synced_since=at,
    )  # fmt: skip
    db.session.commit()
    schema.upgrade()
    here = association.get()
    assert (here.name, here.decided, here.logo_token) == ("Made-up Engineers", [], None)
    assert (here.launched_at is not None) == begun
