"""Association settings › Integrations: the association's name and look, and Higher Logic."""

from typing import Any

from flask import flash, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    URLField,
    validators,
)
from wtforms.fields import SelectChoice

from admin.access import PanelView, page
from idp import association, audit
from idp.database import db
from idp.directory.contacts import InvalidValue
from sync import connection
from sync.records import deactivated
from sync.settings import alert_settings, connection_settings, history_settings, pace

TEXTS = (
    *("base_url", "tenant_code", "member_statuses", "history_days", "reconcile_hour"),
    *pace.SETTINGS,
)
DEACTIVATED = {
    deactivated.KEEP: "Leave them as they are",
    deactivated.INACTIVE: "Mark them inactive",
    deactivated.NO_GROUPS: "Take them out of all groups",
}


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


class SettingsForm(FlaskForm):  # type: ignore[misc]
    """The association and its connection to Higher Logic.

    The API key is never written back into the page: empty means that it stays.
    """

    name = StringField("Name", [validators.Length(max=255)])
    colour = StringField("Colour", render_kw={"type": "color"})
    time_zone = SelectField("Time zone", choices=time_zone_choices)
    tenant_code = StringField(
        "Tenant code", render_kw={"autocomplete": "off", "spellcheck": "false"}
    )
    api_key = PasswordField(
        "API key", render_kw={"autocomplete": "new-password", "spellcheck": "false"}
    )
    guard_people = StringField("People", render_kw={"inputmode": "numeric", "autocomplete": "off"})
    guard_percent = StringField(
        "Percent of the group", render_kw={"inputmode": "numeric", "autocomplete": "off"}
    )
    base_url = URLField("Base URL", render_kw={"autocomplete": "off", "spellcheck": "false"})
    member_statuses = StringField("Member statuses")
    batch_size = StringField("Contacts in one push", render_kw={"inputmode": "numeric"})
    requests_per_minute = StringField(
        "Pushes a minute", render_kw={"inputmode": "numeric", "placeholder": "No limit"}
    )
    alert_addresses = StringField("Who is told", render_kw={"autocomplete": "off"})
    alert_after_hours = StringField(
        "After so many hours",
        render_kw={"type": "number", "min": 1, "max": alert_settings.MOST_HOURS},
    )
    history_days = StringField(
        "Days that what was sent is kept",
        render_kw={"type": "number", "min": 1, "max": history_settings.LONGEST},
    )
    reconcile_hour = SelectField(
        "Compare everything",
        choices=[
            SelectChoice("", "Never by itself"),
            *(SelectChoice(str(hour), f"Each day at {hour:02}:00") for hour in range(24)),
        ],
    )
    deactivated = RadioField(
        "Deactivated records", choices=[SelectChoice(*one) for one in DEACTIVATED.items()]
    )
    integrate_bio = BooleanField("Biography")
    integrate_profile_image = BooleanField("Profile image")
    integrate_social_media = BooleanField("Social media sites")


class IntegrationsView(PanelView):
    """`/panel/integrations/`."""

    @page("/", methods=("GET", "POST"), sensitive=("GET", "POST"))
    def index(self) -> Any:
        """Show and save."""
        form = SettingsForm(data=_present())
        before = connection.get().deactivated
        if form.validate_on_submit() and _save(form):
            flash(f"Your settings are saved.{_told(before)}", "success")
            return redirect(url_for("panel_integrations.index"), 303)
        return self.render(
            "panel/integrations.html", form=form, link=connection.get(), errors=bool(form.errors)
        )

    @page("/test", methods=("POST",))
    def test(self) -> Any:
        """Try the saved key and tenant code; the page then shows how that went."""
        outcome = connection.test()
        if not connection.get().configured:
            flash(outcome.message, "danger")
        return redirect(url_for("panel_integrations.index") + "#connection", 303)


def _told(before: str) -> str:
    """What follows from another choice for who is deactivated."""
    policy = connection.get().deactivated
    number = deactivated.number(policy) if policy != before else 0
    if not number:
        return ""
    if number == 1:
        return " Higher Logic is told so of the one deactivated record that it has."
    return f" Higher Logic is told so of the {number:,} deactivated records that it has."


def _present() -> dict[str, Any]:
    here, link = association.get(), connection.get()
    values = {
        name: getattr(link, name)
        for name in (
            "base_url",
            "tenant_code",
            "history_days",
            *pace.SETTINGS,
            *connection_settings.SWITCHES,
        )
    }
    return {
        "name": here.name,
        "colour": here.colour,
        "time_zone": here.time_zone,
        "member_statuses": ", ".join(link.member_statuses),
        "alert_addresses": ", ".join(link.alert_addresses),
        "alert_after_hours": link.alert_after_hours,
        "deactivated": link.deactivated,
        "guard_people": link.guard_people,
        "guard_percent": link.guard_percent,
        "reconcile_hour": "" if link.reconcile_hour is None else str(link.reconcile_hour),
        **values,
    }


def _save(form: SettingsForm) -> bool:
    """Save all of the form or nothing; all that is wrong with it is said, each at its field."""
    values: dict[str, Any] = {name: form[name].data or "" for name in TEXTS}
    values |= {name: form[name].data for name in connection_settings.SWITCHES}
    values |= {name: form[name].data for name in alert_settings.NAMES}
    values |= {name: form[name].data or "" for name in connection_settings.LIMITS}
    values["deactivated"] = form.deactivated.data
    if form.api_key.data:
        values["api_key"] = form.api_key.data
    mistakes = connection.mistakes(**values)
    try:
        _save_association(form)
        if not mistakes:
            connection.change(**values)
            db.session.commit()
    except InvalidValue as error:
        mistakes.append(error)
    if mistakes:
        db.session.rollback()
        for mistake in mistakes:
            form[mistake.field].errors = [str(mistake)]
    return not mistakes


def _save_association(form: SettingsForm) -> None:
    here = association.get()
    before = {name: getattr(here, name) for name in ("name", "colour", "time_zone")}
    given = {name: form[name].data or "" for name in before}
    if given == before:
        return
    after = association.change(**given)
    changed = {
        name: [before[name], getattr(after, name)]
        for name in before
        if getattr(after, name) != before[name]
    }
    if changed:
        audit.record(audit.Event.ASSOCIATION_CHANGED, changed=changed)
