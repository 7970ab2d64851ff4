"""Groups: the list, making one, its details with the sync; other tabs have files of their own."""

from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy import ColumnElement, distinct, func, select

from admin import exports, group_forms, group_held, group_switching, group_sync
from admin.access import may_decide_removals, page
from admin.group_conditions import Asked, ConditionPages, unreadable
from admin.group_exports import ExportPages
from admin.group_forms import GroupForm
from admin.group_held import HeldPages
from admin.group_member import MemberPages
from admin.group_members import found, size
from admin.group_sync_pages import SyncPages
from admin.lists import page_of, searched
from idp.database import db
from idp.directory import conditions, exporting, group_deletion
from idp.directory.contacts import InvalidValue
from idp.directory.difference import Edited
from idp.directory.groups import Group
from idp.directory.membership import Membership, catalogue, day
from idp.directory.searching import matches
from sync import connection
from sync.standing import saying, status


class GroupsView(ConditionPages, MemberPages, SyncPages, HeldPages, ExportPages):
    """`/panel/groups/`."""

    @page("/")
    def index(self) -> str:
        """The groups by name."""
        query = select(Group).order_by(Group.name, Group.id)
        if (asked := _asked()) is not None:
            query = query.where(asked)
        listing = page_of(query)
        return self.render(
            "panel/groups.html",
            listing=listing,
            members=_members([group.id for (group,) in listing.rows]),
            standing={group["key"]: group for group in status.of_groups()},
            label=saying.label,
            unreadable=catalogue.current().unreadable(day.today()),
        )

    @page("/new", methods=("GET", "POST"), get="change")
    def new(self) -> Any:
        """Make a group."""
        form, asked = GroupForm.of(None), Asked(None)
        if form.validate_on_submit() and not asked.edited:
            tree, selects = asked.tree, form.selects.data
            if tree is not None and "look" in request.form:
                return self.look(None, form.name.data or "", tree, selects, sync=form.sync.data)
            if (
                tree is not None
                and "preview" not in request.form
                and form.ready_for_sync()
                and form.is_another()
            ):
                if form.sync.data and "confirmed" not in request.form:
                    numbers = group_switching.of_new(Edited(tree, selects))
                    return self._ask(None, form, numbers)
                if (key := group_forms.make(form, tree)) is not None:
                    return redirect(url_for("panel_groups.group", key=key), 303)
        return self.render(
            "panel/group_new.html",
            form=form,
            asked=asked,
            preview=asked.preview(form.selects.data),
            connected=connection.get().configured,
        )

    @page("/<key:key>", methods=("GET", "POST"))
    def group(self, key: str) -> Any:
        """A group's details, and the switch of its sync."""
        group = found(key)
        form = GroupForm.of(group)
        if form.validate_on_submit() and form.ready_for_sync():
            if form.sync.data != group.sync and "confirmed" not in request.form:
                return self._ask(group, form, group_switching.of_group(group))
            if group_forms.save(form, group):
                return redirect(url_for("panel_groups.group", key=key), 303)
        return self.render(
            "panel/group.html",
            form=form,
            group=group,
            size=size(group),
            sentence=conditions.sentence(group.condition),
            unreadable=unreadable(group),
            sync=group_sync.facts(group),
            held=group_held.facts(group),
            may_decide=may_decide_removals(),
            connected=connection.get().configured,
        )

    @page("/export", methods=("POST",), post="export")
    def export(self) -> Any:
        """The groups, or those that the search finds, as a file."""
        return exports.download(exporting.groups(_asked()))

    @page("/<key:key>/delete", methods=("GET", "POST"), get="change", sensitive=("GET", "POST"))
    def delete(self, key: str) -> Any:
        """Say what it does, at Higher Logic as well, then delete.

        With ``take_out`` a synced group's members are taken out at Higher Logic first.
        """
        group = found(key)
        if request.method == "POST":
            name = group.name
            try:
                group_deletion.delete(group, take_out="take_out" in request.form)
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                flash(str(error), "danger")
                return redirect(url_for("panel_groups.group", key=key), 303)
            flash(f"The group “{name}” is deleted.", "success")
            return redirect(url_for("panel_groups.index"), 303)
        return self.render(
            "panel/group_delete.html",
            group=group,
            members=size(group),
            standing=status.of_group(group),
        )

    def _ask(self, group: Group | None, form: GroupForm, asked: group_switching.Asked) -> str:
        """Ask whether the sync is to be switched. What was typed travels along."""
        return self.render(
            "panel/group_switch.html",
            group=group,
            form=form,
            asked=asked,
            typed=[
                (name, value)
                for name, value in request.form.items(multi=True)
                if name not in {"csrf_token", "confirmed"}
            ],
            connected=connection.get().configured,
        )


def _asked() -> ColumnElement[bool] | None:
    """What the request looks for; ``None``: every group."""
    return matches(searched(), Group.__table__.c.name) if searched() else None


def _members(group_ids: list[int]) -> dict[int, int]:
    """How many members some groups have. One statement."""
    row = Membership.__table__.c
    query = (
        select(row.group_id, func.count(distinct(row.contact_id)).label("number"))
        .where(row.group_id.in_(group_ids))
        .group_by(row.group_id)
    )
    return {row.group_id: row.number for row in db.session.execute(query)}
