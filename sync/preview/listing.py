"""The lists of names that a preview has, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, literal, select, tuple_

from idp.database import db
from idp.directory.difference import Edited
from idp.directory.searching import matches, title
from sync import connection, scope
from sync.preview.who import Who, concerned

PAGE = 50
LONGEST_SEARCH = 200
_SEARCHED = ("first_name", "last_name", "name", "email", "member_id")
_SORTED = ("last_name", "first_name", "name", "id")


@dataclass(frozen=True)
class Page:
    """Some of a list's contacts by name, and the keys to go on from: each row has ``key``,
    ``kind``, ``title``, ``email``, ``movement`` and ``reason``."""

    rows: Sequence[Row[*tuple[Any, ...]]]
    before: str | None = None
    """The key to ask for the rows before these with, if there are any."""
    after: str | None = None
    """The key to ask for the rows after these with, if there are any."""


def page(
    edited: Edited,
    who: Who,
    *,
    search: str = "",
    after: str = "",
    before: str = "",
    size: int = PAGE,
) -> Page:
    """One page of a list, after or before the contact with a key. At most four statements."""
    rows, contact = concerned(edited, connection.get().deactivated), scope.contacts("listed")
    place = tuple_(*(contact.c[name] for name in _SORTED))
    query = (
        select(
            *(contact.c[name] for name in ("key", "kind", "email")),
            title(contact),
            *(rows.c.movement, rows.c.reason),
        )
        .join(contact, contact.c.id == rows.c.contact_id)
        .where(
            _in_list(rows, who),
            matches(
                search[:LONGEST_SEARCH].replace("\x00", ""),
                *(contact.c[name] for name in _SEARCHED),
            ),
        )
    )
    from_key = after or before
    if from_key:
        mark = scope.contacts("mark")
        found = db.session.execute(
            select(*(mark.c[name] for name in _SORTED)).where(mark.c.key == from_key)
        ).one_or_none()
        if found is not None:
            start = tuple_(*(literal(value) for value in found))
            query = query.where(place > start if after else place < start)
    backwards = bool(before and not after)
    order = [contact.c[name].desc() if backwards else contact.c[name] for name in _SORTED]
    fetched = list(db.session.execute(query.order_by(*order).limit(size + 1)))
    more = len(fetched) > size
    fetched = fetched[:size]
    if backwards:
        fetched.reverse()
    if not fetched:
        return Page(())
    first, last = fetched[0].key, fetched[-1].key
    there_is_before = more if backwards else bool(from_key)
    there_is_after = bool(from_key) if backwards else more
    return Page(fetched, first if there_is_before else None, last if there_is_after else None)


def _in_list(rows: Any, who: Who) -> ColumnElement[bool]:
    stays: ColumnElement[bool] = rows.c.movement != "leave"
    match who:
        case "left_out":
            return and_(stays, rows.c.reason != "")
        case "shared":
            return and_(stays, rows.c.reason == "", rows.c.shared == 1)
        case "members":
            return stays
        case _:
            moves: ColumnElement[bool] = rows.c.movement == who
            return moves
