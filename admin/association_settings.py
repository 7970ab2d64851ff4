"""Association settings › Name and look: what members see of whose sign-in this is."""

from typing import Any

from flask import flash, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, validators

from admin.access import PanelView, may_send, page
from idp import association, audit, logo
from idp.database import db
from idp.directory import photos
from idp.directory.contacts import InvalidValue
from idp.directory.photos import logos
from idp.directory.photos.logos import Logo
from idp.picture_uploads import Sent, picture_field, sent
from idp.web import takes_a_file

NAMES = ("name", "colour", "time_zone")


def time_zone_choices() -> dict[str, list[tuple[str, str]]]:
    """The time zones by region, as a drop-down groups them."""
    found: dict[str, list[tuple[str, str]]] = {"UTC": [("UTC", "UTC")]}
    for name in association.time_zones():
        region, _slash, place = name.partition("/")
        if place and region not in {"Etc", "SystemV", "US"}:
            found.setdefault(region, []).append((name, place.replace("_", " ")))
    here = association.get().time_zone
    if not any(here == name for zones in found.values() for name, _label in zones):
        found["UTC"].append((here, here))
    return found


class AssociationForm(FlaskForm):  # type: ignore[misc]
    """The association's name, colour and day."""

    name = StringField("Name", [validators.Length(max=255)])
    colour = StringField("Colour", render_kw={"type": "color"})
    time_zone = SelectField("Time zone", choices=time_zone_choices)


class LogoForm(FlaskForm):  # type: ignore[misc]
    """An upload of the logo."""

    logo = picture_field()


class AssociationView(PanelView):
    """`/panel/association/`."""

    @page("/", methods=("GET", "POST"))
    def index(self) -> Any:
        """Show and save name, colour and time zone."""
        here = association.get()
        form = AssociationForm(data={name: getattr(here, name) for name in NAMES})
        if form.validate_on_submit() and _save(form):
            flash("Your settings are saved.", "success")
            return redirect(url_for("panel_association.index"), 303)
        return self._shown(form, LogoForm(formdata=None))

    @page("/logo", methods=("POST",))
    @takes_a_file(photos.LARGEST_FILE, may=may_send)
    def logo(self) -> Any:
        """Keep another logo."""
        form, upload = LogoForm(), Sent[Logo]()
        if form.validate_on_submit():
            upload = sent(form.logo, logos.made_logo)
            if (made := upload.made) is not None:
                logo.keep(made)
                audit.record(audit.Event.LOGO_CHANGED, width=made.width, height=made.height)
                db.session.commit()
                flash("The logo is saved.", "success")
                return redirect(url_for("panel_association.index", _anchor="the-logo"), 303)
        here = association.get()
        settings = AssociationForm(
            formdata=None, data={name: getattr(here, name) for name in NAMES}
        )
        return self._shown(settings, form), upload.status, upload.headers

    @page("/logo/remove", methods=("POST",))
    def remove_logo(self) -> Any:
        """Remove the logo."""
        if logo.remove():
            audit.record(audit.Event.LOGO_REMOVED)
            db.session.commit()
            flash("The logo is removed.", "success")
        return redirect(url_for("panel_association.index", _anchor="the-logo"), 303)

    def _shown(self, form: AssociationForm, logo_form: LogoForm) -> str:
        return self.render(
            "panel/association.html", form=form, logo_form=logo_form, largest=photos.LARGEST_FILE
        )


def _save(form: AssociationForm) -> bool:
    """Save all of the form or nothing; what is wrong is said at its field."""
    given = {name: form[name].data or "" for name in NAMES}
    wrong = False
    for name, value in given.items():
        try:
            association.Association(**{name: value})
        except InvalidValue as error:
            form[name].errors, wrong = [str(error)], True
    if wrong:
        return False
    association.change(**given)
    db.session.commit()
    return True
