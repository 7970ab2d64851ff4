"""Custom fields: what the association keeps beyond the built-in fields, and what of it syncs."""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import select

from admin import exports
from admin.access import PanelView, page
from admin.field_forms import APPLIES_TO, BY, form_for, save
from idp import audit
from idp.database import db
from idp.directory import exporting, field_deletion, fields
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField
from idp.oauth import claim_mapping
from idp.oauth.clients import Client


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

    @page("/export", methods=("POST",), post="export")
    def export(self) -> Any:
        """The fields with their choices as a file."""
        return exports.download(exporting.custom_fields())

    @page("/new", methods=("GET", "POST"), get="change")
    def new(self) -> Any:
        """Add a field."""
        return self._form(None)

    @page("/<key:key>", methods=("GET", "POST"))
    def field(self, key: str) -> Any:
        """Change a field."""
        return self._form(_found(key))

    @page("/<key:key>/move", methods=("POST",))
    def move(self, key: str) -> Any:
        """Move a field up or down in the order."""
        field = _found(key)
        by = BY.get(request.form.get("to", ""))
        if by is None:
            abort(400)
        before = field.position
        if fields.move(field, by):
            moved = {"position": [before + 1, field.position + 1]}
            audit.record(audit.Event.FIELD_CHANGED, field.key, changed=moved)
            db.session.commit()
        return redirect(url_for("panel_fields.index", _anchor=f"field-{field.key}"), 303)

    @page("/<key:key>/delete", methods=("GET", "POST"), get="change", sensitive=("GET", "POST"))
    def delete(self, key: str) -> Any:
        """Say in numbers what goes, then delete; not while anything asks about it."""
        field = _found(key)
        told = _sites_told(field)
        if request.method == "POST":
            label = field.label
            try:
                if told:
                    raise InvalidValue("field", "field_is_told", "A site is told of it.")
                number = field_deletion.delete(field)
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                flash(str(error), "danger")
                return redirect(url_for("panel_fields.delete", key=key), 303)
            flash(f"The field “{label}” is deleted, with {number:,} values.", "success")
            return redirect(url_for("panel_fields.index"), 303)
        return self.render(
            "panel/field_delete.html",
            field=field,
            number=fields.contacts_with_value(field),
            groups=field_deletion.groups_asking(field),
            sites=told,
        )

    def _form(self, field: CustomField | None) -> Any:
        form = form_for(field)
        if form.validate_on_submit() and (saved := save(form, field)) is not None:
            flash("The field is saved.", "success")
            if "move" in request.form:
                return redirect(
                    url_for("panel_fields.field", key=saved.key, _anchor="choices"), 303
                )
            return redirect(url_for("panel_fields.index"), 303)
        return self.render(
            "panel/field.html",
            form=form,
            field=field,
            kinds=fields.KIND_NAMES,
            with_choices=sorted(fields.WITH_CHOICES),
            number=fields.contacts_with_value(field) if field is not None else 0,
            by_choice=_by_choice(field),
        )


def _found(key: str) -> CustomField:
    field = db.session.scalar(select(CustomField).where(CustomField.key == key))
    if field is None:
        abort(404)
    return field


def _by_choice(field: CustomField | None) -> dict[str, int]:
    if field is None or field.kind not in fields.WITH_CHOICES:
        return {}
    return fields.contacts_by_choice(field)


def _sites_told(field: CustomField) -> list[Client]:
    """The sites whose claims carry a field: another one that got its key would go out unasked."""
    source = claim_mapping.CUSTOM + field.key
    clients = db.session.scalars(select(Client).order_by(Client.name, Client.id))
    return [client for client in clients if source in client.claim_map.values()]
