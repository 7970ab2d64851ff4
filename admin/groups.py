"""Groups: list, details with the condition and the sync, members."""

import json
from typing import Any

from flask import flash, redirect, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy import ColumnElement, distinct, func, select
from wtforms import BooleanField, SelectField, StringField, TextAreaField, validators
from wtforms.fields import SelectChoice

from admin import condition_editor, exports, group_held, group_preview, group_sync
from admin.access import may_decide_removals, page
from admin.group_held import HeldPages
from admin.group_members import MembersPages, found, size
from admin.lists import matches, page_of, searched
from idp import database
from idp.database import db
from idp.directory import conditions, exporting, fields, group_deletion, groups
from idp.directory.contacts import KEY_LENGTH, TEXT_LENGTH, InvalidValue
from idp.directory.groups import Group
from idp.directory.membership import Membership, catalogue, day
from sync import connection, resend
from sync.standing import status

TYPES = [SelectChoice("", "Choose …"), *(SelectChoice(*one) for one in groups.TYPE_NAMES.items())]
SELECTS = [
    SelectChoice("people", "People"),
    SelectChoice("companies", "Companies"),
    SelectChoice("both", "People and companies"),
]


class GroupForm(FlaskForm):  # type: ignore[misc]
    """A group. ``condition`` is JSON; a script puts the condition editor in its place."""

    name = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    description = TextAreaField("Description", [validators.Length(max=2000)], render_kw={"rows": 2})
    selects = SelectField("The group is made of", choices=SELECTS)
    condition = TextAreaField("Condition", render_kw={"rows": 8, "spellcheck": "false"})
    type = SelectField("Group type", choices=TYPES)
    community_type = StringField("Community type", [validators.Length(max=TEXT_LENGTH)])
    sync = BooleanField("Sync to Higher Logic")
    key = StringField(
        "Integration key",
        [validators.Length(max=KEY_LENGTH)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class GroupsView(MembersPages, HeldPages):
    """`/panel/groups/`."""

    @page("/")
    def index(self) -> str:
        """The groups by name."""
        members = (
            select(
                Membership.group_id, func.count(distinct(Membership.contact_id)).label("members")
            )
            .group_by(Membership.group_id)
            .subquery()
        )
        query = (
            select(Group, func.coalesce(members.c.members, 0).label("members"))
            .outerjoin(members, members.c.group_id == Group.id)
            .order_by(Group.name, Group.id)
        )
        if (asked := _asked()) is not None:
            query = query.where(asked)
        standing = {group["key"]: group for group in status.of_groups()}
        return self.render(
            "panel/groups.html",
            listing=page_of(query),
            standing=standing,
            label=status.label,
            unreadable=catalogue.current().unreadable(day.today()),
        )

    @page("/new", methods=("GET", "POST"), get="change")
    def new(self) -> Any:
        """Make a group."""
        return self._details(None)

    @page("/<key:key>", methods=("GET", "POST"))
    def group(self, key: str) -> Any:
        """A group's details, condition and sync."""
        return self._details(found(key))

    @page("/export", methods=("POST",), post="export")
    def export(self) -> Any:
        """The groups, or those that the search finds, as a file."""
        return exports.download(exporting.groups(_asked()))

    @page("/<key:key>/members/export", methods=("POST",), post="export", sensitive=("POST",))
    def export_members(self, key: str) -> Any:
        """Who is in a group, or those that the search finds, as a file."""
        group = found(key)
        asked = group_sync.found_by(searched()) if searched() else None
        return exports.download(exporting.members(group, asked), group.key)

    @page("/<key:key>/members/past/export", methods=("POST",), post="export", sensitive=("POST",))
    def export_past_members(self, key: str) -> Any:
        """Who was in a group, or those that the search finds, as a file."""
        group = found(key)
        asked = group_sync.found_by(searched()) if searched() else None
        return exports.download(exporting.past_members(group, asked), group.key)

    @page("/<key:key>/status.json")
    def status(self, key: str) -> dict[str, Any]:
        """How a group's sync stands, for the page to keep current."""
        return group_sync.facts(found(key))

    @page("/<key:key>/resend", methods=("POST",))
    def resend(self, key: str) -> Any:
        """Send all members of a group again."""
        group = found(key)
        number = resend.resend(group.key)
        db.session.commit()
        flash(f"{number:,} records are sent again.", "success")
        return redirect(url_for("panel_groups.group", key=key), 303)

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

    @page("/preview", methods=("POST",))
    def preview(self) -> Any:
        """What a condition says and would do, while it is being edited. Writes nothing."""
        db.session.rollback()
        with database.reading():
            group = groups.find(request.form.get("group", ""))
            try:
                tree = conditions.from_json(request.form.get("condition", ""))
            except conditions.InvalidCondition as error:
                return {"error": str(error)}
            shown = group_preview.shown(tree, _selects(request.form.get("selects")), group)
            db.session.rollback()
        return shown.as_json()

    @page("/values")
    def values(self) -> dict[str, list[str]]:
        """Frequent values of a built-in field, for the condition editor to offer."""
        return {"values": condition_editor.values_of(request.args.get("field", ""))}

    def _details(self, group: Group | None) -> Any:
        form = GroupForm(data=_present(group))
        shown, unreadable = None, ""
        if group is not None and not form.is_submitted():
            try:
                shown = group_preview.shown(group.condition, group.selects, group)
            except conditions.InvalidCondition as error:
                unreadable = str(error)
        if form.validate_on_submit():
            tree = _condition(form)
            if tree is not None and "look" in request.form:
                return self.render(
                    "panel/group_preview.html",
                    group=group,
                    name=form.name.data,
                    reasons=status.REASONS,
                    pages=group_sync.PAGES,
                    sync=form.sync.data,
                    **group_preview.page(tree, form.selects.data, group),
                )
            if tree is not None and "preview" in request.form:
                shown = group_preview.shown(tree, form.selects.data, group)
            elif tree is not None and _would_switch_off(group, form):
                return self._ask_switch_off(group)
            elif tree is not None and (saved := _save(form, group, tree)) is not None:
                return redirect(url_for("panel_groups.group", key=saved), 303)
        known = condition_editor.description(fields.all_fields(), group)
        return self.render(
            "panel/group.html",
            form=form,
            group=group,
            preview=shown,
            sync=group_sync.facts(group) if group is not None else None,
            held=group_held.facts(group) if group is not None else None,
            may_decide=may_decide_removals(),
            size=size(group) if group is not None else 0,
            unreadable=unreadable,
            known=known,
            reference=condition_editor.reference(known),
            connected=connection.get().configured,
        )

    def _ask_switch_off(self, group: Group | None) -> str:
        assert group is not None  # noqa: S101 (only a saved group has a sync to switch off)
        standing = status.of_group(group)
        typed = [
            (name, value)
            for name, value in request.form.items(multi=True)
            if name not in {"csrf_token", "confirmed"}
        ]
        return self.render(
            "panel/group_switch_off.html", group=group, typed=typed, number=standing["due"]
        )


def _asked() -> ColumnElement[bool] | None:
    """What the request looks for; ``None``: every group."""
    return matches(searched(), Group.__table__.c.name) if searched() else None


def _selects(given: str | None) -> str:
    return given if given in groups.SELECTS else "people"


def _present(group: Group | None) -> dict[str, Any]:
    if group is None:
        tree = condition_editor.START
        values: dict[str, Any] = {"selects": "people", "community_type": "Committee"}
    else:
        tree = group.condition
        names = ("name", "description", "selects", "community_type", "sync")
        values = {name: getattr(group, name) for name in names} | {"type": group.type or ""}
    shown = {name: part for name, part in tree.items() if name != "version"}
    return values | {"condition": json.dumps(shown, indent=2, ensure_ascii=False)}


def _condition(form: GroupForm) -> conditions.Tree | None:
    try:
        return conditions.from_json(form.condition.data or "")
    except conditions.InvalidCondition as error:
        form.condition.errors = [str(error)]
        return None


def _would_switch_off(group: Group | None, form: GroupForm) -> bool:
    return (
        group is not None and group.sync and not form.sync.data and "confirmed" not in request.form
    )


def _save(form: GroupForm, group: Group | None, tree: conditions.Tree) -> str | None:
    """Make or change a group; gives its key, or nothing when something is wrong with the form."""
    values = {
        "name": form.name.data or "",
        "description": form.description.data or "",
        "selects": form.selects.data,
        "community_type": form.community_type.data or "Committee",
        "condition": tree,
        "type": form.type.data or None,
    }
    was_on = group is not None and group.sync
    try:
        if group is None:
            group = groups.create(
                **values, key=(form.key.data or "").strip() or None, sync=form.sync.data
            )
        else:
            groups.change(group, **values)
            groups.switch_sync(group, form.sync.data)
        key = group.key
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        form[error.field].errors = [str(error)]
        return None
    _say_saved(form, was_on)
    return key


def _say_saved(form: GroupForm, was_on: bool) -> None:
    if form.sync.data and not was_on:
        flash("Saved. The members are on their way to Higher Logic.", "success")
    elif was_on and not form.sync.data:
        flash("Saved. The members are being taken out at Higher Logic.", "success")
    else:
        flash("The group is saved.", "success")
