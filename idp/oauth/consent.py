"""The consent page, and the member's page of the sites that they allowed.

Only clients that are not the association's own ask for it (``Client.consent_required``): what
runs on a member's device cannot be told from its copies (RFC 8252, 8.6).
"""

from urllib.parse import urlencode

import structlog
from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from idp import web
from idp.database import db
from idp.oauth import claim_mapping, consents, parameters, pushed
from idp.oauth.checks import (
    Authorization,
    check_claims,
    check_client,
    check_redirect_uri,
    check_scope,
)
from idp.oauth.claim_mapping import ClaimMap
from idp.oauth.errors import ProtocolError
from idp.oauth.parameters import Parameters
from idp.oauth.responses import goto, refusal_page, to_client
from idp.signin import sessions

log = structlog.get_logger()

TOLD = {
    "openid": "who you are: your key at the association",
    "profile": "your name, photo, website and member number",
    "email": "your e-mail address",
    "phone": "your phone number",
    "address": "your postal address",
    "offline_access": "this also while you are away",
}
"""What each scope tells a site, in words for the member."""


def page(asked: Authorization, own_query: str) -> Response:
    """Ask the member whether the site may know what it wants to know."""
    web.form_may_leave()
    return Response(
        render_template(
            "oauth/consent.html",
            client=asked.client,
            told=_told(asked.scope_to_allow, asked.client.claim_map),
            query=own_query,
            leave=asked.scope_to_allow,
        ),
        mimetype="text/html",
    )


def answer() -> WerkzeugResponse:
    """POST /oauth/consent: the member's answer, a form of ours with its CSRF token."""
    try:
        # What the form carries came from outside: it is judged again.
        given = parameters.of_text(request.form.get("query", ""))
        client = check_client(given)
        request_uri = given.get("request_uri", "")
        wanted = pushed.load(request_uri, client) if request_uri else given
        asked = Authorization(wanted, client, check_redirect_uri(wanted, client))
        check_scope(asked)
        check_claims(asked)
    except ProtocolError as error:
        log.info("consent refused", reason=error.description, detail=error.detail)
        return refusal_page(
            "This page does not work any more", "Go back to the site and try again."
        )
    if request.form.get("answer") != "allow":
        refusal = {"error": "access_denied", "error_description": "The member did not allow it."}
        if "state" in wanted:
            refusal["state"] = wanted["state"]
        return to_client(asked.redirect_uri, refusal)
    account = sessions.current_account()
    if account is None or request.form.get("leave") != asked.scope_to_allow:
        # Signed out since, or the client was changed: leave is given by whoever is signed in, for
        # what the page said, and for nothing else. They are asked again.
        return goto(f"{url_for('oauth.authorize')}?{urlencode(given)}")
    consents.give(account.id, client, asked.scope_to_allow)
    if request_uri:
        pushed.change(request_uri, _answered(wanted))
    else:
        given = _answered(given)
    db.session.commit()
    return goto(f"{url_for('oauth.authorize')}?{urlencode(given)}")


def _answered(given: Parameters) -> Parameters:
    # `prompt=consent` is answered by now: asked again it would have no end.
    left = [part for part in given.get("prompt", "").split() if part != "consent"]
    kept = {name: value for name, value in given.items() if name != "prompt"}
    return kept | ({"prompt": " ".join(left)} if left else {})


def sites() -> WerkzeugResponse | str:
    """GET and POST /profile/sites: the sites that a member allowed, and taking that back."""
    account = sessions.current_account()
    if account is None:
        return sessions.to_sign_in()
    if request.method == "POST":
        client_row_id = request.form.get("client", "")
        if client_row_id.isascii() and client_row_id.isdigit() and len(client_row_id) < 10:
            consents.withdraw(account.id, int(client_row_id))
            db.session.commit()
        return redirect(url_for("oauth.sites"), 303)
    rows = consents.of_account(account.id)
    return render_template(
        "oauth/sites.html",
        account=account,
        sites=[(row.id, row.name, _told(row.scope, row.claim_map)) for row in rows],
    )


def _told(scope: str, claim_map: ClaimMap) -> list[str]:
    told = [TOLD[part] for part in scope.split() if part in TOLD]
    if consents.has_mapping(scope) and (labels := claim_mapping.labels(claim_map)):
        told.append(f"from your record: {', '.join(labels)}")
    return told
