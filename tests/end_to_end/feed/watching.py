"""What the tests of the feed make, and what they ask: the ledger, ``tessera`` and the sandbox."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import click
from click.testing import CliRunner, Result
from sqlalchemy import func, insert, select

from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, Person
from sync import ledger
from sync.commands import sync
from sync.preview.command import preview_command
from tests import factories
from tests.chaos import arena
from tests.chaos.arena import Arena

_numbers = itertools.count(1)


def eventually(holds: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    """Wait until something holds, and leave the database to the others meanwhile: on SQLite
    whoever has looked at an object holds the one writer's place."""

    def look() -> Any:
        try:
            return holds()
        finally:
            db.session.rollback()

    return arena.eventually(look, what, seconds)


def behind() -> int:
    """How many contacts wait to be accepted."""
    row = ledger.table.c
    return db.session.scalar(select(func.count()).where(row.wanted > row.accepted)) or 0


def until_accepted() -> None:
    """Wait until Higher Logic has accepted everything."""
    eventually(lambda: behind() == 0, "everything is accepted")


def committee(kind: str, **values: Any) -> Any:
    """A synced group of those of a member type."""
    condition = {"field": "member_type", "op": "is", "value": kind}
    return factories.group(condition, **{"type": "security", "sync": True, **values})


def people(kind: str, number: int, **values: Any) -> list[Person]:
    """So many people of a member type with accounts, made at once."""
    made = [
        Person(
            key=f"{kind}-{one}",
            first_name="Ada",
            last_name=f"Byron {one}",
            email=f"{kind.lower()}.{one}@example.org",
            **{"member_type": kind, **values},
        )
        for one in itertools.islice(_numbers, number)
    ]
    db.session.add_all(made)
    db.session.flush()
    for one in made:
        accounts.create(one)
    db.session.commit()
    return made


def many(kind: str, number: int) -> list[str]:
    """``people`` by the thousand, before there is a group of them; their keys."""
    keys = [f"{kind}-{index}" for index in range(number)]
    contact: Any = Contact.__table__
    rows = [
        {
            "kind": "person",
            "key": key,
            "first_name": "Ada",
            "last_name": f"Byron {key}",
            "email": f"{key.lower()}@example.org",
            "email_key": f"{key.lower()}@example.org",
            "member_type": kind,
        }
        for key in keys
    ]
    db.session.execute(insert(contact), rows)
    of_kind = select(contact.c.id, contact.c.email_key).where(contact.c.member_type == kind)
    account: Any = Account.__table__
    db.session.execute(insert(account).from_select(["person_id", "email_key"], of_kind))
    db.session.commit()
    return keys


def keys(found: list[Any]) -> set[str]:
    """The keys of contacts."""
    return {one.key for one in found}


def newest(stage: Arena) -> int:
    """The number of the newest push."""
    latest = stage.control("/requests?limit=1")
    return int(latest[0]["id"]) if latest else 0


def pushes_since(stage: Arena, number: int) -> list[Any]:
    """The pushes after that one, the oldest first."""
    latest = stage.control("/requests?limit=1000")
    return [push for push in reversed(latest) if push["id"] > number]


def keys_since(stage: Arena, number: int) -> list[list[str]]:
    """Whom each of the pushes after that one was about."""
    return [push["keys"] for push in pushes_since(stage, number)]


def details(stage: Arena, contact: Any) -> dict[str, Any]:
    """What the sandbox shows of a contact."""
    _settle(stage)
    shown: dict[str, Any] = stage.control(f"/contacts/{contact.key}")["MemberDetails"]
    return shown


def members(stage: Arena, group: Any) -> set[str]:
    """Whom the sandbox shows in a group."""
    _settle(stage)
    return set(stage.control(f"/groups/{group.key}")["members"])


def _settle(stage: Arena) -> None:
    eventually(lambda: stage.control("/state")["contacts_pending_refresh"] == 0, "refreshed")


def tessera(*arguments: str) -> Result:
    """``tessera sync``."""
    return _run(sync, *arguments)


def told(*arguments: str) -> Any:
    """What ``tessera sync`` says with ``--json``."""
    return _read(tessera(*arguments, "--json"))


def previewed(group: Any, condition: Any, who: str) -> Any:
    """What ``tessera group preview`` says of a group with another condition, and of whom."""
    arguments = [group.key, "--condition", json.dumps(condition), "--list", who, "--json"]
    return _read(_run(preview_command, *arguments))


def _run(command: click.Command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments)
    db.session.rollback()
    return result


def _read(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)
