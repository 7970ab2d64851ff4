"""People and companies that a file does not have: left as they are, or put out of use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from idp.database import db, now
from idp.directory import changes
from idp.directory.importing import noting
from idp.directory.importing.planning import Planner
from idp.directory.importing.tables import ACCOUNTS, CONTACTS
from idp.directory.importing.write import end_accounts

CHUNK = 1000


@dataclass(frozen=True)
class Absent:
    """A contact in use that no row is about."""

    id: int
    key: str


def found(planner: Planner) -> Iterator[list[Absent]]:
    """Those whom no row of the file was about, refused rows included, in chunks.

    Whoever works in the panel is left out: staff need not be members.
    """
    present = planner.seen_ids | planner.present_ids
    staff = (
        select(ACCOUNTS.c.id)
        .where(ACCOUNTS.c.person_id == CONTACTS.c.id, ACCOUNTS.c.role != "member")
        .exists()
    )
    after = 0
    while True:
        query = (
            select(CONTACTS.c.id, CONTACTS.c.key)
            .where(
                CONTACTS.c.id > after,
                CONTACTS.c.kind == planner.model_kind,
                CONTACTS.c.active,
                ~staff,
            )
            .order_by(CONTACTS.c.id)
            .limit(CHUNK)
        )
        records = db.session.execute(query).all()
        if not records:
            return
        after = records[-1].id
        absent = [Absent(row.id, row.key) for row in records if row.id not in present]
        if absent:
            yield absent


def deactivate(absent: Sequence[Absent]) -> None:
    """Put contacts out of use, in the transaction at hand; their sessions end."""
    moment = now()
    db.session.execute(
        update(CONTACTS)
        .where(CONTACTS.c.id == bindparam("at_id"))
        .values(active=False, updated_at=bindparam("moment")),
        [{"at_id": one.id, "moment": moment} for one in absent],
    )
    ids = [one.id for one in absent]
    end_accounts(ids)
    changes.announce(ids, of_many=True)
    noting.note_absent(one.key for one in absent)
