"""One test contact: a single record goes to Higher Logic, and staff read what it answered.

It goes through the sync's own leases, gate and pace, as everything does, and nothing else goes with
it: not the contact's company either, which follows with the first group. From then on the contact
is in the feed like everybody else.
"""

import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from idp import audit
from idp.database import db, reading
from idp.directory.contacts import InvalidValue, Person
from sync import connection, ledger, noting, scope
from sync.delivery import due, gate, pushing
from sync.standing import waiting

# Longer than a push takes that Higher Logic answers at all (``transport``).
SECONDS = 40.0
LOOK = 0.1

State = Literal["not_sent", "accepted", "refused", "waiting"]


@dataclass(frozen=True)
class Standing:
    """What became of a test contact; ``words`` say why it was refused or still waits."""

    state: State
    words: str = ""


def send(person: Person) -> Standing:
    """Push a person's record by itself, whether or not it changed, and wait for the answer. Commits
    before and after: no transaction is open while Higher Logic is waited for.

    Raises ``InvalidValue`` (of the field ``member``) for one of whom Higher Logic may not be told,
    and where there is no connection.
    """
    _check(person)
    ids, key = [person.id], person.key
    row = ledger.table.c
    one = select(row.contact_id).where(row.contact_id == person.id)
    if db.session.scalar(one) is None:
        noting.begin(ids)
    else:
        noting.note(ids)
        noting.forget_digests(one)
    version = db.session.scalar(select(row.wanted).where(row.contact_id.in_(ids)))
    audit.record(audit.Event.TEST_CONTACT_SENT, key)
    db.session.commit()
    until = time.monotonic() + SECONDS
    while True:
        pushing.run(among=ids)
        found = _standing(ids[0], version or 1)
        if found.state != "waiting" or not gate.is_open() or time.monotonic() >= until:
            db.session.rollback()
            return found
        time.sleep(LOOK)


def standing(person: Person) -> Standing:
    """What Higher Logic has of a person: what a page says after ``send``."""
    row = ledger.table.c
    wanted = db.session.scalar(select(row.wanted).where(row.contact_id == person.id))
    return Standing("not_sent") if wanted is None else _read(person.id, wanted)


def _check(person: Person) -> None:
    if not connection.get().configured:
        raise InvalidValue(
            "member",
            "not_connected",
            "Enter the tenant code and the API key first, and test the connection.",
        )
    contact = scope.contacts("tried")
    told = select(contact.c.id).where(contact.c.id == person.id, scope.eligible(contact))
    if db.session.scalar(told) is None:
        raise InvalidValue(
            "member",
            "not_told",
            f"Higher Logic may not be told of {person.title}: the record or the account is out of "
            "use. Choose somebody else.",
        )


def _standing(contact_id: int, version: int) -> Standing:
    db.session.rollback()
    with reading():
        found = _read(contact_id, version)
        db.session.rollback()
    return found


def _read(contact_id: int, version: int) -> Standing:
    row = ledger.table.c
    found = db.session.execute(
        select(ledger.table, due.waits().label("waits")).where(row.contact_id == contact_id)
    ).one_or_none()
    if found is None:
        return Standing("not_sent")
    if found.accepted >= version:
        return Standing("accepted")
    if found.refused >= version:
        return Standing("refused", found.last_error)
    words = waiting.reason(connection.get(), for_company=found.waits, last_error=found.last_error)
    if words == waiting.COMPANY:
        words += " Choose somebody without a company, or look again once the company has arrived."
    return Standing("waiting", words or "It waits for its turn.")
