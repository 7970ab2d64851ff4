"""Groups, and who is in one."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, func, select, true

from idp import exporting
from idp.directory import conditions
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import Addition, Exclusion, Membership, PastMembership
from idp.exporting import Cells, Table


def groups(found: ColumnElement[bool] | None = None) -> Table:
    """Every group, or those that a search finds; the condition as a sentence and as it is kept."""
    group = Group.__table__.c
    members = (
        select(func.count(Membership.contact_id.distinct()))
        .where(Membership.group_id == group.id)
        .correlate(Group.__table__)
        .scalar_subquery()
    )
    query = select(
        *(group[name] for name in "id key name description type community_type selects".split()),
        *(group.condition, group.sync, group.synced_since, group.created_at),
        members.label("members"),
    ).where(true() if found is None else found)

    def make(rows: Sequence[Any]) -> Iterator[Cells]:
        known = conditions.known_fields()
        for row in rows:
            yield [
                *(row.key, row.name, row.description, row.type, row.community_type, row.selects),
                conditions.sentence(row.condition, known),
                json.dumps(row.condition, ensure_ascii=False),
                *(row.sync, row.synced_since, row.members, row.created_at),
            ]

    header = [
        *("Key", "Name", "Description", "Type", "Community type", "Made of", "Condition"),
        *("Condition as JSON", "Sync", "Synced since", "Members", "Created"),
    ]
    return exporting.table("groups", header, query, group.id, make)


_STANDS = {
    "origin": "Origin",
    "role": "Role",
    "begin_on": "Begins on",
    "end_on": "Ends on",
    "since": "Since",
}
_ADDED = {name: _STANDS[name] for name in ("origin", "role", "begin_on", "end_on")}

Found = ColumnElement[bool] | None


def members(group: Group, found: Found = None) -> Table:
    """Who is in a group today: a row for each reason and each role. ``found`` is about the
    contact table."""
    return _contacts("members", Membership.__table__, group, found, _STANDS)


def past_members(group: Group, found: Found = None) -> Table:
    """Who was in a group: a row for each membership that ended."""
    shown = _STANDS | {"left_at": "Left"}
    return _contacts("past-members", PastMembership.__table__, group, found, shown)


def added_members(group: Group, found: Found = None) -> Table:
    """Who was added to a group, whatever its condition says of them: those to come and those that
    are over as well."""
    return _contacts("added-members", Addition.__table__, group, found, _ADDED)


def shut_out_members(group: Group, found: Found = None) -> Table:
    """Who is shut out of a group."""
    shown = {"created_at": "Shut out"}
    return _contacts("shut-out-members", Exclusion.__table__, group, found, shown)


def _contacts(
    name: str, membership: FromClause, group: Group, found: Found, facts: dict[str, str]
) -> Table:
    contact = Contact.__table__.c
    title = case(
        (contact.kind == "company", contact.name),
        else_=func.trim(contact.first_name + " " + contact.last_name),
    )
    query = (
        select(
            *(contact.key, contact.kind, title.label("title"), contact.email, contact.member_id),
            *(contact.member_status, *(membership.c[fact] for fact in facts)),
        )
        .select_from(membership)
        .join(Contact.__table__, contact.id == membership.c.contact_id)
        .where(
            membership.c.group_id == group.id,
            contact.merged_into_id.is_(None),
            true() if found is None else found,
        )
    )
    header = ["Key", "Kind", "Name", "E-mail", "Member ID", "Member status", *facts.values()]
    return exporting.table(
        name, header, query, membership.c.id, lambda rows: [row[:-1] for row in rows]
    )
