"""Reconciling: every record as the database has it now against what Higher Logic accepted last.

Higher Logic has no way to be asked what it has, so *drift* is a record whose digest is not the
accepted one although nothing of it is pending: rows that were changed behind our back, or a ledger
that was. What has drifted is noted, and pushed like any change; what is right is read only, so
that a second run costs neither a request nor a write (Y06, Y14).

The clock does it each day, and when staff ask for it. In parts by the contact's id, each in
read-only transactions of its own: memory does not grow with the association, and nobody waits for
it.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Row, Select, exists, func, or_, select, update

from idp import association, audit
from idp.database import db, now, reading
from idp.directory.contacts import Contact
from sync import connection, ledger, noting, scope
from sync.connection import HigherLogicConnection
from sync.protocol import wire
from sync.records import feed
from sync.removals.held import removals

log = structlog.get_logger()

PART = 500
# So many keys of what differs are named.
NAMED = 20
# How long whoever waits for one that a killed clock had begun waits for another.
ASKED_AGAIN = dt.timedelta(minutes=10)


@dataclass
class Report:
    """What was found: numbers of contacts, and the ids of the first that differ.

    ``pending`` are those of which something is to be sent anyway, ``held`` those that the removal
    guard keeps in a group, ``missing`` those that the feed is about and the ledger does not know,
    ``orphaned`` rows of the ledger whose contact is gone.
    """

    compared: int = 0
    pending: int = 0
    held: int = 0
    differ: int = 0
    missing: int = 0
    orphaned: int = 0
    first: list[int] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Nothing is wrong."""
        return not (self.differ or self.missing or self.orphaned)


def verify(told: Callable[[int], None] = lambda _number: None) -> Report:
    """Compare, and send nothing. ``told`` is called with how many rows each part had."""
    return _run(send=False, told=told)


def run(told: Callable[[int], None] = lambda _number: None) -> Report:
    """Compare, and have what differs or is missing pushed. Commits."""
    report = _run(send=True, told=told)
    audit.record(
        audit.Event.RECONCILED,
        contacts=report.compared,
        differ=report.differ,
        missing=report.missing,
    )
    found = {name: getattr(report, name) for name in ("compared", "differ", "missing")}
    _write(reconciled_at=now(), reconcile_found=found)
    db.session.commit()
    return report


def ask() -> None:
    """Have the clock do it now; part of the transaction at hand. Who asks while it is being done
    gets nothing more."""
    if _write(HigherLogicConnection.reconcile_due_at.is_(None), reconcile_due_at=now()):
        audit.record(audit.Event.RECONCILE_ASKED)


def keys(report: Report) -> list[str]:
    """The keys of the first that differ."""
    contact = Contact.__table__.c
    found = db.session.scalars(
        select(contact.key).where(contact.id.in_(report.first)).order_by(contact.id)
    ).all()
    return list(found)


def tick() -> bool:
    """The clock's part: reconcile once a day, at the hour that is set, and when somebody asks for
    it; says whether it did.

    Whoever writes the day first does it: several clocks do it once. What a killed clock leaves is
    compared the next night, and what somebody waits for a while later.
    """
    with reading():
        here, hour = association.get().time_zone, connection.get().reconcile_hour
        configured, done = connection.get().configured, connection.get().reconciled_on
        asked = connection.get().reconcile_due_at
        db.session.rollback()
    if not configured:
        return False
    if asked is not None and asked <= now():
        return _reconcile_for_who_asked(asked)
    local = now().astimezone(ZoneInfo(here))
    if hour is None or local.hour < hour or done == local.date():
        return False
    if not _claim_day(local.date()):
        return False
    _reconcile()
    return True


def _reconcile_for_who_asked(asked: dt.datetime) -> bool:
    row, until = HigherLogicConnection, now() + ASKED_AGAIN
    claimed = _write(row.reconcile_due_at == asked, reconcile_due_at=until)
    db.session.commit()
    if not claimed:
        return False
    _reconcile()
    _write(row.reconcile_due_at == until, reconcile_due_at=None)
    db.session.commit()
    return True


def _reconcile() -> None:
    report = run()
    log.info("reconciled", compared=report.compared, differ=report.differ, missing=report.missing)


def _claim_day(day: dt.date) -> bool:
    row = HigherLogicConnection
    claimed = _write(or_(row.reconciled_on.is_(None), row.reconciled_on != day), reconciled_on=day)
    db.session.commit()
    return claimed


def _write(*conditions: ColumnElement[bool], **values: Any) -> bool:
    """Write to the connection's row if it stands so; says whether it did."""
    result = db.session.execute(
        update(HigherLogicConnection)
        .where(*conditions)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    db.session.expire_all()
    return bool(getattr(result, "rowcount", 0))


def _run(*, send: bool, told: Callable[[int], None]) -> Report:
    db.session.rollback()
    report = Report()
    after: int | None = 0
    while after is not None:
        after, differ, number = _part(after, report)
        report.differ += len(differ)
        report.first += differ[: NAMED - len(report.first)]
        if differ and send:
            noting.note(differ)
            db.session.commit()
        told(number)
    with reading():
        report.missing = db.session.scalar(_missing(func.count())) or 0
        report.orphaned = db.session.scalar(_orphaned()) or 0
        db.session.rollback()
    if report.missing and send:
        noting.note(_missing(_CONTACT.c.id))
        db.session.commit()
    return report


def _part(after: int, report: Report) -> tuple[int | None, list[int], int]:
    """Compare some rows; gives the last one's id (``None``: there are no more), the ids of what
    differs, and how many rows there were."""
    with reading():
        rows = _rows(ledger.table.c.contact_id > after)
        standing = [row for row in rows if row.wanted == row.accepted and not row.guarded]
        report.pending += sum(row.wanted != row.accepted for row in rows)
        report.held += sum(row.wanted == row.accepted and row.guarded for row in rows)
        # What somebody has resent has no digest while that is pending only.
        known = {row.contact_id: row for row in standing if row.accepted_at is not None}
        records = feed.build(list(known), connection.get().wanted)
        report.compared += len(records)
        differ = [
            one
            for one, record in records.items()
            if wire.digest(wire.item(record)) != known[one].digest
        ]
        if differ:
            # A change that came between the two readings has counted *wanted* up.
            unchanged = {
                row.contact_id: (row.wanted, row.digest)
                for row in _rows(ledger.table.c.contact_id.in_(differ))
            }
            differ = [
                one
                for one in differ
                if unchanged.get(one) == (known[one].wanted, known[one].digest)
            ]
        db.session.rollback()
    return (rows[-1].contact_id if len(rows) == PART else None), differ, len(rows)


def _rows(condition: ColumnElement[bool]) -> Sequence[Row[Any]]:
    row = ledger.table.c
    kept_in = exists().where(removals.c.contact_id == row.contact_id).correlate(ledger.table)
    columns = (row.contact_id, row.wanted, row.accepted, row.accepted_at, row.digest)
    query = select(*columns, kept_in.label("guarded")).where(condition)
    return db.session.execute(query.order_by(row.contact_id).limit(PART)).all()


_CONTACT = Contact.__table__.alias("reconciled")


def _missing(what: Any) -> Select[Any]:
    has_row = exists().where(ledger.table.c.contact_id == _CONTACT.c.id)
    return select(what).select_from(_CONTACT).where(scope.in_scope(_CONTACT), ~has_row)


def _orphaned() -> Select[Any]:
    contact = exists().where(_CONTACT.c.id == ledger.table.c.contact_id)
    return select(func.count()).select_from(ledger.table).where(~contact)
