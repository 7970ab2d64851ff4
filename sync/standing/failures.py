"""What Higher Logic refused, by its own words: a reason, how many, and the first of them."""

from dataclasses import dataclass

from sqlalchemy import func, select

from idp.database import db
from idp.directory.contacts import Contact
from sync import ledger

# Words that name the record are different for each: no more than so many reasons are told.
REASONS = 10
# Records that are named for each reason.
NAMED = 5


@dataclass(frozen=True)
class Refused:
    """A contact whose record was refused; ``kind`` is ``person`` or ``company``."""

    key: str
    kind: str
    name: str


@dataclass(frozen=True)
class Reason:
    """Higher Logic's words, how many records it refused in them, and the first ones."""

    words: str
    number: int
    first: tuple[Refused, ...]


def by_reason(limit: int = REASONS) -> list[Reason]:
    """The most frequent reasons, the most frequent first. Two statements."""
    row, contact = ledger.table.c, Contact.__table__.c
    number = func.count().label("number")
    counted = db.session.execute(
        select(row.last_error, number)
        .where(ledger.failed())
        .group_by(row.last_error)
        .order_by(number.desc(), row.last_error)
        .limit(limit)
    ).all()
    place = func.row_number().over(partition_by=row.last_error, order_by=row.contact_id)
    first = (
        select(row.contact_id, row.last_error, place.label("place"))
        .where(ledger.failed(), row.last_error.in_([found.last_error for found in counted]))
        .subquery()
    )
    named: dict[str, list[Refused]] = {found.last_error: [] for found in counted}
    for found in db.session.execute(
        select(
            *(first.c.last_error, contact.key, contact.kind),
            *(contact.first_name, contact.last_name, contact.name),
        )
        .join(Contact.__table__, contact.id == first.c.contact_id)
        .where(first.c.place <= NAMED)
        .order_by(first.c.contact_id)
    ):
        person = " ".join(part for part in (found.first_name, found.last_name) if part)
        named[found.last_error].append(Refused(found.key, found.kind, found.name or person))
    return [
        Reason(found.last_error, found.number, tuple(named[found.last_error])) for found in counted
    ]
