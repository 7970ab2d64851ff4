"""The parts of a record that there may be many of: groups, custom fields.

Read for many contacts at once, as plain tuples by statements that are compiled once: a first sync
reads ten of each for every contact.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, cast, func, literal_column, select
from sqlalchemy.engine.interfaces import Dialect

from idp.compiled import InSession, any_of
from idp.directory.fields import COLUMNS, WITH_CHOICES, Choice, CustomField, FieldValue
from idp.directory.groups import Group
from idp.directory.membership import Membership


class GroupEntry(NamedTuple):
    """A synced group that the contact is in; of a community one entry for each role held there.

    Who holds no role has one entry, with an empty ``role``. ``begin_on`` is the day that staff gave
    or, of who is in by the condition, the day of joining, in UTC. ``end_on`` is the last day.
    """

    key: str
    name: str
    type: str
    community_type: str
    begin_on: dt.date
    role: str = ""
    end_on: dt.date | None = None


class ChoiceEntry(NamedTuple):
    """A choice of a *one of* or *several of* field."""

    key: str
    label: str


class FieldEntry(NamedTuple):
    """A custom field marked for sync, with the contact's value."""

    key: str
    label: str
    value: str | bool | int | Decimal | dt.date | tuple[ChoiceEntry, ...]


def groups(contact_ids: Collection[int]) -> defaultdict[int, list[GroupEntry]]:
    """The synced groups of some contacts, by id and ``in_order``. One statement."""
    held: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in _MEMBERSHIPS.rows(ids=contact_ids):
        held[row.contact_id, row.key].append(row)
    found: defaultdict[int, list[GroupEntry]] = defaultdict(list)
    for (contact_id, _), rows in held.items():
        entries = found[contact_id]
        if len(rows) == 1:
            entries.append(_entry(rows[0]))
        else:
            entries += _together(rows)
    for contact_id, entries in found.items():
        found[contact_id] = in_order(entries)
    return found


def in_order(entries: Iterable[GroupEntry]) -> list[GroupEntry]:
    """The order that a record has its groups in: the same whatever the database sorts by, so that
    an entry put back later (``guard``) is where it was."""
    return sorted(entries, key=lambda entry: (entry.key, entry.role.casefold()))


def _entry(row: Any) -> GroupEntry:
    """What is told of the only membership of a group."""
    role = row.role if row.type == "community" else ""
    return GroupEntry(
        row.key, row.name, row.type, row.community_type, row.begin_on, role, row.end_on
    )


def _together(rows: Sequence[Any]) -> Iterable[GroupEntry]:
    """What is told of one contact's memberships of one group, however many reasons there are."""
    with_role = [row for row in rows if row.role] if rows[0].type == "community" else []
    by_role: defaultdict[str, list[Any]] = defaultdict(list)
    for row in with_role or rows:
        by_role[row.role.casefold() if with_role else ""].append(row)
    for same in by_role.values():
        ends = [row.end_on for row in same]
        yield _entry(same[0])._replace(
            begin_on=min(row.begin_on for row in same),
            # One that does not end keeps the contact in.
            end_on=None if None in ends else max(ends),
        )


def _memberships(dialect: Dialect) -> Any:
    member = Membership.__table__.c
    return (
        select(
            *(member.contact_id, member.role),
            func.coalesce(member.begin_on, _day(member.since, dialect), type_=Date).label(
                "begin_on"
            ),
            member.end_on,
            *(Group.key, Group.name, Group.type, Group.community_type),
        )
        .select_from(Membership.__table__)
        .join(Group, Group.id == member.group_id)
        .where(any_of(member.contact_id, "ids", dialect), Group.sync)
        # Two that write a role differently: as it was written first.
        .order_by(member.id)
    )


def _day(moment: Any, dialect: Dialect) -> ColumnElement[dt.date]:
    """The day of a moment, in UTC."""
    if dialect.name == "postgresql":
        return cast(func.timezone(literal_column("'UTC'"), moment), Date)
    return func.date(moment, type_=Date)


_MEMBERSHIPS = InSession(_memberships)


def fields(contact_ids: Collection[int]) -> defaultdict[int, list[FieldEntry]]:
    """The values of some contacts' custom fields that are marked for sync, by id. One statement."""
    found: defaultdict[int, list[FieldEntry]] = defaultdict(list)
    for row in _VALUES.rows(ids=contact_ids):
        entries, kind = found[row.contact_id], row.kind
        if kind not in WITH_CHOICES:
            entries.append(FieldEntry(row.key, row.label, getattr(row, COLUMNS[kind])))
            continue
        chosen: Any = (ChoiceEntry(row.choice_key, row.choice_label),)
        # The choices of one field come one after another.
        if entries and entries[-1].key == row.key:
            chosen = entries.pop().value + chosen
        entries.append(FieldEntry(row.key, row.label, chosen))
    return found


def _values(dialect: Dialect) -> Any:
    field, value, choice = CustomField.__table__.c, FieldValue.__table__.c, Choice.__table__.c
    return (
        select(
            *(value.contact_id, *(value[name] for name in sorted(set(COLUMNS.values())))),
            *(field.key, field.label, field.kind),
            choice.key.label("choice_key"),
            choice.label.label("choice_label"),
        )
        .select_from(FieldValue.__table__)
        .join(CustomField.__table__, field.id == value.field_id)
        .outerjoin(Choice.__table__, choice.id == value.choice_id)
        .where(any_of(value.contact_id, "ids", dialect), field.sync)
        # Not by position: a new order on the staff's pages is nothing to tell Higher Logic.
        .order_by(field.id, choice.id)
    )


_VALUES = InSession(_values)
