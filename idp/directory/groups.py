"""Groups: what an association calls a set of contacts, by a condition.

One group makes one community or one security group at Higher Logic. Its type is fixed once the
sync was switched on and saved; the key is permanent (the brief; the database holds both).
"""

import datetime as dt
import uuid
from typing import Any, Literal

from sqlalchemy import CheckConstraint, String, false, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from idp import audit
from idp.database import Base, JSONDocument, UTCDateTime, db, now
from idp.directory import conditions
from idp.directory.contacts import KEY_LENGTH, TEXT_LENGTH, InvalidValue, checked_key, checked_text

GroupType = Literal["community", "security"]
FACTS = ("name", "description", "type", "community_type", "selects", "condition")
TYPE_NAMES: dict[str, str] = {"community": "Community", "security": "Security group"}
SELECTS = ("people", "companies", "both")
# For which day the memberships of a group were looked at that the clock was not at yet.
NEVER = dt.date(1970, 1, 1)


class Group(Base):
    """A set of contacts. ``condition`` is a tree of ``conditions``; ``selects`` says which kind
    of contact it looks among.

    ``community_type`` is the Community Type configured at the tenant (Committee, Chapter, …).
    """

    __tablename__ = "group"
    __table_args__ = (
        CheckConstraint("type IN ('community', 'security')", name="type"),
        CheckConstraint("NOT sync OR type IS NOT NULL", name="sync_needs_type"),
        CheckConstraint("selects IN ('people', 'companies', 'both')", name="selects"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(
        String(KEY_LENGTH), unique=True, default=lambda: str(uuid.uuid4())
    )
    name: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    description: Mapped[str] = mapped_column(default="", server_default="")
    type: Mapped[str | None] = mapped_column(String(10))
    community_type: Mapped[str] = mapped_column(
        String(TEXT_LENGTH), default="Committee", server_default="Committee"
    )
    selects: Mapped[str] = mapped_column(String(10), default="people", server_default="people")
    condition: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    sync: Mapped[bool] = mapped_column(default=False, server_default=false())
    synced_since: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # The day for which its memberships were last looked at (``membership.turn_of_day``).
    evaluated_on: Mapped[dt.date] = mapped_column(
        default=NEVER, server_default=NEVER.isoformat(), index=True
    )
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)

    @validates("key")
    def _key_is_permanent(self, _name: str, value: str) -> str:
        if self.key is not None and value != self.key:
            raise InvalidValue("key", "key_is_permanent", "A key never changes.")
        return checked_key(value)

    @validates("name")
    def _name(self, _name: str, value: str) -> str:
        text = checked_text("name", value or "")
        if not text:
            raise InvalidValue("name", "missing_name", "A group needs a name.")
        return text

    @validates("type")
    def _type_is_fixed(self, _name: str, value: str | None) -> str | None:
        if self.synced_since is not None and value != self.type:
            raise InvalidValue(
                "type", "type_is_fixed", "The group type is fixed since the sync was switched on."
            )
        return value or None

    @property
    def type_name(self) -> str:
        """The group type as people read it."""
        return TYPE_NAMES.get(self.type or "", "Not chosen yet")


def find(key: str) -> Group | None:
    """The group with this key."""
    return db.session.scalar(select(Group).where(Group.key == key))


def hold(group_id: int, *, shared: bool = False) -> None:
    """Hold a group's row until the transaction at hand is over, and read it anew.

    For before the turn that changes of many take (``changes``): whoever saves the group has its row
    while they wait for that. ``shared``: beside others who hold it so, for who only needs it to
    stay. On SQLite, which has one writer, nothing is to do.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.scalars(
            select(Group)
            .where(Group.id == group_id)
            .with_for_update(read=shared, key_share=not shared)
            .execution_options(populate_existing=True)
        ).all()


def create(
    name: str,
    condition: conditions.Tree,
    *,
    type: GroupType | None = None,
    sync: bool = False,
    key: str | None = None,
    **more: Any,
) -> Group:
    """Make a group; its memberships follow in the same transaction (``membership``).

    An existing integration key may be given: an association that has a community already brings
    it along. Raises ``InvalidValue``; the condition is one that ``conditions.parse`` gave.
    """
    if key is not None and find(key) is not None:
        raise InvalidValue("key", "duplicate_key", "Another group has this key.")
    group = Group(name=name, condition=condition, type=type, **more)
    if key is not None:
        group.key = key
    db.session.add(group)
    db.session.flush()
    audit.record(
        audit.Event.GROUP_CREATED,
        group.key,
        name=group.name,
        changed=audit.changes({}, facts(group)),
    )
    if sync:
        switch_sync(group, True)
    return group


def facts(group: Group) -> dict[str, Any]:
    """What staff set of a group, but its sync, for the audit of one that is made or deleted."""
    return {name: value for name in FACTS if (value := getattr(group, name)) not in (None, "")}


def change(group: Group, **values: Any) -> None:
    """Change name, description, type, community type, what it selects or its condition.

    Raises ``InvalidValue``.
    """
    before = {name: getattr(group, name) for name in values}
    for name, value in values.items():
        setattr(group, name, value)
    changed = {
        name: [before[name], getattr(group, name)]
        for name in sorted(values)
        if before[name] != getattr(group, name)
    }
    if changed:
        audit.record(audit.Event.GROUP_CHANGED, group.key, changed=changed)


def switch_sync(group: Group, on: bool) -> None:
    """Switch the sync of a group on or off.

    Off takes the group out of its members' records at Higher Logic: a full-record push that
    omits a group ends the membership there. Raises ``InvalidValue`` when no type is chosen.
    """
    if group.sync == on:
        return
    if on and group.type is None:
        raise InvalidValue("type", "missing_type", "Choose a group type before the sync goes on.")
    group.sync = on
    if on and group.synced_since is None:
        group.synced_since = now()
    audit.record(audit.Event.GROUP_CHANGED, group.key, changed={"sync": [not on, on]})
