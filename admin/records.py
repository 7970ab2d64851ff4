"""The record that a page of the panel is about: found by its key, written while others write, put
out of use and back into use."""

from typing import Any, TypeVar

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import ColumnElement, literal_column
from sqlalchemy.exc import IntegrityError

from admin.access import may_manage, page, signed_in
from admin.audit_search import keys_of
from admin.changes import ChangesPages, Subject
from admin.contact_addresses import home
from admin.contact_forms import ContactForm, take_key
from idp import audit, custom_inputs
from idp.database import db
from idp.directory import accounts, contacts, deactivation
from idp.directory.contacts import Company, Contact, InvalidValue, Kind, Person
from sync import connection
from sync.records import deactivated

Model = TypeVar("Model", bound=Contact)

# What deactivating does at Higher Logic, by the association's choice.
AT_HIGHER_LOGIC: dict[str, str] = {
    deactivated.KEEP: "At Higher Logic the record stays as it is, and is no longer kept current.",
    deactivated.INACTIVE: "Higher Logic is told that the record is inactive.",
    deactivated.NO_GROUPS: "At Higher Logic the record is taken out of all groups.",
}


class RecordView(ChangesPages):
    """What the views of people and of companies have in common."""

    model: type[Person] | type[Company]

    def changed(self, key: str) -> Subject:
        """The record with a key, with the keys that were merged into it."""
        contact = found(self.model, key)
        return Subject(contact.title, home(contact), keys_of(contact))

    @page("/<key:key>/out-of-use", methods=("POST",))
    def put_out_of_use(self, key: str) -> Any:
        """Put a record out of use: who it is about cannot sign in any more."""
        contact = found(self.model, key)
        problem = _problem(contact)
        if problem:
            flash(problem, "danger")
            return redirect(home(contact), 303)
        try:
            deactivation.deactivate(contact)
        except InvalidValue as error:
            db.session.rollback()
            flash(str(error), "danger")
        else:
            db.session.commit()
            flash("The record is out of use.", "success")
        return redirect(home(contact), 303)

    @page("/<key:key>/in-use", methods=("POST",))
    def put_in_use(self, key: str) -> Any:
        """Put a record back into use."""
        contact = found(self.model, key)
        if not may_manage(_account(contact)):
            abort(403)
        deactivation.reactivate(contact)
        db.session.commit()
        flash("The record is in use again.", "success")
        return redirect(home(contact), 303)


def of_kind(kind: Kind) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The contacts of a kind that lists have, as what the indexes of lists are of: a literal, for
    no database takes an index of some rows by a parameter."""
    contact = Contact.__table__.c
    return contact.kind == literal_column(f"'{kind}'"), contact.merged_into_id.is_(None)


def at_higher_logic() -> str:
    """What becomes of a record at Higher Logic when it is deactivated here."""
    return AT_HIGHER_LOGIC[connection.get().deactivated]


def found(model: type[Model], key: str) -> Model:
    """The person or the company with a key; there is a 404 otherwise.

    The page of one that was merged is the page of the one that was kept; what was to be done with
    it is not done with that one unseen.
    """
    contact = contacts.find(key)
    if not isinstance(contact, model):
        abort(404)
    if contact.key != key:
        address = home(contact)
        if request.method == "GET":
            # What the address asks is handed on as text: ``url_for`` has names of its own for
            # where an address leads.
            address = url_for(request.endpoint or "", key=contact.key)
            if asked := request.query_string.decode("ascii", "ignore"):
                address += f"?{asked}"
        else:
            flash("That record was merged into this one: nothing was done.", "danger")
        abort(redirect(address, 303))
    return contact


def flush(form: Any) -> None:
    """Write what is in the session. What another request wrote in the meantime, so that this
    cannot be kept, is said at the form, and nothing is written."""
    try:
        db.session.flush()
    except InvalidValue as error:
        db.session.rollback()
        form.form_errors.append(str(error))
    except IntegrityError:
        db.session.rollback()
        form.form_errors.append(
            "Somebody else has just saved this key or e-mail address: try again."
        )


def save(
    form: ContactForm, contact: Contact, changed: dict[str, Any], custom: Any, values: Any
) -> str | None:
    """Save a contact that has taken what was typed, with its own fields and its event, all or
    nothing; gives its key, or nothing when something is wrong with the form."""
    made = contact.id is None
    with db.session.no_autoflush:
        if made:
            take_key(form, contact)
        if not form.errors and made:
            db.session.add(contact)
        if not form.errors:
            flush(form)
        if not form.form_errors:
            changed |= custom_inputs.take(form, contact, custom, values)
    if form.errors:
        db.session.rollback()
        return None
    if made or changed:
        event = audit.Event.CONTACT_CREATED if made else audit.Event.CONTACT_CHANGED
        audit.record(event, contact.key, changed=changed)
    key = contact.key
    db.session.commit()
    return key


def _account(contact: Contact) -> accounts.Account | None:
    return accounts.of_person(contact) if isinstance(contact, Person) else None


def _problem(contact: Contact) -> str:
    account = _account(contact)
    if account is None:
        return ""
    if not may_manage(account):
        abort(403)
    if account.id == signed_in().id:
        return "You cannot put your own record out of use: somebody else has to."
    return ""
