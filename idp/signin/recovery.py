"""Links by mail: to choose the first password (invitation) and to choose a new one (reset).

A link is a signed text that names the account and what its sign-in looked like when the link
was made: it works once, because a new password changes that, and for a limited time.
"""

import datetime as dt
import hashlib
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from idp import association, audit, jobs, mail
from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import email_key
from idp.limits import limiter
from idp.signin import known_browsers, passwords, sessions
from idp.signin.forms import ForgotForm, NewPasswordForm
from idp.signin.hashing import HashingBusy

blueprint = Blueprint("recovery", __name__)

RESET_HOURS = 1
INVITATION_DAYS = 7
QUEUE = "mail"
# RFC 5321, 4.5.3.1.3: a path of 256 octets has the angle brackets in it.
LONGEST_ADDRESS = 254


def send_link(account: Account) -> None:
    """Have a link to choose a password mailed to the account's owner.

    Raises ``QueueAway`` when the mail could not be queued.
    """
    _queue(account.person.email)


class QueueAway(RuntimeError):
    """A mail could not be queued, since Redis is away."""


def _queue(address: str) -> None:
    if not jobs.enqueue(QUEUE, mail_link, address):
        raise QueueAway("Mail cannot be sent at the moment. Try again in a minute.")


def mail_link(address: str) -> None:
    """RQ job: mail a link to whoever signs in with this address, if anybody does.

    The job's payload holds the address and nothing that opens an account.
    """
    account = accounts.find(address)
    if account is None or not account.may_sign_in:
        return
    name = association.get().name
    # No request, so no address to build on but the issuer.
    path = current_app.url_map.bind("").build(
        "recovery.set_password", {"token": make_token(account)}
    )
    link = current_app.config["TESSERA"].issuer + path
    invited = account.password_hash is None
    mail.send(
        account.person.email,
        f"{name}: choose your password",
        f"Hello {account.person.title},\n\n"
        + (
            f"{name} has made an account for you.\n"
            if invited
            else f"Somebody, we hope it was you, asked for a new password at {name}.\n"
        )
        + f"Choose your password here:\n\n{link}\n\n"
        + (
            f"The link works once, for {INVITATION_DAYS} days.\n"
            if invited
            else f"The link works once, for {RESET_HOURS} hour. "
            "If it was not you, do nothing: your password stays as it is.\n"
        ),
    )


def make_token(account: Account) -> str:
    """The secret part of a link for this account as it is now."""
    return str(_serializer().dumps([account.id, _fingerprint(account)]))


def account_of(token: str) -> Account | None:
    """The account that a link is for; ``None`` when it is used up, too old or made up."""
    try:
        (account_id, fingerprint), made_at = _serializer().loads(
            token, max_age=INVITATION_DAYS * 86_400, return_timestamp=True
        )
    except (BadData, ValueError, TypeError):
        return None
    account = db.session.scalar(select(Account).where(Account.id == account_id))
    if account is None or not account.may_sign_in or _fingerprint(account) != fingerprint:
        return None
    age = dt.datetime.now(dt.UTC) - made_at
    if account.password_hash is not None and age > dt.timedelta(hours=RESET_HOURS):
        return None
    return account


def _fingerprint(account: Account) -> str:
    facts = f"{account.password_hash}|{account.epoch}|{account.email_key}"
    return hashlib.sha256(facts.encode()).hexdigest()[:24]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        current_app.config["TESSERA"].signing_key,
        salt="tessera-choose-password",
        signer_kwargs={"digest_method": hashlib.sha256},
    )


def _address_asked() -> str:
    given = request.form.get("email", "")
    # Longer than any address, as one with blanks behind it, is refused by the form: no mail goes
    # out, and so it takes none from the owner of the address.
    return "forgot " + (email_key(given) if len(given) <= LONGEST_ADDRESS else "")


@blueprint.route("/forgot", methods=["GET", "POST"])
@limiter.limit("10/minute;40/hour", methods=["POST"])
@limiter.limit("5/hour", key_func=_address_asked, methods=["POST"])  # nobody's mailbox is flooded
def forgot() -> Any:
    """Ask for the address and say the same whether or not it has an account (S24)."""
    form = ForgotForm()
    status = 200
    if form.validate_on_submit():
        audit.record(audit.Event.RESET_ASKED)
        db.session.commit()
        try:
            _queue(form.email.data)
        except QueueAway as error:
            form.email.errors = [str(error)]
            status = 503
        else:
            return render_template("signin/forgot_sent.html")
    return render_template("signin/forgot.html", form=form), status


@blueprint.route("/set-password/<token>", methods=["GET", "POST"])
@limiter.limit("30/minute", methods=["POST"])
def set_password(token: str) -> Any:
    """Choose a password through a mailed link; signs in afterwards."""
    account = account_of(token)
    if account is None:
        return render_template("signin/link_over.html"), 410
    form = NewPasswordForm()
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            prepared = passwords.prepare(account, form.password.data)
        except passwords.WeakPassword as error:
            form.password.errors = [str(error)]
        except HashingBusy as busy:
            form.password.errors = [str(busy)]
            status, headers = 503, {"Retry-After": str(busy.retry_after)}
        else:
            # The link may have been used, or the account put out of use, in the meantime.
            accounts.hold(account)
            account = account_of(token)
            if account is None:
                return render_template("signin/link_over.html"), 410
            passwords.take(account, prepared)
            db.session.flush()
            sessions.start(account)
            db.session.commit()
            flash("Your password is set, and you are signed in.", "success")
            return known_browsers.remember(
                redirect(url_for("profile.home"), 303), account.person.email
            )
    page = render_template("signin/set_password.html", form=form, holder=account)
    return page, status, headers
