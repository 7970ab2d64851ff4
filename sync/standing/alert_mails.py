"""The mails of alerts: their words, and the way out.

A mail is a row, written in the transaction that says what it tells of, and stays one until the
mail server has taken it: Redis carries only the word that there is something to do. A worker that
dies between the mail server's answer and its own commit makes a mail come twice, never not at all.
"""

import datetime as dt
import smtplib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import structlog
from flask import current_app
from sqlalchemy import ForeignKey, String, Table, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import association, jobs, mail
from idp.backoff import delay
from idp.database import Base, UTCDateTime, db, now, reading
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.moments import clock, day, local
from sync import connection
from sync.standing.figures import Figures

log = structlog.get_logger()

STALLED, STOPPED, HELD = "stalled", "stopped", "held"
QUEUE = "mail"
# Longer than a mail server may take to answer (``mail.TIMEOUT``), with all that it is asked.
LEASE = dt.timedelta(minutes=5)
FIRST, LONGEST = 60.0, 3600.0
# A mail that no server took for so long tells of something that was.
GIVEN_UP_AFTER = dt.timedelta(days=3)
# A job gives way to others and to a worker's wish to end; the next one goes on.
JOB_SECONDS = 20.0
REASON_LENGTH = 500
# Groups in one mail.
MOST_LISTED = 40


class Words(NamedTuple):
    """A mail's subject and text; the association's name and the link come with the sending."""

    subject: str
    text: str


class SyncAlertMail(Base):
    """A mail to one address. ``due_at`` is when it is sent next, and empty when it was sent
    (``sent_at``) or given up. Whoever sends it moves ``due_at`` ahead first, so that nobody else
    does at the same time."""

    __tablename__ = "sync_alert_mail"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(
        ForeignKey("sync_alert.id", ondelete="CASCADE"), index=True
    )
    address: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime, default=now, index=True)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    sent_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


table = cast(Table, SyncAlertMail.__table__)


def addresses() -> list[str]:
    """Who is told: the addresses that were set, or the owners' who may sign in."""
    if given := connection.get().alert_addresses:
        return list(given)
    return list(
        db.session.scalars(
            select(Person.email)
            .join(Account, Account.person_id == Person.id)
            .where(Account.role == "owner", Account.deactivated_at.is_(None), Person.active)
            .order_by(Person.id)
        )
    )


def write(alert_id: int, words: Words) -> None:
    """Write the mails of an alert, in the transaction at hand."""
    found = addresses()
    if not found:
        log.warning("nobody to tell of a sync alert", subject=words.subject)
        return
    link = current_app.config["TESSERA"].issuer + "/panel/"
    text = f"{words.text}\n\nHow it stands now: {link}\n"
    db.session.execute(
        insert(SyncAlertMail),
        [
            {
                "alert_id": alert_id,
                "address": address,
                "subject": f"{association.get().name}: {words.subject}",
                "text": text,
            }
            for address in found
        ],
    )


_ONCE = (
    "You get one mail when this begins and one when it is over; who gets them is set in the panel "
    "under Association settings."
)
_KEPT = "Nothing is lost: what changes waits here, and is sent by itself as soon as it can be."


def stopped(reason: str) -> Words:
    """Higher Logic refused the key."""
    return Words(
        "Higher Logic refused our key",
        "Higher Logic refused the API key or the tenant code, so nothing is sent any more.\n\n"
        f"What it said: {reason[:REASON_LENGTH]}\n\n"
        f"{_KEPT}\n\n"
        "What to do: ask your Higher Logic representative for the right API key and tenant code, "
        "enter them under Association settings and press Test connection.\n\n" + _ONCE,
    )


def stalled(since: dt.datetime, here: Figures) -> Words:
    """Nothing was accepted for hours, and something is pending."""
    said = f"What we know: {here.breaker.reason[:REASON_LENGTH]}\n\n" if here.breaker.reason else ""
    number = f"{here.pending:,} {'contact waits' if here.pending == 1 else 'contacts wait'}"
    return Words(
        "Higher Logic has accepted nothing for hours",
        f"Higher Logic has accepted nothing since {_moment(since)}, and {number} to be sent.\n\n"
        f"{said}{_KEPT}\n\n"
        "What to do: press Test connection under Association settings. If Higher Logic does not "
        "answer, ask your representative whether it is down. If it does, ask who runs this server "
        "whether its worker is running.\n\n" + _ONCE,
    )


def held(holds: Sequence[Any]) -> Words:
    """The removal guard holds removals from some groups (``held.of_groups``)."""
    if len(holds) == 1:
        (one,) = holds
        subject = f"removals from “{one.name}” are held back"
        said = (
            f"{_removals(one)} from the group “{one.name}” {'is' if one.number == 1 else 'are'} "
            f"held back: {one.reason[:REASON_LENGTH]}."
        )
        where = "the group"
    else:
        holds = sorted(holds, key=lambda one: one.name.casefold())
        subject = f"removals from {len(holds):,} groups are held back"
        listed = [
            f"- “{one.name}”: {_removals(one)} ({one.reason[:REASON_LENGTH]})"
            for one in holds[:MOST_LISTED]
        ]
        if more := len(holds) - len(listed):
            listed.append(f"- and {more:,} more {'group' if more == 1 else 'groups'}")
        said = "Removals are held back from these groups:\n\n" + "\n".join(listed)
        where = "these groups"
    return Words(
        subject,
        f"{said}\n\n"
        f"Higher Logic still has these members in {where}; everything else goes on.\n\n"
        "What to do: look in the panel who is held. If they are to leave, let them go; if "
        "something went wrong, mend it, or keep them.\n\n" + _ONCE,
    )


def _removals(hold: Any) -> str:
    return f"{hold.number:,} {'removal' if hold.number == 1 else 'removals'}"


def over(kind: str, here: Figures, *, accepted: bool) -> Words:
    """A trouble is over; ``accepted``: something was accepted since it was told."""
    if kind == HELD:
        return Words(
            "removals are not held back any more",
            "What was held back was decided by somebody, or those whom it was about are in the "
            "group again. " + ("Others are held still." if here.held else "Nothing else is held."),
        )
    number, refused = here.pending, here.failed
    if number:
        rest = f"{number:,} {'contact is' if number == 1 else 'contacts are'} still on the way."
    elif refused:
        rest = (
            "Nothing else waits. It refused "
            f"{refused:,} {'record' if refused == 1 else 'records'}: the overview says why."
        )
    else:
        rest = "Everything that waited has been sent."
    if kind == STOPPED:
        return Words(
            "the key for Higher Logic was mended",
            "The key or the tenant code was changed or tested well, and pushes go on. " + rest,
        )
    if not accepted:
        # It was refused, or there is nothing left to tell of whoever waited.
        return Words("nothing waits for Higher Logic any more", rest)
    return Words("Higher Logic accepts again", "Higher Logic accepts what we send again. " + rest)


def _moment(moment: dt.datetime) -> str:
    return f"{day(local(moment).date())}, {clock(moment)}"


def wake_if_due() -> bool:
    """Wake a worker if a mail is due; says whether it was woken. Ends the transaction at hand."""
    db.session.rollback()
    with reading():
        due = db.session.scalar(select(table.c.id).where(table.c.due_at <= now()).limit(1))
        db.session.rollback()
    return due is not None and jobs.wake(QUEUE, send)


def send() -> dict[str, int]:
    """The job: send what is due. Gives the numbers of mails sent and of mails that were not."""
    jobs.awake(send)
    totals = {"sent": 0, "not_sent": 0}
    end = time.monotonic() + JOB_SECONDS
    while time.monotonic() < end and not jobs.ending.is_set():
        found = _claim()
        if found is None:
            break
        # No transaction is open while the mail server is waited for.
        totals["sent" if _send(found) else "not_sent"] += 1
    else:
        jobs.wake(QUEUE, send)
    return totals


class _Claim(NamedTuple):
    id: int
    address: str
    subject: str
    text: str
    created_at: dt.datetime
    attempts: int


def _claim() -> _Claim | None:
    row, moment = table.c, now()
    found = db.session.execute(
        select(row.id, row.address, row.subject, row.text, row.created_at, row.attempts)
        .where(row.due_at <= moment)
        .order_by(row.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if found is not None:
        db.session.execute(
            update(table)
            .where(row.id == found.id)
            .values(due_at=moment + LEASE, attempts=row.attempts + 1)
        )
    db.session.commit()
    return _Claim(*found) if found is not None else None


def _send(claim: _Claim) -> bool:
    try:
        mail.send(claim.address, claim.subject, claim.text)
    # ``ValueError``: what no mail can be made of must not come back for ever either.
    except (OSError, smtplib.SMTPException, ValueError) as error:
        given_up = now() - claim.created_at > GIVEN_UP_AFTER
        again = now() + delay(claim.attempts, first=FIRST, longest=LONGEST)
        log.warning(
            "alert not mailed: given up" if given_up else "alert not mailed",
            address=claim.address,
            error=str(error)[:REASON_LENGTH],
        )
        _settle(claim, due_at=None if given_up else again)
        return False
    _settle(claim, due_at=None, sent_at=now())
    return True


def _settle(claim: _Claim, **values: dt.datetime | None) -> None:
    db.session.execute(update(table).where(table.c.id == claim.id).values(values))
    db.session.commit()
