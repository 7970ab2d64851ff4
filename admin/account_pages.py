"""A person's account: made, invited, sent a link for a new password, signed out, switched off."""

from typing import Any

from flask import abort, flash, redirect, url_for
from sqlalchemy.exc import IntegrityError

from admin import records
from admin.access import PanelView, may_manage, page, signed_in
from idp import audit
from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import Account
from idp.directory.contacts import InvalidValue, Person
from idp.signin import recovery, sessions

STATES = {
    "active": ("Yes", "They can sign in."),
    "invited": ("Not yet", "They have an account, and have not chosen a password."),
    "deactivated": (
        "No",
        "The account is deactivated: they cannot sign in, here or at Higher Logic.",
    ),
    "out_of_use": (
        "No",
        "The record is out of use: they cannot sign in, here or at Higher Logic.",
    ),
    "none": ("No", "They have no account, so they do not sync to Higher Logic either."),
}
"""Whether somebody can sign in, at a glance, by the state of their account."""
LABELS = {
    "active": "Active",
    "invited": "Invited",
    "deactivated": "Deactivated",
    "out_of_use": "Off while the record is out of use",
    "none": "No account",
}


class AccountPages(PanelView):
    """What is done to the account of a person, from their page."""

    @page("/<key:key>/account", methods=("POST",), post="help")
    def create_account(self, key: str) -> Any:
        """Give a person an account, in the invited state."""
        person = records.found(Person, key)
        try:
            accounts.create(person)
            audit.record(
                audit.Event.ACCOUNT_CREATED, person.key, changed={"role": [None, "member"]}
            )
            db.session.commit()
        except InvalidValue as error:
            db.session.rollback()
            flash(str(error), "danger")
            return _back(key)
        except IntegrityError:
            db.session.rollback()
            flash("Somebody else has just made an account with this address.", "danger")
            return _back(key)
        flash(
            "The account is made. Send the invitation so that a password can be chosen.", "success"
        )
        return _back(key)

    @page("/<key:key>/deactivate", methods=("POST",))
    def deactivate(self, key: str) -> Any:
        """Switch sign-in off, here and at every site that signs in here."""
        account = _account(key)
        if account.id == signed_in().id:
            flash("You cannot deactivate your own account: somebody else has to.", "danger")
            return _back(key)
        try:
            accounts.deactivate(account)
        except InvalidValue as error:
            db.session.rollback()
            flash(str(error), "danger")
            return _back(key)
        db.session.commit()
        flash("The account is deactivated: all its sign-ins have ended.", "success")
        return _back(key)

    @page("/<key:key>/reactivate", methods=("POST",))
    def reactivate(self, key: str) -> Any:
        """Switch sign-in on again."""
        accounts.reactivate(_account(key))
        db.session.commit()
        flash("The account is active again.", "success")
        return _back(key)

    @page("/<key:key>/link", methods=("POST",), post="help")
    def send_link(self, key: str) -> Any:
        """Mail the invitation, or the link to choose a new password."""
        account = _account(key)
        audit.record(audit.Event.RESET_ASKED, account.person.key)
        address = account.person.email
        db.session.commit()
        try:
            recovery.send_link(account)
        except recovery.QueueAway as error:
            flash(str(error), "danger")
        else:
            flash(f"A link to choose a password is on its way to {address}.", "success")
        return _back(key)

    @page("/<key:key>/sign-out", methods=("POST",), post="help")
    def sign_out(self, key: str) -> Any:
        """End every session of a person, here and at every site that signs in here."""
        sessions.end_everywhere(_account(key))
        db.session.commit()
        flash("Every sign-in has ended: they have to sign in anew, everywhere.", "success")
        return _back(key)


def _account(key: str) -> Account:
    account = accounts.of_person(records.found(Person, key))
    if account is None:
        abort(404)
    if not may_manage(account):
        abort(403)
    return account


def _back(key: str) -> Any:
    return redirect(url_for("panel_people.person", key=key), 303)
