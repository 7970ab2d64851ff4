"""What a group would be at Higher Logic after an edit, before anything is saved or sent.

Who joins and who leaves is ``idp.directory.difference``'s knowledge; who of them Higher Logic is
told of, and why others not, is ``scope``'s, by the same rule as a real run (Y17). Everything here
reads only, in a fixed number of statements for any number of contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, case, func, literal, or_, select, tuple_

from idp.database import db
from idp.directory import difference
from idp.directory.accounts import Account
from idp.directory.difference import Edited
from sync import scope

Who = Literal["join", "leave", "change", "left_out", "shared", "members"]
LISTS: tuple[Who, ...] = ("join", "leave", "change", "left_out", "shared", "members")
"""The lists of names that a preview has.

``left_out`` has the members who would not reach Higher Logic; ``shared`` those who would, but
share their e-mail address with another who does (Y16); ``members`` everybody.
"""
PAGE = 50
LONGEST_SEARCH = 200
# Of one, and of several.
_BECAUSE = {
    "no_account": ("has no account", "have no account"),
    "no_email": ("has no e-mail address", "have no e-mail address"),
    "duplicate_email": (
        "has the e-mail address of another who syncs",
        "have the e-mail address of another who syncs",
    ),
    "inactive": ("is a record out of use", "are records out of use"),
    "account_deactivated": ("has a deactivated account", "have a deactivated account"),
}
_SORTED = ("last_name", "first_name", "name", "id")


@dataclass(frozen=True)
class Counts:
    """The numbers of a preview.

    ``members`` would be in the group; ``syncing`` of them are those of whom Higher Logic is told
    when the group's sync is on, ``left_out`` counts the others by ``scope.REASONS``. ``told`` has
    how many of who joins, leaves or changes Higher Logic is told of. ``shared`` of ``syncing``
    share their e-mail address with another who syncs.
    """

    members: int = 0
    syncing: int = 0
    joining: int = 0
    leaving: int = 0
    changing: int = 0
    shared: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)

    @property
    def not_reaching(self) -> int:
        """How many members would not reach Higher Logic."""
        return sum(self.left_out.values())

    def of(self, who: Who) -> int:
        """How long one of the lists is."""
        return {
            "join": self.joining,
            "leave": self.leaving,
            "change": self.changing,
            "left_out": self.not_reaching,
            "shared": self.shared,
            "members": self.members,
        }[who]

    @property
    def sentence(self) -> str:
        """“12 join, 3 leave, 9 match but will not reach Higher Logic: 7 have no account, …”"""
        parts = [
            f"{number:,} {one if number == 1 else many}"
            for number, one, many in (
                (self.joining, "joins", "join"),
                (self.leaving, "leaves", "leave"),
                (
                    self.changing,
                    "stays with other roles or dates",
                    "stay with other roles or dates",
                ),
            )
            if number
        ] or ["Nobody joins or leaves"]
        if self.not_reaching:
            number = self.not_reaching
            verb = "matches" if number == 1 else "match"
            reasons = ", ".join(
                f"{number:,} {_BECAUSE[reason][number > 1]}"
                for reason, number in self.left_out.items()
                if number
            )
            parts.append(f"{number:,} {verb} but will not reach Higher Logic: {reasons}")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "members": self.members,
            "syncing": self.syncing,
            "join": self.joining,
            "leave": self.leaving,
            "change": self.changing,
            "shared_email": self.shared,
            "left_out": self.left_out,
            "told": self.told,
        }


def counts(edited: Edited) -> Counts:
    """Count what an edit would do. One statement."""
    rows = _rows(edited)
    shared = case((rows.c.reason == "", rows.c.shared), else_=0)
    number, sharing = func.count().label("number"), func.sum(shared).label("sharing")
    counted = db.session.execute(
        select(rows.c.movement, rows.c.reason, number, sharing).group_by(
            rows.c.movement, rows.c.reason
        )
    ).all()

    def total(*tests: Any, of: str = "number") -> int:
        return sum(int(getattr(row, of)) for row in counted if all(test(row) for test in tests))

    def is_in(row: Any) -> bool:
        return bool(row.movement != "leave")

    def moves(movement: str) -> Any:
        return lambda row: row.movement == movement

    def because(reason: str) -> Any:
        return lambda row: row.reason == reason

    return Counts(
        members=total(is_in),
        syncing=total(is_in, because("")),
        joining=total(moves("join")),
        leaving=total(moves("leave")),
        changing=total(moves("change")),
        shared=total(is_in, of="sharing"),
        left_out={reason: total(is_in, because(reason)) for reason in scope.REASONS},
        told={
            movement: total(moves(movement), because(""))
            for movement in ("join", "leave", "change")
        },
    )


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
    """One page of a list, after or before the contact with a key. At most three statements."""
    rows, contact = _rows(edited), scope.contacts("listed")
    place = tuple_(*(contact.c[name] for name in _SORTED))
    query = (
        select(
            *(contact.c[name] for name in ("key", "kind", "email")),
            _title(contact),
            *(rows.c.movement, rows.c.reason),
        )
        .join(contact, contact.c.id == rows.c.contact_id)
        .where(_in_list(rows, who), *_found(contact, search))
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


def _rows(edited: Edited) -> Any:
    """Each contact concerned: ``contact_id``, ``movement``, ``reason`` and ``shared`` (0 or 1)."""
    moved = difference.of(edited).subquery("moved")
    contact, account = scope.contacts("previewed"), Account.__table__.alias("theirs")
    return (
        select(
            moved.c.contact_id,
            moved.c.movement,
            scope.reason(contact, account).label("reason"),
            case((scope.shares_address(contact), 1), else_=0).label("shared"),
        )
        .select_from(moved)
        .join(contact, contact.c.id == moved.c.contact_id)
        .outerjoin(account, account.c.person_id == contact.c.id)
        .subquery("concerned")
    )


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


def _title(contact: Any) -> ColumnElement[str]:
    full = func.trim(contact.c.first_name + " " + contact.c.last_name)
    return case((contact.c.kind == "company", contact.c.name), else_=full).label("title")


def _found(contact: Any, search: str) -> list[ColumnElement[bool]]:
    """Every word of the search is in one of the columns, letter case aside."""
    columns = [contact.c[n] for n in ("first_name", "last_name", "name", "email", "member_id")]
    return [
        or_(*(func.lower(column).contains(word, autoescape=True) for column in columns))
        for word in search[:LONGEST_SEARCH].replace("\x00", "").lower().split()
    ]
