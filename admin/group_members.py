"""The members of a group: who is in it and why, who was, who is shut out, who was added."""

from collections import defaultdict
from typing import Any

from flask import abort, url_for
from sqlalchemy import Select, distinct, func, select

from admin import group_sync
from admin.access import page
from admin.changes import ChangesPages, Subject
from admin.lists import page_of, searched
from idp.database import db
from idp.directory import groups, membership
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.membership import Addition, Exclusion, Membership, PastMembership
from idp.directory.searching import matches, title
from sync.standing import status

ORIGINS = {"rule": "By the condition", "hand": "Added by hand", "import": "Added by an import"}
_SEARCHED = "first_name last_name name email member_id".split()


class MembersPages(ChangesPages):
    """The pages about a group's members, as a part of the groups' view."""

    def changed(self, key: str) -> Subject:
        """The group with a key."""
        group = found(key)
        return Subject(group.name, url_for("panel_groups.group", key=group.key), (group.key,))

    @page("/<key:key>/members")
    def members(self, key: str) -> str:
        """Who is in a group, by what and in which roles, and who of them syncs."""
        group = found(key)
        listing = page_of(group_sync.members(group, searched()))
        return self.of_group(
            "panel/group_members.html",
            group,
            listing=listing,
            held=held(group, [row.id for row in listing.rows]),
            reasons=status.REASONS,
            numbers=_numbers(group),
        )

    @page("/<key:key>/members/past")
    def past_members(self, key: str) -> str:
        """Who was in a group, the last to leave first."""
        group = found(key)
        listing = page_of(_past(group, searched()))
        return self.of_group("panel/group_past.html", group, listing=listing)

    @page("/<key:key>/members/shut-out")
    def shut_out_members(self, key: str) -> str:
        """Who is shut out of a group."""
        group = found(key)
        listing = page_of(_shut_out(group, searched()))
        return self.of_group("panel/group_shut_out.html", group, listing=listing)

    @page("/<key:key>/members/added")
    def added_members(self, key: str) -> str:
        """Every addition to a group, those to come and those that are over as well."""
        group = found(key)
        listing = page_of(_added(group, searched()))
        return self.of_group(
            "panel/group_added.html", group, listing=listing, today=membership.day.today()
        )

    def of_group(self, template: str, group: Group, **values: Any) -> str:
        """A page with what each about the members of a group shows."""
        return self.render(
            template,
            group=group,
            size=size(group),
            pages=group_sync.PAGES,
            origins=ORIGINS,
            **values,
        )


def found(key: str) -> Group:
    """The group with a key; there is a 404 otherwise."""
    group = groups.find(key)
    if group is None:
        abort(404)
    return group


def size(group: Group) -> int:
    """How many contacts are in a group."""
    query = select(func.count(distinct(Membership.contact_id))).where(
        Membership.group_id == group.id
    )
    return db.session.scalar(query) or 0


def held(group: Group, contact_ids: list[int]) -> dict[int, list[Membership]]:
    """The memberships of some contacts in a group, by contact."""
    theirs: defaultdict[int, list[Membership]] = defaultdict(list)
    for row in db.session.scalars(
        select(Membership)
        .where(Membership.group_id == group.id, Membership.contact_id.in_(contact_ids))
        .order_by(Membership.origin.desc(), Membership.role, Membership.id)
    ):
        theirs[row.contact_id].append(row)
    return theirs


def _numbers(group: Group) -> dict[str, int]:
    def count(model: Any) -> int:
        query = select(func.count()).select_from(model).where(model.group_id == group.id)
        return db.session.scalar(query) or 0

    return {"past": count(PastMembership), "shut_out": count(Exclusion), "added": count(Addition)}


def _about(model: Any, group: Group, search: str, *columns: Any) -> Select[Any]:
    contact = Contact.__table__
    query = (
        select(contact.c.key, contact.c.kind, title(contact), *columns)
        .select_from(model)
        .join(contact, contact.c.id == model.contact_id)
        .where(model.group_id == group.id)
    )
    if search:
        query = query.where(matches(search, *(contact.c[name] for name in _SEARCHED)))
    return query


def _past(group: Group, search: str) -> Select[Any]:
    row = PastMembership
    columns = (row.origin, row.role, row.since, row.left_at)
    return _about(row, group, search, *columns).order_by(row.left_at.desc(), row.id.desc())


def _shut_out(group: Group, search: str) -> Select[Any]:
    query = _about(Exclusion, group, search, Exclusion.created_at)
    return query.order_by(Exclusion.id.desc())


def _added(group: Group, search: str) -> Select[Any]:
    row = Addition
    columns = (row.origin, row.role, row.begin_on, row.end_on)
    return _about(row, group, search, *columns).order_by(row.id.desc())
