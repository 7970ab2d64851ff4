"""The form of a custom field, and taking from it what was typed: all or nothing."""

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from sqlalchemy.exc import IntegrityError
from wtforms import BooleanField, SelectField, StringField, TextAreaField, validators
from wtforms.fields import SelectChoice

from idp import audit
from idp.database import db
from idp.directory import fields
from idp.directory.contacts import TEXT_LENGTH, InvalidValue
from idp.directory.fields import CustomField

APPLIES_TO = {"person": "People", "company": "Companies", "both": "People and companies"}
SWITCHES = ("in_members_section", "sync", "member_may_edit")
FACTS = ("label", "applies_to", *SWITCHES, "in_lists")
BY = {"up": -1, "down": 1}
MOST_COLUMNS = 6


class FieldForm(FlaskForm):  # type: ignore[misc]
    """A custom field. ``more_choices`` are added, one a line; those that are there are inputs of
    their own (``choice_<key>``, ``retired_<key>``), and the button ``move`` says ``up <key>`` or
    ``down <key>``."""

    label = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    kind = SelectField("Kind", choices=[SelectChoice(*one) for one in fields.KIND_NAMES.items()])
    applies_to = SelectField("Kept of", choices=[SelectChoice(*one) for one in APPLIES_TO.items()])
    more_choices = TextAreaField("Choices", render_kw={"rows": 5})
    in_members_section = BooleanField("Show in Members section")
    sync = BooleanField("Sync to Higher Logic")
    member_may_edit = BooleanField("Members may edit it")
    in_lists = BooleanField("A column in the panel’s lists")


def form_for(field: CustomField | None) -> FieldForm:
    """The form of a field, or of a new one."""
    names = (*FACTS, "kind")
    form = FieldForm(data={name: getattr(field, name) for name in names} if field else None)
    if field is not None:
        form.more_choices.label.text = "Add choices"
    return form


def save(form: FieldForm, field: CustomField | None) -> CustomField | None:
    """Save all or nothing; gives the field. What is wrong with the form is said at its input."""
    try:
        before = _facts(field) if field is not None else {}
        saved = _changed(form, field) if field is not None else _made(form)
        db.session.flush()
        after = _facts(saved)
        event = audit.Event.FIELD_CREATED if field is None else audit.Event.FIELD_CHANGED
        changed = {
            name: [before.get(name), value]
            for name, value in after.items()
            if before.get(name) != value
        }
        if changed:
            audit.record(event, saved.key, changed=changed)
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        name = error.field if error.field in form else "more_choices"
        form[name].errors = [str(error)]
        return None
    except IntegrityError:
        db.session.rollback()
        name = "label" if field is None else "more_choices"
        form[name].errors = ["Somebody else has just saved one of this name: look again."]
        return None
    return saved


def _facts(field: CustomField) -> dict[str, Any]:
    return {name: getattr(field, name) for name in FACTS} | {
        "choices": [choice.label for choice in field.choices if not choice.retired]
    }


def _made(form: FieldForm) -> CustomField:
    choices = _more_choices(form) if form.kind.data in fields.WITH_CHOICES else []
    if form.kind.data in fields.WITH_CHOICES and not choices:
        raise InvalidValue("choices", "missing_choice", "Write at least one choice.")
    field = fields.create(
        form.label.data or "",
        form.kind.data,
        applies_to=form.applies_to.data,
        choices=choices,
        **{name: bool(form[name].data) for name in SWITCHES},
    )
    _show_in_lists(field, bool(form.in_lists.data))
    _refuse_same_names(field)
    return field


def _changed(form: FieldForm, field: CustomField) -> CustomField:
    field.label = form.label.data or ""
    field.applies_to = form.applies_to.data
    for name in SWITCHES:
        setattr(field, name, bool(form[name].data))
    _show_in_lists(field, bool(form.in_lists.data))
    if field.kind in fields.WITH_CHOICES:
        for choice in field.choices:
            label = request.form.get(f"choice_{choice.key}", "").strip()
            if not label:
                raise InvalidValue("choices", "missing_label", f"“{choice.label}” needs a name.")
            choice.label = label
            choice.retired = f"retired_{choice.key}" in request.form
        for label in _more_choices(form):
            field.add_choice(label)
        _refuse_same_names(field)
        _move(field, request.form.get("move", ""))
    return field


def _show_in_lists(field: CustomField, wanted: bool) -> None:
    field.in_lists = wanted
    for kind in ("person", "company"):
        shown = [one for one in fields.all_fields(kind) if one.in_lists and one is not field]
        if wanted and field.is_kept_of(kind) and len(shown) >= MOST_COLUMNS:
            raise InvalidValue(
                "in_lists",
                "too_many_columns",
                f"Lists have room for {MOST_COLUMNS}: switch “{shown[-1].label}” off first.",
            )


def _refuse_same_names(field: CustomField) -> None:
    labels = [choice.label.casefold() for choice in field.choices]
    if len(set(labels)) < len(labels):
        raise InvalidValue("choices", "duplicate_choice", "Two choices have the same name.")


def _move(field: CustomField, wish: str) -> None:
    direction, _, key = wish.partition(" ")
    moved = next((choice for choice in field.choices if choice.key == key), None)
    if direction in BY and moved is not None:
        fields.move_choice(moved, BY[direction])


def _more_choices(form: FieldForm) -> list[str]:
    labels = [line.strip() for line in (form.more_choices.data or "").splitlines()]
    return list(dict.fromkeys(label for label in labels if label))
