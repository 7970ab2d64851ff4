"""A group's sync in the staff's words, and its members with what keeps some of them from it."""

import datetime as dt
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, Select, case, func, select

from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import Membership
from idp.directory.searching import matches, title
from idp.moments import exact, in_words
from sync import connection, ledger
from sync.records import deactivated
from sync.standing import saying, status
from sync.standing.kept import kept

MOST_FAILURES = 20
FEW_SENT = 8
PAGES = {"person": "panel_people.person", "company": "panel_companies.company"}


def facts(group: Group) -> dict[str, Any]:
    """What the status box of a group's page says; JSON, for the page to keep current."""
    standing = status.of_group(group)
    refused = failures(group) if standing["failed"] else []
    last = standing["last_accepted_at"]
    moment = dt.datetime.fromisoformat(last) if last else None
    return {
        "state": standing["state"],
        "label": saying.label(standing),
        "text": _text(standing),
        "sent": standing["sent"],
        "due": standing["due"],
        "failed": standing["failed"],
        "pending": standing["pending"],
        "progress": _progress(standing),
        "last_accepted": in_words(moment) if moment else "not yet",
        "last_accepted_exact": exact(moment) if moment else "",
        "left_out": _left_out(group),
        "failures": refused,
    }


def _progress(standing: dict[str, Any]) -> str:
    """“sent 120 of 1,414 · about 3 minutes left”"""
    said = f"sent {standing['sent']:,} of {standing['due']:,}"
    if standing["state"] != "pending":
        return said
    # All groups go through one queue: what waits before this one's members counts as well.
    left = saying.time_left(status.brief()["seconds_left"])
    return f"{said} · {left}" if left else said


def _text(standing: dict[str, Any]) -> str:
    number = standing["due"]
    match standing["state"]:
        case "off":
            return "Higher Logic knows nothing of this group."
        case "not_connected":
            return "An owner has to enter the tenant code and the API key first."
        case "stopped":
            return "Nothing is sent until an owner has entered the right key and tenant code."
        case "up_to_date" if not number:
            return "There is nobody to send: no member has an account."
        case "up_to_date":
            who = "The one member that syncs is" if number == 1 else f"All {number:,} that sync are"
            return f"{who} at Higher Logic."
        case "failing" if standing["failed"] and not standing["pending"]:
            return "Everybody else has arrived. Mend these records, or send them again."
        case "failing":
            return "What is not sent yet waits and is sent by itself."
        case _:
            return "You can leave this page: it goes on by itself."


def left_out(group: Group) -> list[tuple[str, int]]:
    """Why members of a group are not sent, and how many, the most frequent reason first."""
    counted = _counted(group).items()
    found = [(status.REASONS[name], number) for name, number in counted if number]
    return sorted(found, key=lambda one: -one[1])


def _left_out(group: Group) -> str:
    reasons = {name: number for name, number in _counted(group).items() if number}
    if not reasons:
        return ""
    words = ", ".join(
        f"{status.REASONS[name].lower()} ({number:,})" for name, number in reasons.items()
    )
    return f"{sum(reasons.values()):,} left out: {words}"


def _counted(group: Group) -> dict[str, int]:
    # Asked twice for a page, and again and again while that stays open.
    return kept(f"sync: left out of {group.key}", lambda: status.left_out(group))


def failures(group: Group) -> list[dict[str, str]]:
    """The first members that Higher Logic refused, and why."""
    contact, row = Contact.__table__, ledger.table
    found = db.session.execute(
        select(contact.c.key, contact.c.kind, title(contact), row.c.last_error)
        .join(row, row.c.contact_id == contact.c.id)
        .where(
            contact.c.id.in_(select(Membership.contact_id).where(Membership.group_id == group.id)),
            ledger.failed(),
        )
        .order_by(contact.c.id)
        .limit(MOST_FAILURES)
    )
    return [
        {
            "name": one.title or one.key,
            "key": one.key,
            "url": url_for(PAGES[one.kind], key=one.key),
            "reason": one.last_error or "Higher Logic gave no reason.",
        }
        for one in found
    ]


def members(group: Group, search: str, *, left_out: bool = False) -> Select[Any]:
    """A group's members by name, each once: id, title, key, kind, email, since, and ``reason``,
    which is of ``sync.standing.status`` or empty where nothing keeps the member from the sync.

    With ``left_out`` only those whom something keeps from it.
    """
    contact, account, row = Contact.__table__, Account.__table__, ledger.table
    policy = connection.get().deactivated
    reason = deactivated.reason(contact, account, policy).label("reason")
    state = case(
        (row.c.contact_id.is_(None), ""),
        (ledger.failed(), "failing"),
        (row.c.wanted > row.c.accepted, "pending"),
        else_="up_to_date",
    ).label("state")
    since = (
        select(Membership.contact_id, func.min(Membership.since).label("since"))
        .where(Membership.group_id == group.id)
        .group_by(Membership.contact_id)
        .subquery()
    )
    query = (
        select(
            *(contact.c.id, contact.c.key, contact.c.kind, contact.c.email, title(contact)),
            *(since.c.since, reason, state),
        )
        .join(since, since.c.contact_id == contact.c.id)
        .outerjoin(account, account.c.person_id == contact.c.id)
        .outerjoin(row, row.c.contact_id == contact.c.id)
        .order_by(contact.c.last_name, contact.c.first_name, contact.c.name, contact.c.id)
    )
    if left_out:
        query = query.where(reason.element != "")
    return query.where(found_by(search)) if search else query


def found_by(search: str) -> ColumnElement[bool]:
    """Which members a search finds, in the contact table."""
    names = "first_name last_name name email member_id".split()
    return matches(search, *(Contact.__table__.c[name] for name in names))
