"""A group's condition: the page where it is edited, and what keeps its preview current.

Everything works as a plain form: each button that changes the condition's shape sends the form and
has the page back, changed. A script spares the way to the server.
"""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField
from wtforms.fields import SelectChoice

from admin import condition_drafts as drafts
from admin import condition_editor, condition_edits, group_preview, group_sync, groups_by_name
from admin.access import PanelView, page
from admin.condition_drafts import ROOT, Block, Malformed
from admin.condition_editor import Editor
from admin.group_members import found, size
from admin.lists import searched
from idp import database
from idp.database import db
from idp.directory import conditions, groups
from idp.directory.conditions import Tree
from idp.directory.contacts import InvalidValue
from idp.directory.groups import Group
from idp.patience import TooSlow, at_most
from sync.standing import status

SELECTS = [
    SelectChoice("people", "People"),
    SelectChoice("companies", "Companies"),
    SelectChoice("both", "People and companies"),
]
# Staff wait no longer than this for numbers while they type.
PATIENCE_SECONDS = 4.0
TOO_SLOW = (
    "Counting takes longer than a few seconds in an association as large as yours: "
    "“See who joins and leaves” counts all the same."
)


class ConditionForm(FlaskForm):  # type: ignore[misc]
    """What a group is made of; the condition beside it is ``condition_drafts``' own."""

    selects = SelectField("The group is made of", choices=SELECTS)


class ConditionPages(PanelView):
    """The pages about a group's condition, as a part of the groups' view."""

    @page("/<key:key>/conditions", methods=("GET", "POST"))
    def conditions(self, key: str) -> Any:
        """Who is in the group, by which condition, and who would be."""
        group = found(key)
        form = ConditionForm(data={"selects": group.selects})
        asked = Asked(group)
        if form.validate_on_submit() and not asked.edited:
            if asked.tree is not None and "look" in request.form:
                return self.look(group, group.name, asked.tree, form.selects.data, sync=group.sync)
            if (
                asked.tree is not None
                and "preview" not in request.form
                and _saved(asked, group, asked.tree, form.selects.data)
            ):
                flash("The condition is saved.", "success")
                return redirect(url_for("panel_groups.conditions", key=key), 303)
        return self.render(
            "panel/group_conditions.html",
            group=group,
            size=size(group),
            form=form,
            preview=asked.preview(form.selects.data),
            asked=asked,
            unreadable=unreadable(group),
        )

    @page("/preview", methods=("POST",))
    def preview(self) -> dict[str, Any]:
        """What a condition says and would do, while it is being edited. Writes nothing."""
        db.session.rollback()
        with database.reading():
            asked = Asked(groups.find(request.form.get("group", "")))
        selects = request.form.get("selects", "")
        shown = asked.preview(selects if selects in groups.SELECTS else "people")
        return shown | {"problems": asked.problems()}

    @page("/preview/rule", methods=("POST",))
    def rule(self) -> str:
        """One rule with the pickers that fit its field and operator. Writes nothing."""
        try:
            rule = drafts.rule_of_form(request.form, request.form.get("rule", ""))
        except Malformed:
            abort(400)
        editor = Editor(conditions.known_fields(), groups.find(request.form.get("group", "")))
        return self.render("panel/condition_rule.html", rule=editor.rule(rule))

    @page("/values")
    def values(self) -> dict[str, list[str]]:
        """Frequent values of a built-in field, for the editor to offer."""
        return {"found": condition_editor.values_of(request.args.get("field", ""), searched())}

    @page("/search")
    def search(self) -> dict[str, list[str]]:
        """A few groups whose name holds what was typed, for the editor to offer."""
        return {"found": groups_by_name.offered(searched(), but=request.args.get("but", ""))}

    def look(self, group: Group | None, name: str, tree: Tree, selects: str, *, sync: bool) -> str:
        """The page of names: who would join, leave, and not reach Higher Logic."""
        endpoint = "panel_groups.conditions" if group is not None else "panel_groups.new"
        return self.render(
            "panel/group_preview.html",
            group=group,
            name=name,
            here=url_for(endpoint, key=group.key if group is not None else None),
            reasons=status.REASONS,
            pages=group_sync.PAGES,
            sync=sync,
            **group_preview.page(tree, selects, group),
        )


class Asked:
    """The condition that a request is about: what its form holds, or else the group's own.

    ``edited`` is set when a button changed its shape: then nothing is saved, and nothing that is
    unfinished is called wrong. ``tree`` is the condition, where it is whole; ``problem`` what is
    wrong with the whole. Ends the request with 400 for a form that no page of ours sends.
    """

    def __init__(self, group: Group | None) -> None:
        self.group = group
        self.known = conditions.known_fields()
        self.problem = ""
        self.done: condition_edits.Done | None = None
        self.edited = "edit" in request.form
        self.root = self._root()
        if self.edited:
            self.done = condition_edits.edit(self.root, request.form["edit"])
        self.tree: Tree | None = None
        try:
            self.tree = drafts.checked(self.root, self.known)
        except conditions.InvalidCondition as error:
            self.problem = str(error)
        saving = request.method == "POST" and not self.edited
        self.editor = Editor(self.known, group, strict=saving)

    def _root(self) -> Block:
        if request.method == "POST" and f"{ROOT}.kind" in request.form:
            try:
                return drafts.of_form(request.form)
            except Malformed:
                abort(400)
        return drafts.of_tree(
            self.group.condition if self.group is not None else condition_editor.START
        )

    @property
    def wrong(self) -> bool:
        """Whether something is to be mended before the condition can be saved."""
        return self.tree is None

    def problems(self) -> dict[str, str]:
        """What is wrong with the parts, by their ids; what is only unfinished is not in it."""
        return {
            part.id: part.problem
            for part, _, _ in drafts.walk(self.root)
            if part.problem and not part.unfinished
        }

    def preview(self, selects: str) -> dict[str, str]:
        """What the condition says and would do, in words; or what is missing to say it."""
        if self.tree is None:
            return {"waiting": self.problem or self._missing()}
        sentence = conditions.sentence(self.tree, self.known)
        # Nothing was written: what is asked here must not keep a writer waiting.
        db.session.rollback()
        with database.reading():
            try:
                with at_most(PATIENCE_SECONDS):
                    shown = group_preview.shown(self.tree, selects, self.group, sentence)
            except TooSlow:
                return {"sentence": sentence, "waiting": TOO_SLOW}
            except conditions.InvalidCondition as error:  # gone since it was checked
                return {"sentence": sentence, "waiting": str(error)}
            finally:
                db.session.rollback()
        return shown.as_json()

    def _missing(self) -> str:
        part, path = next((part, path) for part, _, path in drafts.walk(self.root) if part.problem)
        noun = "block" if isinstance(part, Block) else "rule"
        verb = "Finish" if part.unfinished else "Mend"
        return f"{verb} {conditions.place(path, noun)} to see who would be in the group."


def _saved(asked: Asked, group: Group, tree: Tree, selects: str) -> bool:
    try:
        groups.change(group, condition=tree, selects=selects)
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        asked.problem = str(error)
        return False
    return True


def unreadable(group: Group) -> str:
    """Why the stored condition makes no sense any more; empty where it does."""
    try:
        conditions.compile_condition(group.condition)
    except conditions.InvalidCondition as error:
        return str(error)
    return ""
