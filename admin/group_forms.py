"""A group's details as a form, and saving them."""

from typing import Any

from flask import flash
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, SelectField, StringField, TextAreaField, validators
from wtforms.fields import SelectChoice

from admin.group_conditions import SELECTS
from idp.database import db
from idp.directory import conditions, groups
from idp.directory.contacts import KEY_LENGTH, TEXT_LENGTH, InvalidValue
from idp.directory.groups import Group

TYPES = [SelectChoice("", "Choose …"), *(SelectChoice(*one) for one in groups.TYPE_NAMES.items())]
COMMUNITY_TYPE = "Committee"
_NAMES = ("name", "description", "selects", "community_type", "sync")


class GroupForm(FlaskForm):  # type: ignore[misc]
    """A group's details. ``selects`` and ``key`` are asked for only when it is made."""

    name = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    description = TextAreaField("Description", [validators.Length(max=2000)], render_kw={"rows": 2})
    selects = SelectField("The group is made of", choices=SELECTS)
    type = SelectField("Group type", choices=TYPES)
    community_type = StringField("Community type", [validators.Length(max=TEXT_LENGTH)])
    sync = BooleanField("Sync to Higher Logic")
    key = StringField(
        "Integration key",
        [validators.Length(max=KEY_LENGTH)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )

    @classmethod
    def of(cls, group: Group | None) -> "GroupForm":
        """The form of a group, or of one that is being made."""
        if group is None:
            return cls(data={"selects": "people", "community_type": COMMUNITY_TYPE})
        values = {name: getattr(group, name) for name in _NAMES}
        form = cls(data=values | {"type": group.type or ""})
        # The condition's page asks what it is made of: a form without it says nothing about it.
        del form.selects, form.key
        return form

    def values(self) -> dict[str, Any]:
        """What ``groups.change`` and ``groups.create`` take."""
        given = {
            "name": self.name.data or "",
            "description": self.description.data or "",
            "community_type": self.community_type.data or COMMUNITY_TYPE,
            "type": self.type.data or None,
        }
        return given | ({"selects": self.selects.data} if self.selects is not None else {})

    def is_another(self) -> bool:
        """Whether no group has the name already; else that is said there. Whoever goes back to
        the form after saving it, and saves again, makes no second group without noticing."""
        name = (self.name.data or "").strip()
        if name and db.session.scalar(select(Group.id).where(Group.name == name).limit(1)):
            self.name.errors = ["There is a group of this name already: give this one another."]
        return not self.errors

    def ready_for_sync(self) -> bool:
        """Whether a name is given and, for a sync, a type chosen; else that is said there."""
        if not (self.name.data or "").strip():
            self.name.errors = ["A group needs a name."]
        if self.sync.data and not self.type.data:
            self.type.errors = ["Choose a group type before the sync goes on."]
        return not self.errors


def make(form: GroupForm, tree: conditions.Tree) -> str | None:
    """Make a group; gives its key, or nothing when something is wrong, as the form then says."""
    try:
        group = groups.create(
            **form.values(),
            condition=tree,
            key=(form.key.data or "").strip() or None,
            sync=form.sync.data,
        )
        key = group.key
        db.session.commit()
    except InvalidValue as error:
        _say(form, error)
        return None
    _say_saved(form, was_on=False)
    return key


def save(form: GroupForm, group: Group) -> bool:
    """Change a group's details, and switch its sync; what is wrong is said in the form."""
    was_on = group.sync
    try:
        groups.change(group, **form.values())
        groups.switch_sync(group, form.sync.data)
        db.session.commit()
    except InvalidValue as error:
        _say(form, error)
        return False
    _say_saved(form, was_on)
    return True


def _say(form: GroupForm, error: InvalidValue) -> None:
    db.session.rollback()
    if error.field in form:
        form[error.field].errors = [str(error)]
    else:
        form.form_errors.append(str(error))


def _say_saved(form: GroupForm, was_on: bool) -> None:
    if form.sync.data and not was_on:
        flash("Saved. The members are on their way to Higher Logic.", "success")
    elif was_on and not form.sync.data:
        flash("Saved. The members are being taken out at Higher Logic.", "success")
    else:
        flash("The group is saved.", "success")
