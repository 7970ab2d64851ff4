"""Groups that ask about other groups: never in a circle, never about one that is gone.

Two halves of a circle may be saved at the same time, and a group be deleted while another begins
to ask about it. So this is looked at where changes of many take their turn (``changes.later``): in
the transaction of the change, before it is kept, while nobody else changes a group.
"""

from collections import deque
from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import event, inspect, select

from idp.database import db
from idp.directory import changes, conditions
from idp.directory.contacts import InvalidValue
from idp.directory.groups import Group


def asking_about(key: str) -> list[str]:
    """The names of the groups whose conditions ask about the members of a group."""
    rows = db.session.execute(select(Group.key, Group.name, Group.condition).order_by(Group.name))
    return [
        row.name for row in rows if row.key != key and key in conditions.groups_asked(row.condition)
    ]


def refuse_deletion(key: str) -> None:
    """Raise ``InvalidValue`` while other groups ask about a group's members."""
    asking = asking_about(key)
    if asking:
        raise InvalidValue(
            "condition",
            "group_is_asked_about",
            f"{_listed(asking)} {'asks' if len(asking) == 1 else 'ask'} about its members: "
            "change that condition first.",
        )


def _refuse_unreadable(key: str) -> None:
    # Read anew: somebody else may have deleted what it names since it was checked.
    tree = db.session.scalar(select(Group.condition).where(Group.key == key))
    try:
        if tree is not None:
            conditions.compile_condition(tree)
    except conditions.InvalidCondition as error:
        raise InvalidValue("condition", "invalid_condition", str(error)) from None


def _refuse_circle(key: str) -> None:
    rows = db.session.execute(select(Group.key, Group.name, Group.condition)).all()
    names = {row.key: row.name for row in rows}
    circle = circle_from(key, {row.key: conditions.groups_asked(row.condition) for row in rows})
    if len(circle) == 1:
        raise InvalidValue("condition", "circle", "A group cannot ask about its own members.")
    if circle:
        first, *others = (f"“{names[one]}”" for one in circle)
        way = ", which asks about ".join([*others, first])
        raise InvalidValue(
            "condition",
            "circle",
            f"Groups would ask about each other in a circle: {first} asks about {way}.",
        )


def circle_from(key: str, asks: Mapping[str, Set[str]]) -> Sequence[str]:
    """The shortest way from a group through those that it asks about back to it, without its end;
    empty when there is none."""
    came_from: dict[str, str] = {}
    waiting = deque([key])
    while waiting:
        at = waiting.popleft()
        for asked in sorted(asks.get(at, ())):
            if asked == key:
                way = [at]
                while way[-1] != key:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if asked not in came_from:
                came_from[asked] = at
                waiting.append(asked)
    return ()


def _listed(names: Sequence[str]) -> str:
    shown = [f"“{name}”" for name in names[:3]]
    if len(names) > 3:
        shown.append(f"{len(names) - 3} more")
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])} and {shown[-1]}"


@event.listens_for(Group, "after_insert")
@event.listens_for(Group, "after_update")
def _written(_mapper: Any, _connection: Any, group: Group) -> None:
    if not inspect(group).attrs.condition.history.has_changes():
        return
    key = group.key
    changes.later(("condition that can be read", key), lambda: _refuse_unreadable(key))
    if conditions.groups_asked(group.condition):
        changes.later(("no circle from", key), lambda: _refuse_circle(key))


@event.listens_for(Group, "after_delete")
def _deleted(_mapper: Any, _connection: Any, group: Group) -> None:
    key = group.key
    changes.later(("nobody asks about", key), lambda: refuse_deletion(key))
