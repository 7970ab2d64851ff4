"""How the sync stands: for the panel, the command line and whoever watches.

States: ``not_connected``, ``stopped`` (key refused), ``failing`` (Higher Logic does not answer, or
nothing is pending but records were refused), ``pending``, ``up_to_date``; a group whose sync is
off is ``off``. *Pending* and *failed* exclude each other: failed is what Higher Logic refused.
"""

import datetime as dt
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select

from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import Membership, contact_ids_of
from sync import connection, ledger, scope
from sync.delivery import due
from sync.records import deactivated
from sync.standing import failures, figures
from sync.standing import waiting as why_not_yet
from sync.standing.kept import kept

REASONS = scope.REASONS


def overall() -> dict[str, Any]:
    """``brief`` with ``groups``, each as ``of_group`` gives it, and ``reasons`` (``{"words",
    "number", "first"}`` with the first contacts as ``{"key", "kind", "name"}``): why Higher Logic
    refuses what failed, the most frequent first. A fixed number of statements.

    Groups of hundreds of thousands may be as they were up to a minute ago (``kept``).
    """
    reasons = failures.by_reason()
    return brief() | {
        "reasons": [asdict(reason) for reason in reasons],
        "groups": of_groups(),
    }


def of_groups() -> list[dict[str, Any]]:
    """Every group that is synced, as ``of_group`` gives it. Two statements.

    Those of hundreds of thousands may be as they were up to a minute ago (``kept``).
    """
    standing = connection.get()
    groups = partial(_all_groups, standing.deactivated)
    return [_of_row(found, standing) for found in kept("sync: groups", groups)]


def brief() -> dict[str, Any]:
    """``{"state", "message", "pending", "failed", "held", "accepted", "last_accepted_at",
    "oldest_pending_at", "per_minute", "seconds_left", "breaker"}``.

    ``accepted`` counts contacts of which Higher Logic has what is wanted; ``per_minute`` is how
    many it accepts in a minute, and ``seconds_left`` what the pending take at that: ``None``
    while there is no telling. ``breaker`` is ``{"state", "since", "until", "reason"}``
    (``figures.Breaker``). Moments are ISO 8601 in UTC, or ``None``. A fixed number of statements.
    """
    return of_figures(figures.get())


def of_figures(found: figures.Figures) -> dict[str, Any]:
    """What ``brief`` gives, of figures that are there already."""
    breaker = found.breaker
    return {
        "state": _state_of(found),
        "message": found.stopped_reason or (breaker.reason if found.pending else ""),
        "pending": found.pending,
        "failed": found.failed,
        "held": found.held,
        "accepted": found.accepted,
        "last_accepted_at": _iso(found.last_accepted_at),
        "oldest_pending_at": _iso(found.oldest_pending_at),
        "per_minute": round(found.rate * 60, 1) if found.rate is not None else None,
        "seconds_left": round(found.seconds_left) if found.seconds_left is not None else None,
        "breaker": {
            "state": breaker.state,
            "since": _iso(breaker.since),
            "until": _iso(breaker.until),
            "reason": breaker.reason,
        },
    }


def of_group(group: Group) -> dict[str, Any]:
    """``{"key", "name", "type", "state", "due", "sent", "pending", "failed", "last_accepted_at"}``.

    ``due`` counts the members that may be sent, ``sent`` those of them that Higher Logic has as
    they are wanted. Who has just left is not counted here, but in ``overall``. One of hundreds of
    thousands may be as it was up to a minute ago (``kept``).
    """
    if not group.sync:
        return {
            "key": group.key,
            "name": group.name,
            "type": group.type,
            "state": "off",
            **dict.fromkeys(("due", "sent", "pending", "failed"), 0),
            "last_accepted_at": None,
        }
    standing = connection.get()
    query = _groups(standing.deactivated).where(Group.__table__.c.id == group.id)
    found = kept(f"sync: group {group.key}", lambda: db.session.execute(query).one())
    return _of_row(found, standing)


def of_contact(contact: Contact) -> dict[str, Any]:
    """``{"state", "wanted", "accepted", "error", "attempts", "next_try_at", "last_pushed_at",
    "accepted_at", "told_as", "waits"}``; the state may be ``not_in_scope`` as well, or
    ``left_out``: there is nothing to send as long as the record or the account is out of use. Where
    the association's choice has something sent all the same, ``told_as`` is that choice
    (``deactivated.Policy``).
    ``waits`` says why what is pending is not on its way, if it is not."""
    row = ledger.table.c
    link = connection.get()
    policy = link.deactivated
    told = scope.contacts("told")
    eligible, told_all_the_same = (
        select(condition).where(told.c.id == contact.id).scalar_subquery()
        for condition in (scope.eligible(told), deactivated.told(told, policy))
    )
    found = (
        db.session.execute(
            select(
                ledger.table,
                due.waits().label("waits"),
                eligible.label("eligible"),
                told_all_the_same.label("told_all_the_same"),
            ).where(row.contact_id == contact.id)
        )
        .mappings()
        .one_or_none()
    )
    if found is None:
        return {
            "state": "not_in_scope",
            **dict.fromkeys(("error", "told_as", "waits"), ""),
            **dict.fromkeys(("wanted", "accepted", "attempts"), 0),
            **dict.fromkeys(("next_try_at", "last_pushed_at", "accepted_at")),
        }
    waiting = found["wanted"] > found["accepted"]
    refused = waiting and found["refused"] == found["wanted"]
    state = _state(int(waiting and not refused), int(refused))
    return {
        "state": state if found["eligible"] or found["told_all_the_same"] else "left_out",
        "wanted": found["wanted"],
        "accepted": found["accepted"],
        "error": found["last_error"],
        "attempts": found["attempts"],
        "next_try_at": _iso(found["next_try_at"]) if waiting else None,
        "last_pushed_at": _iso(found["last_pushed_at"]),
        "accepted_at": _iso(found["accepted_at"]),
        "told_as": policy if found["told_all_the_same"] else "",
        "waits": why_not_yet.reason(
            link, for_company=bool(found["waits"]), last_error=found["last_error"]
        )
        if waiting and not refused
        else "",
    }


def left_out(group: Group) -> dict[str, int]:
    """How many members of a group are not sent, by reason (``REASONS``), each counted once."""
    contact, account = scope.contacts("left_out"), Account.__table__.alias("theirs")
    policy = connection.get().deactivated
    reason = deactivated.reason(contact, account, policy).label("reason")
    query = (
        select(reason, func.count().label("number"))
        .select_from(contact)
        .outerjoin(account, account.c.person_id == contact.c.id)
        .where(
            contact.c.id.in_(contact_ids_of(group.id)),
            ~deactivated.reaches_groups(contact, policy),
        )
        .group_by(reason)
    )
    counted = {found.reason: found.number for found in db.session.execute(query)}
    return {name: counted.get(name, 0) for name in REASONS}


def _state(
    pending: int, failed: int, standing: connection.HigherLogicConnection | None = None
) -> str:
    if standing is not None:
        if not standing.configured:
            return "not_connected"
        if standing.stopped_at is not None:
            return "stopped"
        if standing.pauses and pending:
            return "failing"
    if pending:
        return "pending"
    return "failing" if failed else "up_to_date"


def _state_of(found: figures.Figures) -> str:
    if not found.connected:
        return "not_connected"
    if found.stopped_at is not None:
        return "stopped"
    if found.breaker.state != "closed" and found.pending:
        return "failing"
    if found.pending:
        return "pending"
    return "failing" if found.failed else "up_to_date"


def _all_groups(policy: str) -> list[Any]:
    return list(db.session.execute(_groups(policy)).all())


def _of_row(found: Any, standing: connection.HigherLogicConnection) -> dict[str, Any]:
    return {
        "key": found.key,
        "name": found.name,
        "type": found.type,
        "state": _state(found.pending, found.failed, standing),
        "due": found.due,
        "sent": found.sent,
        "pending": found.pending,
        "failed": found.failed,
        "last_accepted_at": _iso(found.last_accepted_at),
    }


def _groups(policy: str) -> Select[Any]:
    """One row for each synced group; however many reasons a member has, it is counted once."""
    group, contact, row = Group.__table__.c, scope.contacts("member"), ledger.table
    member = select(Membership.group_id, Membership.contact_id).distinct().subquery()
    due = (
        select(
            *(member.c.group_id, member.c.contact_id),
            *(row.c.wanted, row.c.accepted, row.c.refused, row.c.accepted_at),
        )
        .select_from(member)
        .join(contact, contact.c.id == member.c.contact_id)
        .outerjoin(row, row.c.contact_id == member.c.contact_id)
        .where(deactivated.reaches_groups(contact, policy))
        .subquery()
    )
    failed = and_(due.c.wanted > due.c.accepted, due.c.refused == due.c.wanted)
    # A member without a row is one that the next reconcile finds.
    pending = and_(
        due.c.contact_id.is_not(None),
        or_(
            due.c.wanted.is_(None),
            and_(due.c.wanted > due.c.accepted, due.c.refused != due.c.wanted),
        ),
    )
    sent = and_(due.c.wanted == due.c.accepted, due.c.accepted_at.is_not(None))
    return (
        select(
            *(group.key, group.name, group.type),
            func.count(due.c.contact_id).label("due"),
            _count(sent).label("sent"),
            _count(pending).label("pending"),
            _count(failed).label("failed"),
            func.max(due.c.accepted_at).label("last_accepted_at"),
        )
        .select_from(Group.__table__)
        .outerjoin(due, due.c.group_id == group.id)
        .where(group.sync)
        .group_by(group.id, group.key, group.name, group.type)
        .order_by(group.name, group.id)
    )


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _iso(moment: dt.datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
