"""What Higher Logic's staff see of the tenant. No sign-in: the sandbox answers on loopback only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from sandbox import contacts, journal
from sandbox.community import page_count, page_number, record_of
from sandbox.faults import ControlError
from sandbox.records import TEXT_LENGTH, Kind
from sandbox.services import services
from sandbox.settings import SettingsError
from sandbox.tenant import PROPERTIES, SIGN_IN_SETTINGS, URL_SETTINGS, default_url

blueprint = Blueprint("hl_admin", __name__, url_prefix="/admin")

PAGE_SIZE = 50
KINDS: dict[str, Kind] = {"security-groups": "security", "communities": "community"}


@blueprint.app_template_filter("moment")
def moment(seconds: float) -> str:
    """Unix seconds as `2026-11-23 22:54:03 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@blueprint.get("/")
def start() -> AnyResponse:
    """The admin pages begin with the contacts."""
    return redirect(url_for("hl_admin.contact_list"))


@blueprint.get("/contacts")
def contact_list() -> str:
    """Contacts by name, searched by name, address or key."""
    words = request.args.get("q", "")[:200].strip()
    page = page_number()
    total, found = contacts.search(services().database, words, page, PAGE_SIZE)
    return render_template(
        "admin_contacts.html",
        words=words,
        total=total,
        contacts=found,
        page=page,
        pages=page_count(total, PAGE_SIZE),
    )


@blueprint.get("/contacts/<path:key>")
def contact(key: str) -> str:
    """One contact's full record."""
    found = contacts.contact(services().database, key)
    if found is None:
        raise NotFound("There is no such contact.")
    return render_template(
        "admin_contact.html",
        **record_of(found),
        people=contacts.people_of(services().database, key) if found.is_company else [],
    )


@blueprint.get("/<any('security-groups', communities):section>")
def group_list(section: str) -> str:
    """All groups of one kind."""
    found = contacts.groups(services().database, KINDS[section])
    return render_template("admin_groups.html", section=section, groups=found)


@blueprint.get("/<any('security-groups', communities):section>/<path:key>")
def group(section: str, key: str) -> str:
    """One group with its members; its name can be changed here, as it can at Higher Logic."""
    found = _group(section, key)
    page = page_number()
    return render_template(
        "admin_group.html",
        section=section,
        group=found,
        members=contacts.members(services().database, key, page, PAGE_SIZE),
        page=page,
        pages=page_count(found.members, PAGE_SIZE),
    )


@blueprint.post("/<any('security-groups', communities):section>/<path:key>")
def rename(section: str, key: str) -> AnyResponse:
    """The new name stays, whatever later pushes call the group; the key binds."""
    _group(section, key)
    name = request.form.get("name", "").strip()
    if not name or len(name) > TEXT_LENGTH or not name.isprintable():
        flash(f"A name needs 1 to {TEXT_LENGTH} characters on one line.", "error")
    else:
        contacts.rename(services().database, key, name)
        flash("Renamed. Later pushes leave this name alone.", "done")
    return redirect(url_for("hl_admin.group", section=section, key=key))


@blueprint.get("/sync")
def sync() -> str:
    """ "Sync External Database": contacts pending refresh, and the last pushes."""
    return render_template(
        "admin_sync.html",
        totals=contacts.totals(services().database),
        pushes=journal.latest(services().database, 25),
    )


@blueprint.get("/sync/state")
def sync_state() -> Response:
    """The counts, for the page to keep itself current."""
    return jsonify(contacts.totals(services().database))


@blueprint.get("/integration")
def integration() -> str:
    """What Higher Logic's representative hands out, and the three properties."""
    tenant = services().tenant
    return render_template(
        "admin_integration.html",
        api_key=tenant.api_key,
        base_url=services().settings.base_url + "/push/v1",
        properties=tenant.properties(),
        gated=PROPERTIES,
    )


@blueprint.post("/integration")
def switch_properties() -> AnyResponse:
    """Saves the three switches."""
    services().tenant.set_properties(PROPERTIES.keys() & request.form.getlist("property"))
    flash("Saved. The switches count from the next push on.", "done")
    return redirect(url_for("hl_admin.integration"))


@blueprint.route("/sso", methods=["GET", "POST"])
def sso() -> AnyResponse | tuple[str, int]:
    """The technical worksheet, as Higher Logic's engineer types it in."""
    tenant = services().tenant
    entered, error = tenant.entered(), ""
    if request.method == "POST":
        entered = {name: request.form.get(name, "") for name in SIGN_IN_SETTINGS}
        # A secret is never shown again: an empty field leaves it as it is.
        for name in ("community_client_secret", "conference_client_secret"):
            entered[name] = entered[name] or tenant.entered()[name]
        try:
            tenant.set_sign_in(entered)
        except SettingsError as refusal:
            error = str(refusal)
        else:
            flash("Saved. The next sign-in uses it.", "done")
            return redirect(url_for("hl_admin.sso"))
    page = render_template(
        "admin_sso.html",
        entered=entered,
        error=error,
        defaults={name: default_url(entered["issuer"].rstrip("/"), name) for name in URL_SETTINGS},
        base_url=services().settings.base_url,
    )
    return page, 400 if error else 200


@blueprint.route("/faults", methods=["GET", "POST"])
def faults() -> AnyResponse | tuple[str, int]:
    """A form over the control settings; the script of responses and the keys are JSON."""
    error = ""
    entered = _as_form(services().faults.as_json())
    if request.method == "POST":
        entered = {name: request.form.get(name, "")[:100_000] for name in entered}
        try:
            services().faults.change(_from_form(entered))
        except ControlError as refusal:
            error = str(refusal)
        else:
            services().refresher.wake()
            flash("Saved. It counts from the next push on, until the sandbox restarts.", "done")
            return redirect(url_for("hl_admin.faults"))
    return render_template("admin_faults.html", entered=entered, error=error), 400 if error else 200


@blueprint.post("/faults/clear")
def clear_faults() -> AnyResponse:
    """A healthy tenant again."""
    services().faults.reset()
    services().refresher.wake()
    flash("No faults any more.", "done")
    return redirect(url_for("hl_admin.faults"))


def _group(section: str, key: str) -> contacts.Group:
    found = contacts.group(services().database, key)
    if found is None or found.kind != KINDS[section]:
        raise NotFound("There is no such group.")
    return found


def _as_form(settings: dict[str, Any]) -> dict[str, str]:
    return {
        name: json.dumps(value, indent=2, ensure_ascii=False)
        if isinstance(value, dict | list)
        else ("" if value is None else f"{value:g}")
        for name, value in settings.items()
        # What is kept for tests is no fault, and no field of the form.
        if name != "keep_history"
    }


def _from_form(entered: dict[str, str]) -> dict[str, Any]:
    """The control settings as typed: an empty field is "no limit".

    Raises ControlError.
    """
    changes: dict[str, Any] = {}
    for name, text in entered.items():
        try:
            changes[name] = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            raise ControlError(f"{name} is neither a number nor valid JSON") from None
    return changes
