"""What was sent of a group's members, for whoever looks at the group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, exists, func, or_, select

from idp.database import db
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import Membership, PastMembership
from sync.sent import history

PAGE = 50


@dataclass(frozen=True)
class Sent:
    """Some pushes, the newest first: each row has ``key``, ``kind`` and ``title`` of the contact,
    and ``last_at``, ``first_at``, ``tries``, ``code``, ``words`` of ``history.PushAttempt``."""

    rows: Sequence[Any]
    before: int | None = None
    """What to ask for those before these with, if there are any."""


def page(group: Group, *, before: int | None = None, size: int = PAGE) -> Sent:
    """What was sent of who is in a group or was. One statement.

    The history is walked from its newest row: what makes a page costs the same in a group of a
    million; a group of which nothing was sent for long costs a look at every row that is kept.
    """
    sent, contact = history.table, Contact.__table__
    is_in, was_in = Membership.__table__, PastMembership.__table__

    def concerns(table: Any) -> Any:
        return exists().where(table.c.group_id == group.id, table.c.contact_id == sent.c.contact_id)

    full = func.trim(contact.c.first_name + " " + contact.c.last_name)
    query = (
        select(
            *(contact.c.key, contact.c.kind),
            case((contact.c.kind == "company", contact.c.name), else_=full).label("title"),
            *(sent.c[name] for name in ("id", "first_at", "last_at", "tries", "code", "words")),
        )
        .join(contact, contact.c.id == sent.c.contact_id)
        .where(or_(concerns(is_in), concerns(was_in)))
        .order_by(sent.c.id.desc())
        .limit(size + 1)
    )
    if before is not None:
        query = query.where(sent.c.id < before)
    rows = db.session.execute(query).all()
    return Sent(rows[:size], rows[size - 1].id if len(rows) > size else None)
