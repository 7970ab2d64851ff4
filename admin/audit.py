"""The audit: who did what, newest first; found by who, whom, what and when, exported, kept."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import IntegerField, validators

from admin import audit_lines, exports
from admin.access import PanelView, page
from admin.audit_search import Search, search
from admin.audit_words import KINDS
from idp import association
from idp.association import FEWEST_AUDIT_DAYS, MOST_AUDIT_DAYS
from idp.audit import exporting, finding
from idp.audit.finding import Asked, Found, Place
from idp.database import db

_RANGE = f"A number of days from {FEWEST_AUDIT_DAYS} to {MOST_AUDIT_DAYS:,}."


class KeepForm(FlaskForm):  # type: ignore[misc]
    """How long the audit is kept."""

    days = IntegerField(
        "Days",
        [
            validators.InputRequired(_RANGE),
            validators.NumberRange(FEWEST_AUDIT_DAYS, MOST_AUDIT_DAYS, _RANGE),
        ],
    )


class AuditView(PanelView):
    """`/panel/audit/`."""

    @page("/")
    def index(self) -> str:
        """The events, or those that a search finds."""
        return self._page(search(), KeepForm(data={"days": association.get().audit_days}))

    @page("/export", methods=("POST",), post="export", sensitive=("POST",))
    def export(self) -> Any:
        """The events, or those that a search finds, as a file."""
        asked = search()
        if asked.mistakes:
            flash("Nothing was exported: mend what is wrong with the search first.", "danger")
            back = f"{url_for('panel_audit.index')}?{urlencode(asked.query)}"
            return redirect(back, 303)
        found = replace(asked.asked, without=()).condition()
        table = exporting.events(found, audit_lines.texts)
        return exports.download(table, searched=asked.query)

    @page("/keep", methods=("POST",), sensitive=("POST",))
    def keep(self) -> Any:
        """Say how long the audit is kept."""
        form = KeepForm()
        if not form.validate_on_submit():
            return self._page(search(), form), 400
        association.change(audit_days=form.days.data)
        db.session.commit()
        flash(f"Events are kept for {form.days.data:,} days.", "success")
        return redirect(url_for("panel_audit.index"), 303)

    def _page(self, asked: Search, form: KeepForm) -> str:
        found = turned(asked.asked)
        return self.render(
            "panel/audit.html",
            search=asked,
            found=found,
            lines=audit_lines.lines(found.events),
            kinds={name: label for name, (label, _events) in KINDS.items()},
            form=form,
            days=association.get().audit_days,
        )


def turned(asked: Asked) -> Found:
    """The page of what is asked that the request's address leads to."""
    return finding.page(
        asked,
        older_than=Place.parsed(request.args.get("older", "")),
        newer_than=Place.parsed(request.args.get("newer", "")),
    )
