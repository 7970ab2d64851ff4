"""The control API: what a test asks of the sandbox, and what it makes go wrong. JSON both ways.

`GET/PATCH /control` · `GET /control/state` · `GET /control/contacts[/<key>]` ·
`GET /control/groups/<key>` · `GET /control/requests?limit=` · `GET /control/history?after=` ·
`POST /control/reset`
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound

from sandbox import contacts, intake, journal
from sandbox.faults import ControlError
from sandbox.services import services
from sandbox.settings import is_loopback
from sandbox.tenant import PROPERTIES, origin_of

blueprint = Blueprint("control", __name__, url_prefix="/control")


@blueprint.before_request
def own_machine_only() -> None:
    """Refuses other machines, and pages of other sites in a browser on this machine."""
    if not is_loopback(request.remote_addr or ""):
        raise Forbidden("The control API answers on this machine only.")
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() != origin_of(request.host_url):
        raise Forbidden("The control API answers no other site's pages.")


@blueprint.errorhandler(HTTPException)
def refused(error: HTTPException) -> tuple[Response, int]:
    """Errors as JSON: `{"error": …}`."""
    return jsonify(error=error.description), error.code or 500


@blueprint.get("")
def show() -> Response:
    """The control settings, and which of the tenant's three properties are on."""
    return jsonify(_settings())


@blueprint.patch("")
def change() -> Response:
    """Changes the settings given, all or none of them; answers with all settings."""
    changes = request.get_json()
    if not isinstance(changes, dict):
        raise BadRequest("the body must be a JSON object")
    properties = changes.pop("properties", None)
    if properties is not None:
        _check_properties(properties)
    try:
        services().faults.change(changes)
    except ControlError as error:
        raise BadRequest(str(error)) from None
    if properties is not None:
        switched = services().tenant.properties() | properties
        services().tenant.set_properties({name for name, on in switched.items() if on})
    services().refresher.wake()
    return jsonify(_settings())


@blueprint.get("/state")
def state() -> Response:
    """Counts of everything, and the groups with their member counts."""
    database = services().database
    return jsonify(
        **contacts.totals(database),
        groups=[
            {"key": group.key, "name": group.name, "kind": group.kind, "members": group.members}
            for group in contacts.groups(database)
        ],
    )


@blueprint.get("/contacts")
def contact_keys() -> Response:
    """The keys of all contacts shown."""
    return jsonify(contacts.keys(services().database))


@blueprint.get("/contacts/<path:key>")
def contact(key: str) -> Response:
    """The full record of one contact: the wire's `MemberDetails`, groups and demographics."""
    found = contacts.contact(services().database, key)
    if found is None:
        raise NotFound(f"There is no contact {key}.")
    return jsonify(key=found.key, name=found.name, refreshed_at=found.refreshed_at, **found.record)


@blueprint.get("/groups/<path:key>")
def group(key: str) -> Response:
    """One group with the keys of its members."""
    found = contacts.group(services().database, key)
    if found is None:
        raise NotFound(f"There is no group {key}.")
    return jsonify(
        key=found.key,
        name=found.name,
        kind=found.kind,
        type=found.type,
        members=contacts.member_keys(services().database, key),
    )


@blueprint.get("/requests")
def requests() -> Response:
    """The newest pushes, newest first; `limit` from 1 to 1000, 50 when not given."""
    limit = request.args.get("limit", "50")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= journal.KEPT):
        raise BadRequest(f"limit must be a whole number from 1 to {journal.KEPT}")
    return jsonify(journal.latest(services().database, int(limit)))


@blueprint.get("/history")
def history() -> Response:
    """What was accepted while `keep_history` was on, oldest first, 1000 at most; `after` is the
    position of the last one known."""
    after = request.args.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 15):
        raise BadRequest("after must be a whole number")
    return jsonify(intake.history(services().database, int(after), journal.KEPT))


@blueprint.post("/reset")
def reset() -> Response:
    """Empties contacts, groups, queue, log and sessions, and ends all faults.

    The tenant's settings (worksheet, properties) stay.
    """
    services().faults.reset()
    contacts.empty(services().database)
    services().refresher.wake()
    return jsonify(reset=True)


def _settings() -> dict[str, Any]:
    return {**services().faults.as_json(), "properties": services().tenant.properties()}


def _check_properties(value: object) -> None:
    if (
        not isinstance(value, dict)
        or value.keys() - PROPERTIES.keys()
        or not all(isinstance(on, bool) for on in value.values())
    ):
        raise BadRequest(f"properties must give {', '.join(PROPERTIES)} as true or false")
