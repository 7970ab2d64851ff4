"""The password once more, before what must not be done by whoever came by a session.

A session lives for hours, and a browser that is left open or a cookie that is copied is somebody
else's. So a view that is ``sensitive`` goes on only while the sign-in, or the last time that its
password was given again, is not older than ``TESSERA_CONFIRM_MINUTES`` (OWASP ASVS 5, 7.5.3). The
browser in which the password was given again gets a secret of its own for it: whoever copied the
session's cookie before has not got that, and may do no more than before.
"""

import datetime as dt
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf import FlaskForm
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response
from wtforms import PasswordField, validators

from idp import audit
from idp.database import db, now
from idp.directory.accounts import Account
from idp.limits import limiter
from idp.signin import passwords, sessions
from idp.signin.hashing import HashingBusy
from idp.signin.pages import failed, local_path
from idp.signin.sessions import SignInSession, hashed
from idp.web import READING_METHODS

blueprint = Blueprint("confirmation", __name__)

_COOKIE = "confirmed"


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password of who is signed in."""

    password = PasswordField(
        "Password",
        [
            validators.InputRequired("Enter your password."),
            validators.Length(max=passwords.LONGEST),
        ],
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )


def is_recent() -> bool:
    """Whether who is signed in gave their password so recently, in this browser, that something
    sensitive may be done without asking for it again."""
    here = sessions.current()
    if here is None:
        return False
    after = now() - dt.timedelta(minutes=current_app.config["TESSERA"].confirm_minutes)
    if here.started_at > after:
        return True
    secret = session.get(_COOKIE)
    return (
        here.confirmed_at is not None
        and here.confirmed_at > after
        and isinstance(secret, str)
        and here.confirmed_hash == hashed(secret)
    )


def ask() -> Response:
    """Send the browser to the page that asks, and from there back to what it asked for.

    What a form held is not kept: passwords and keys are among it. The browser comes back to the
    page of the form, and is told that nothing was done.
    """
    repeat = None if request.method in READING_METHODS else "1"
    return redirect(url_for("confirmation.confirm", next=page_of_request(), repeat=repeat), 303)


def page_of_request() -> str:
    """The page that the request at hand belongs to: itself, or, for what only takes forms, the
    nearest above it that can be looked at."""
    methods = (request.url_rule.methods if request.url_rule else None) or set()
    if "GET" in methods:
        return request.full_path.rstrip("?")
    adapter = current_app.create_url_adapter(request)
    path = request.path
    while adapter is not None and (path := path.rstrip("/").rpartition("/")[0]):
        for candidate in (path, path + "/"):
            try:
                adapter.match(candidate, method="GET")
            except HTTPException:
                continue
            query = urlsplit(request.full_path).query
            return f"{candidate}?{query}" if query else candidate
    return url_for("profile.home")


def _account_tried() -> str:
    here = sessions.signed_in()
    return f"confirm {here.account_id if here is not None else ''}"


@blueprint.route("/confirm", methods=["GET", "POST"])
@limiter.limit("30/minute;200/hour", methods=["POST"], deduct_when=failed)
@limiter.limit("10/15minutes", key_func=_account_tried, methods=["POST"], deduct_when=failed)
def confirm() -> Any:
    """Ask for the password of who is signed in; go on to ``next``."""
    target = local_path(request.args.get("next"))
    here = sessions.current()
    if here is None:
        return redirect(url_for("signin.sign_in", next=target), 303)
    if request.method == "GET" and is_recent():
        return redirect(target, 303)
    form = ConfirmForm()
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            good = passwords.verify(here.account, form.password.data)
        except HashingBusy as busy:
            form.password.errors = [str(busy)]
            status, headers = 503, {"Retry-After": str(busy.retry_after)}
        else:
            # Time went by: this may have been signed out, or the password changed, elsewhere.
            if not here.alive:
                return redirect(url_for("signin.sign_in", next=target), 303)
            _noted(here, good)
            if good:
                if "repeat" in request.args:
                    flash("Thank you. Nothing was done yet: please do it once more.", "success")
                return redirect(target, 303)
            form.password.errors = ["This is not the password of your account."]
            status = 401
    page = render_template(
        "signin/confirm.html",
        form=form,
        email=here.account.person.email,
        back=target if "repeat" in request.args else url_for("profile.home"),
    )
    return page, status, headers


def _noted(here: SignInSession, good: bool) -> None:
    account: Account = here.account
    if good:
        secret = secrets.token_urlsafe(32)
        here.confirmed_at, here.confirmed_hash = now(), hashed(secret)
        session[_COOKIE] = secret
        audit.record(audit.Event.CONFIRMED, account.person.key)
    else:
        audit.record(audit.Event.CONFIRM_REFUSED, account.person.key)
    db.session.commit()
