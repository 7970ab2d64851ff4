"""What an edit of a group would do, in numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    false,
    func,
    select,
)

from idp.database import db, now
from idp.directory.contacts import Contact
from idp.directory.difference import Edited
from idp.directory.groups import Group
from sync import connection, scope
from sync.preview.who import Who, concerned
from sync.removals import held, leaving

# So many shared addresses are named in the statement; more are found by it.
FEW_ADDRESSES = 1000
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


@dataclass(frozen=True)
class Counts:
    """The numbers of a preview.

    ``members`` would be in the group; ``syncing`` of them are those of whom Higher Logic is told
    when the group's sync is on, ``left_out`` counts the others by ``scope.REASONS``. ``told`` has
    how many of who joins, leaves or changes Higher Logic is told of. ``shared`` of ``syncing``
    share their e-mail address with another who syncs. ``held`` says why the removal guard would
    hold back who leaves, and is empty where it would not.
    """

    members: int = 0
    syncing: int = 0
    joining: int = 0
    leaving: int = 0
    changing: int = 0
    shared: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    held: str = ""

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
            "held": self.held,
        }


def counts(edited: Edited) -> Counts:
    """Count what an edit would do. Three statements, a fourth where addresses are shared, and a few
    for the removal guard where somebody would leave who Higher Logic is told of.

    Whether somebody shares their address is asked of those few only: asked of everybody it would
    take longer than all else.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    policy = connection.get().deactivated
    for row in _counted(concerned(edited, policy, shares=false())):
        numbers[row.movement, row.reason] += row.number
    shared = 0
    among = _with_shared_address()
    for row in () if among is None else _sharing(edited, policy, among):
        if row.reason == "duplicate_email":  # counted as without an account, which they are
            numbers[row.movement, "no_account"] -= row.number
            numbers[row.movement, "duplicate_email"] += row.number
        elif row.reason == "" and row.movement != "leave":
            shared += row.number

    def total(*movements: str, reason: str | None = None) -> int:
        return sum(
            number
            for (movement, why), number in numbers.items()
            if movement in movements and reason in (None, why)
        )

    members = ("join", "change", "stay")
    told = {movement: total(movement, reason="") for movement in ("join", "leave", "change")}
    staying = total("change", "stay", reason="")
    return Counts(
        members=total(*members),
        syncing=total(*members, reason=""),
        joining=total("join"),
        leaving=total("leave"),
        changing=total("change"),
        shared=shared,
        left_out={reason: total(*members, reason=reason) for reason in scope.REASONS},
        told=told,
        held=_held(edited, told["leave"], staying) if told["leave"] else "",
    )


def _held(edited: Edited, going: int, staying: int) -> str:
    """Why the removal guard would hold so many who leave, when so many stay."""
    group = db.session.execute(
        select(Group.id, Group.key).where(Group.id == edited.group_id, Group.sync)
    ).one_or_none()
    if group is None:
        return ""
    hold = held.hold_of(group.key)
    if hold is not None and hold.since is not None:
        return "removals of this group are held already"
    limits = connection.get().limits
    return limits.beyond(going + leaving.number(group, now(), limits.enough_people), staying)


def _sharing(edited: Edited, policy: str, among: ColumnElement[bool]) -> Sequence[Any]:
    rows = concerned(edited, policy, shares=scope.has_namesake(Contact.__table__), among=among)
    return _counted(rows, rows.c.shared == 1)


def _counted(rows: Any, *only: ColumnElement[bool]) -> Sequence[Any]:
    query = select(rows.c.movement, rows.c.reason, func.count().label("number")).where(*only)
    return db.session.execute(query.group_by(rows.c.movement, rows.c.reason)).all()


def _with_shared_address() -> ColumnElement[bool] | None:
    """Whether a contact has an address that another has as well; ``None`` when nobody has."""
    address = Contact.__table__.c.email_key
    some = db.session.scalars(scope.shared_addresses().limit(FEW_ADDRESSES + 1)).all()
    if not some:
        return None
    return address.in_(some if len(some) <= FEW_ADDRESSES else scope.shared_addresses())
