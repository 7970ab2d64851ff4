"""The sign-in and sign-out pages."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from idp import audit
from idp.database import db
from idp.directory import accounts
from idp.directory.contacts import email_key
from idp.limits import limiter, network
from idp.signin import known_browsers, passwords, sessions
from idp.signin.forms import SignInForm
from idp.signin.hashing import HashingBusy
from idp.web import form_may_leave

blueprint = Blueprint("signin", __name__)

LONGEST_NEXT = 8000


def local_path(target: str | None) -> str:
    """A path of our own to go on to; the first page when the target is anything else.

    No open redirector (RFC 9700, 4.11): ``//host`` and ``/\\host`` leave the site in a browser.
    """
    if (
        not target
        or len(target) > LONGEST_NEXT
        or not target.startswith("/")
        or target[1:2] in ("/", "\\")
        or any(ord(character) < 32 for character in target)
    ):
        return url_for("profile.home")
    return target


def failed(response: Any) -> bool:
    """Whether an answer to a form counts as a password that was wrong."""
    # Who was sent away by a full line (503) was not told whether the password is right.
    return response.status_code not in (303, 503)


def _address_tried() -> str:
    return "sign-in " + email_key(request.form.get("email", "")[:254])


def _address_tried_from_here() -> str:
    return f"{_address_tried()} from {network()}"


def _known_browser() -> bool:
    return known_browsers.is_known(request.form.get("email", "")[:254])


@blueprint.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("30/minute;200/hour", methods=["POST"], deduct_when=failed)
@limiter.limit(
    "10/15minutes", key_func=_address_tried_from_here, methods=["POST"], deduct_when=failed
)
@limiter.limit(
    "50/hour",
    key_func=_address_tried,
    methods=["POST"],
    deduct_when=failed,
    exempt_when=_known_browser,
)
def sign_in() -> Any:
    """Ask for e-mail address and password; go on to ``next``.

    Who is signed in already goes on at once, unless a client asked for the password anew
    (``again``: OpenID Connect's ``prompt=login`` and ``max_age``), or they want to be somebody
    else (``again=other``).
    """
    target = local_path(request.args.get("next"))
    here = sessions.current()
    if here is not None and "again" not in request.args and request.method == "GET":
        return redirect(target, 303)
    form = SignInForm()
    somebody_else = request.args.get("again") == "other"
    if request.method == "GET" and not somebody_else:
        form.email.data = (
            here.account.person.email if here else request.args.get("login_hint", "")[:254]
        )
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            if _signed_in(form.email.data, form.password.data):
                return known_browsers.remember(redirect(target, 303), form.email.data)
        except HashingBusy as busy:
            form.password.errors = [str(busy)]
            status, headers = 503, {"Retry-After": str(busy.retry_after)}
        else:
            # One text for every reason: it must not tell who has an account (S24).
            form.password.errors = [
                "This e-mail address and password do not belong together, or the account is not "
                "in use."
            ]
            status = 401
    form_may_leave()
    again = here is not None and not somebody_else
    page = render_template("signin/sign_in.html", form=form, again=again)
    return page, status, headers


def _signed_in(address: str, password: str) -> bool:
    """Sign in, or record that it was refused; commits. Raises ``HashingBusy``."""
    account = accounts.find(address)
    key = account.person.key if account is not None else ""
    if passwords.verify(account, password) and account is not None and account.may_sign_in:
        sessions.start(account)
        db.session.commit()
        return True
    # Nothing is read again for this: a known address must not take longer (S24).
    audit.record(audit.Event.SIGN_IN_REFUSED, key)
    db.session.commit()
    return False


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session here and at the sites that were signed in through it."""
    row = sessions.end()
    db.session.commit()
    # The authorization server knows the other sites; sign-in may not know it (the house's arrows).
    page = current_app.extensions.get("tessera-signed-out-page")
    if row is not None and page is not None:
        response: Response = page(row)
        return response
    flash("You are signed out.", "success")
    return redirect(url_for("signin.sign_in"), 303)
