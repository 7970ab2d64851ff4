"""The member's own pages: their record, their password, their sessions."""

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from idp import audit, custom_inputs
from idp.database import db, now
from idp.directory import accounts, fields, photos
from idp.directory.accounts import Account
from idp.directory.contacts import KNOWN_PHONE_TYPES, InvalidValue, Person
from idp.directory.fields import FieldValue
from idp.directory.groups import Group
from idp.directory.membership import Membership
from idp.limits import limiter
from idp.signin import passwords, sessions
from idp.signin.forms import PROFILE_FIELDS, ChangePasswordForm, profile_form
from idp.signin.hashing import HashingBusy
from idp.signin.sessions import SignInSession

blueprint = Blueprint("profile", __name__)


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view for who is signed in; everybody else signs in first and comes back."""

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        account = sessions.current_account()
        if account is None:
            return sessions.to_sign_in()
        return view(account, **arguments)

    return guarded


@blueprint.get("/")
@signed_in
def home(account: Account) -> Any:
    """What the association knows of the member, and where they may go."""
    person = account.person
    groups = db.session.scalars(
        select(Group)
        .where(Group.id.in_(select(Membership.group_id).where(Membership.contact_id == person.id)))
        .order_by(Group.name)
    ).all()
    values = fields.values_of(person)
    shown = [
        (field.label, _shown(values[field.key]), field.kind)
        for field in fields.all_fields("person")
        if field.in_members_section and values.get(field.key)
    ]
    return render_template(
        "profile/home.html",
        account=account,
        person=person,
        photo=photos.token_of(person),
        groups=groups,
        fields=shown,
    )


@blueprint.route("/profile", methods=["GET", "POST"])
@signed_in
def edit(account: Account) -> Any:
    """Change one's own record."""
    person = account.person
    own = [
        field
        for field in fields.all_fields("person")
        if field.member_may_edit and field.in_members_section
    ]
    values = fields.values_of(person, to_change=request.method == "POST")
    form = profile_form(own, values)(obj=person, data=custom_inputs.present(own, values))
    if form.validate_on_submit():
        changed = _take(person, form) | custom_inputs.take(form, person, own, values)
        if form.errors:
            db.session.rollback()
        else:
            if changed:
                audit.record(audit.Event.PROFILE_CHANGED, person.key, changed=changed)
            db.session.commit()
            flash("Your profile is saved.", "success")
            return redirect(url_for("profile.home"), 303)
    return render_template(
        "profile/edit.html",
        form=form,
        own=own,
        account=account,
        phone_types=KNOWN_PHONE_TYPES,
    )


def _shown(rows: list[FieldValue]) -> str:
    value = fields.value_of(rows)
    return f"{value:%-d %B %Y}" if isinstance(value, dt.date) else fields.shown(rows)


def _take(person: Person, form: Any) -> dict[str, Any]:
    """Put what was typed into the record; gives what changed. What is wrong is said there."""
    changed: dict[str, Any] = {}
    for name in PROFILE_FIELDS:
        before = getattr(person, name)
        data = form[name].data
        try:
            setattr(person, name, data if isinstance(data, bool) else data or "")
        except InvalidValue as error:
            form[name].errors = [str(error)]
        else:
            if getattr(person, name) != before:
                changed[name] = [before, getattr(person, name)]
    return changed


def _account_tried() -> str:
    here = sessions.signed_in()
    return f"change password {here.account_id if here is not None else ''}"


def _wrong(response: Any) -> bool:
    return bool(response.status_code == 401)


@blueprint.route("/security", methods=["GET", "POST"])
@limiter.limit("20/minute;60/hour", methods=["POST"])
# Whoever has a session alone guesses here no better than where the password is asked for again.
@limiter.limit("10/15minutes", key_func=_account_tried, methods=["POST"], deduct_when=_wrong)
@signed_in
def security(account: Account) -> Any:
    """Change the password; see where one is signed in."""
    form = ChangePasswordForm()
    here = sessions.current()
    status, headers = 200, {}
    if form.validate_on_submit():
        try:
            prepared = _prepared(account, form)
        except HashingBusy as busy:
            form.current.errors = [str(busy)]
            status, headers = 503, {"Retry-After": str(busy.retry_after)}
        else:
            # Time went by: this may have been signed out, or the password changed, elsewhere.
            accounts.hold(account)
            if here is None or not here.alive:
                return sessions.to_sign_in()
            if form.current.errors:
                audit.record(audit.Event.CONFIRM_REFUSED, account.person.key)
                db.session.commit()
                status = 401
            if prepared is not None:
                passwords.take(account, prepared)
                db.session.flush()
                # Every session ended with the old password; this browser goes on in a new one.
                sessions.start(account)
                db.session.commit()
                flash("Your password is changed. Everywhere else you are signed out.", "success")
                return redirect(url_for("profile.security"), 303)
    alive = db.session.scalars(
        select(SignInSession)
        .where(
            SignInSession.account_id == account.id,
            SignInSession.ended_at.is_(None),
            SignInSession.epoch == account.epoch,
            SignInSession.expires_at > now(),
        )
        .order_by(SignInSession.started_at.desc())
        .limit(20)
    ).all()
    page = render_template(
        "profile/security.html", form=form, account=account, alive=alive, here=here
    )
    return page, status, headers


def _prepared(account: Account, form: ChangePasswordForm) -> str | None:
    """The new password, prepared; ``None`` when the form says what is wrong. Raises
    ``HashingBusy``."""
    if not passwords.verify(account, form.current.data):
        form.current.errors = ["This is not your present password."]
        return None
    try:
        return passwords.prepare(account, form.password.data)
    except passwords.WeakPassword as error:
        form.password.errors = [str(error)]
        return None


@blueprint.post("/security/sign-out-everywhere")
@signed_in
def sign_out_everywhere(account: Account) -> Response:
    """End every session and token of one's own."""
    sessions.end_everywhere(account)
    sessions.end()
    db.session.commit()
    flash("You are signed out everywhere.", "success")
    return redirect(url_for("signin.sign_in"), 303)
