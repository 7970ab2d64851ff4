"""Association settings › Integrations: the connection to Higher Logic."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    URLField,
)
from wtforms.fields import SelectChoice

from admin.access import PanelView, page
from idp.database import db
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


class SettingsForm(FlaskForm):  # type: ignore[misc]
    """The association's connection to Higher Logic.

    The API key is never written back into the page: empty means that it stays.
    """

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
            if request.form.get("then") == "test":
                return self.test()
            flash(f"Your settings are saved.{_told(before)}", "success")
            return redirect(url_for("panel_integrations.index"), 303)
        link, errors = connection.get(), bool(form.errors)
        if link.stopped_at is not None and not form.is_submitted():
            for field in (form.tenant_code, form.api_key):
                field.errors = ["Higher Logic does not take these two together."]
        return self.render("panel/integrations.html", form=form, link=link, errors=errors)

    @page("/test", methods=("POST",))
    def test(self) -> Any:
        """Try the saved key and tenant code; the page then shows how that went."""
        outcome = connection.test()
        if not connection.get().configured:
            flash(outcome.message, "danger")
        return redirect(url_for("panel_integrations.index", _anchor="connection"), 303)


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
    link = connection.get()
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
    if mistakes:
        for mistake in mistakes:
            form[mistake.field].errors = [str(mistake)]
        return False
    connection.change(**values)
    db.session.commit()
    return True
