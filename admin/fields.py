"""Custom fields: what the association keeps beyond the built-in fields, and what of it syncs."""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, SelectField, StringField, TextAreaField, validators
from wtforms.fields import SelectChoice

from admin.access import PanelView, page
from idp import audit
from idp.database import db
from idp.directory import fields
from idp.directory.contacts import TEXT_LENGTH, InvalidValue, checked_text
from idp.directory.fields import CustomField

APPLIES_TO = {"person": "People", "company": "Companies", "both": "People and companies"}
WITH_CHOICES = {"one_of", "several_of"}
SWITCHES = ("in_members_section", "sync", "member_may_edit")
MOST_CHOICES = 500
RULE = "A field syncs to Higher Logic only when it is shown in the Members section."


class FieldForm(FlaskForm):  # type: ignore[misc]
    """A custom field. ``more_choices`` are added, one a line; those that are there are inputs of
    their own (``choice_<key>``, ``retired_<key>``)."""

    label = StringField("Name", [validators.Length(max=TEXT_LENGTH)])
    kind = SelectField("Kind", choices=[SelectChoice(*one) for one in fields.KIND_NAMES.items()])
    applies_to = SelectField("Kept of", choices=[SelectChoice(*one) for one in APPLIES_TO.items()])
    more_choices = TextAreaField("Choices", render_kw={"rows": 5})
    in_members_section = BooleanField("Show in Members section")
    sync = BooleanField("Sync to Higher Logic")
    member_may_edit = BooleanField("Members may edit it")


class FieldsView(PanelView):
    """`/panel/fields/`."""

    @page("/")
    def index(self) -> str:
        """The fields in the order of the association."""
        return self.render(
            "panel/fields.html",
            fields=fields.all_fields(),
            kinds=fields.KIND_NAMES,
            applies_to=APPLIES_TO,
        )

    @page("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """Add a field."""
        return self._form(None)

    @page("/<key:key>", methods=("GET", "POST"))
    def field(self, key: str) -> Any:
        """Change a field."""
        field = db.session.scalar(select(CustomField).where(CustomField.key == key))
        if field is None:
            abort(404)
        return self._form(field)

    def _form(self, field: CustomField | None) -> Any:
        names = ("label", "kind", "applies_to", *SWITCHES)
        form = FieldForm(data={name: getattr(field, name) for name in names} if field else None)
        if form.validate_on_submit() and _save(form, field):
            flash("The field is saved.", "success")
            return redirect(url_for("panel_fields.index"), 303)
        if field is not None:
            form.more_choices.label.text = "Add choices"
        return self.render(
            "panel/field.html",
            form=form,
            field=field,
            kinds=fields.KIND_NAMES,
            with_choices=sorted(WITH_CHOICES),
        )


def _save(form: FieldForm, field: CustomField | None) -> bool:
    """Save all or nothing; what is wrong with the form is said at the field."""
    try:
        made = field is None
        before = _facts(field) if field is not None else {}
        field = _changed(form, field) if field is not None else _made(form)
        db.session.flush()
        after = _facts(field)
        event = audit.Event.FIELD_CREATED if made else audit.Event.FIELD_CHANGED
        changed = {
            name: [before.get(name), value]
            for name, value in after.items()
            if before.get(name) != value
        }
        if changed:
            audit.record(event, field.key, changed=changed)
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        form[error.field].errors = [str(error)]
        return False
    return True


def _facts(field: CustomField) -> dict[str, Any]:
    names = ("label", "applies_to", *SWITCHES)
    return {name: getattr(field, name) for name in names} | {
        "choices": [choice.label for choice in field.choices if not choice.retired]
    }


def _switches(form: FieldForm) -> dict[str, bool]:
    values = {name: bool(form[name].data) for name in SWITCHES}
    if values["sync"] and not values["in_members_section"]:
        raise InvalidValue("sync", "sync_needs_members_section", RULE)
    if values["member_may_edit"] and not values["in_members_section"]:
        raise InvalidValue(
            "member_may_edit",
            "edit_needs_members_section",
            "Members can edit what is shown in the Members section only.",
        )
    return values


def _made(form: FieldForm) -> CustomField:
    choices = _more_choices(form) if form.kind.data in WITH_CHOICES else []
    if form.kind.data in WITH_CHOICES and not choices:
        raise InvalidValue("more_choices", "missing_choice", "Write at least one choice.")
    return fields.create(
        form.label.data or "",
        form.kind.data,
        applies_to=form.applies_to.data,
        choices=choices,
        **_switches(form),
    )


def _changed(form: FieldForm, field: CustomField) -> CustomField:
    field.label = form.label.data or ""
    field.applies_to = form.applies_to.data
    for name, value in _switches(form).items():
        setattr(field, name, value)
    if field.kind in WITH_CHOICES:
        for choice in field.choices:
            label = checked_text("more_choices", request.form.get(f"choice_{choice.key}", ""))
            if not label:
                raise InvalidValue(
                    "more_choices", "missing_label", f"“{choice.label}” needs a name."
                )
            choice.label = label
            choice.retired = f"retired_{choice.key}" in request.form
        for label in _more_choices(form):
            field.add_choice(label)
        labels = [choice.label.casefold() for choice in field.choices]
        if len(set(labels)) < len(labels):
            raise InvalidValue(
                "more_choices", "duplicate_choice", "Two choices have the same name."
            )
    return field


def _more_choices(form: FieldForm) -> list[str]:
    labels = [line.strip() for line in (form.more_choices.data or "").splitlines()]
    labels = list(dict.fromkeys(label for label in labels if label))
    if len(labels) > MOST_CHOICES:
        raise InvalidValue("more_choices", "too_many", f"At most {MOST_CHOICES} at once.")
    return labels
