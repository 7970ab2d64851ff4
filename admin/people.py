"""People: search, a person's page, their record, their account."""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError

from admin import exports, lookups, records
from admin.access import may_manage, page, signed_in, want_password
from admin.contact_forms import (
    COMMON,
    PersonForm,
    form_with,
    note,
    present,
    say,
    take,
    take_key,
)
from admin.contact_photos import PhotoPages
from admin.lists import matches, page_of, searched
from admin.merge import MergeableView
from admin.role_page import RolePages
from admin.sent import SentPages, after_resend
from idp import audit, custom_inputs
from idp.database import db
from idp.directory import accounts, contacts, exporting, fields, photos
from idp.directory.accounts import Account
from idp.directory.contacts import (
    KNOWN_PHONE_TYPES,
    NAMES,
    PHONE_TYPES,
    Company,
    Contact,
    InvalidValue,
    Person,
)
from idp.directory.groups import Group
from idp.directory.membership import Membership
from idp.signin import recovery
from sync import resend
from sync.standing import status

ACCOUNT_STATES = {
    "active": ("Active", "Can sign in."),
    "invited": ("Invited", "Has not chosen a password yet."),
    "deactivated": ("Deactivated", "Cannot sign in, here or at Higher Logic."),
    "none": ("No account", "Cannot sign in, and does not sync to Higher Logic."),
}


OWN = [*NAMES, *COMMON, "email", "in_directory"]


class PeopleView(RolePages, PhotoPages, SentPages, MergeableView):
    """`/panel/people/`."""

    model = Person

    def contact(self, key: str) -> Person:
        """The person with a key; 404 for any other."""
        return _found(key)

    @page("/")
    def index(self) -> str:
        """The people by name, or those that a search finds."""
        person, account = Contact.__table__, Account.__table__
        employer = person.alias("employer")
        query = (
            select(
                *(person.c[name] for name in ("key", "email", "member_status", "active")),
                (person.c.first_name + " " + person.c.last_name).label("title"),
                employer.c.name.label("company"),
                account.c.id.label("account"),
                account.c.password_hash.is_not(None).label("has_password"),
                account.c.deactivated_at,
            )
            .outerjoin(account, account.c.person_id == person.c.id)
            .outerjoin(employer, employer.c.id == person.c.company_id)
            .where(person.c.kind == "person", person.c.merged_into_id.is_(None))
            .order_by(person.c.last_name, person.c.first_name, person.c.id)
        )
        if (asked := _asked()) is not None:
            query = query.where(asked)
        return self.render(
            "panel/people.html",
            listing=page_of(query),
            account_state=_state_of,
            states=ACCOUNT_STATES,
        )

    @page("/export", methods=("POST",), post="export", sensitive=("POST",))
    def export(self) -> Any:
        """The people, or those that the search finds, as a file."""
        return exports.download(exporting.people(_asked()))

    @page("/search")
    def search(self) -> dict[str, list[str]]:
        """A few people whose name or address holds what was typed, for a form to offer."""
        return {"found": lookups.offered("person", searched())}

    @page("/new", methods=("GET", "POST"), get="change")
    def new(self) -> Any:
        """Add a person."""
        return self._form(None)

    @page("/<key:key>")
    def person(self, key: str) -> str:
        """Can they sign in, and what does Higher Logic have of them?"""
        person = _found(key)
        account = accounts.of_person(person)
        groups = db.session.scalars(
            select(Group)
            .where(
                Group.id.in_(select(Membership.group_id).where(Membership.contact_id == person.id))
            )
            .order_by(Group.name)
        ).all()
        values = fields.values_of(person)
        standing = status.of_contact(person)
        return self.render(
            "panel/person.html",
            person=person,
            photo=photos.token_of(person),
            theirs=account,
            state=ACCOUNT_STATES[account.state if account else "none"],
            groups=groups,
            custom=[
                (field.label, fields.shown(values[field.key]), field.kind)
                for field in fields.all_fields("person")
                if values.get(field.key)
            ],
            sync=standing,
            sync_label=status.label(standing),
            at_higher_logic=records.at_higher_logic(),
            manageable=may_manage(account),
            oneself=account is not None and account.id == signed_in().id,
            aliases=contacts.aliases(person),
        )

    @page("/<key:key>/edit", methods=("GET", "POST"), get="change")
    def edit(self, key: str) -> Any:
        """Change a person's record."""
        return self._form(_found(key))

    @page("/<key:key>/account", methods=("POST",), post="help")
    def create_account(self, key: str) -> Any:
        """Give a person an account, in the invited state."""
        person = _found(key)
        try:
            accounts.create(person)
            audit.record(audit.Event.ACCOUNT_CREATED, person.key)
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

    @page("/<key:key>/resend", methods=("POST",))
    def resend(self, key: str) -> Any:
        """Send the record to Higher Logic again."""
        person = _found(key)
        number = resend.resend(person.key)
        db.session.commit()
        if number:
            flash("The record is sent to Higher Logic again.", "success")
        else:
            flash("There is nothing to send: the person is in no synced group.", "danger")
        return after_resend(person)

    def _form(self, person: Person | None) -> Any:
        custom = fields.all_fields("person")
        posted = request.method == "POST"
        values = fields.values_of(person, to_change=posted) if person is not None else {}
        form = form_with(PersonForm, custom, values)(data=_present(person, custom, values))
        if form.is_submitted():
            form.validate()
            saved = _save(form, person, custom, values)
            if saved is not None:
                flash("The record is saved.", "success")
                return redirect(url_for("panel_people.person", key=saved), 303)
        return self.render("panel/person_edit.html", form=form, person=person, custom=custom)


def _asked() -> ColumnElement[bool] | None:
    """Whom the request looks for, in the contact table; ``None``: everybody."""
    names = ("first_name", "last_name", "email", "member_id", "key")
    columns = (Contact.__table__.c[name] for name in names)
    return matches(searched(), *columns) if searched() else None


def _state_of(row: Any) -> str:
    """The state of the account of a row of the list (``Account.state`` says it of an object)."""
    if row.account is None:
        return "none"
    if row.deactivated_at is not None or not row.active:
        return "deactivated"
    return "active" if row.has_password else "invited"


def _found(key: str) -> Person:
    return records.found(Person, key)


def _account(key: str) -> Account:
    account = accounts.of_person(_found(key))
    if account is None:
        abort(404)
    if not may_manage(account):
        abort(403)
    return account


def _back(key: str) -> Any:
    return redirect(url_for("panel_people.person", key=key), 303)


def _present(person: Person | None, custom: Any, values: Any) -> dict[str, Any]:
    if person is None:
        return {"in_directory": True} | dict(zip(PHONE_TYPES, KNOWN_PHONE_TYPES, strict=False))
    held = present(person, OWN)
    held["company"] = lookups.written(person.company) if person.company is not None else ""
    return held | custom_inputs.present(custom, values)


def _save(form: Any, person: Person | None, custom: Any, values: Any) -> str | None:
    """Save all or nothing; gives the key, or nothing when something is wrong with the form."""
    if not (form.first_name.data or "").strip() and not (form.last_name.data or "").strip():
        say(form, "last_name", InvalidValue("last_name", "missing_name", "A person needs a name."))
        return None
    made = person is None
    person = person if person is not None else Person()
    with db.session.no_autoflush:
        _guard(form, person)
        changed = take(form, person, OWN)
        try:
            company = lookups.resolved("company", form.company.data or "", "company")
        except InvalidValue as error:
            say(form, "company", error)
        else:
            before = person.company.title if person.company is not None else ""
            note(changed, "company", before, company.title if company is not None else "")
            person.company = company if isinstance(company, Company) else None
        if made:
            take_key(form, person)
        if not form.errors and made:
            db.session.add(person)
        if not form.errors:
            records.flush(form)
        if not form.form_errors:
            changed |= custom_inputs.take(form, person, custom, values)
    if form.errors:
        db.session.rollback()
        return None
    if made or changed:
        audit.record(audit.Event.CONTACT_CHANGED, person.key, changed=changed)
    key = person.key
    db.session.commit()
    return key


def _guard(form: Any, person: Person) -> None:
    """What the record of somebody who looks after the panel must not lose by an edit."""
    if person.id is None:
        return
    account = accounts.of_person(person)
    if account is None or account.role == "member":
        return
    if form.email.data == person.email:
        return
    if may_manage(account):
        want_password(account)
    else:
        say(
            form,
            "email",
            InvalidValue("email", "owner", "Only an owner may change an owner's address."),
        )
