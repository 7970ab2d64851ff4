"""The record that a page of the panel is about, and writing one while others write, too."""

from typing import Any, TypeVar

from flask import abort, flash, redirect, request, url_for
from sqlalchemy.exc import IntegrityError

from idp.database import db
from idp.directory import contacts
from idp.directory.contacts import Contact, InvalidValue

Kind = TypeVar("Kind", bound=Contact)


def found(model: type[Kind], key: str) -> Kind:
    """The person or the company with a key; there is a 404 otherwise.

    The page of one that was merged is the page of the one that was kept; what was to be done with
    it is not done with that one unseen.
    """
    contact = contacts.find(key)
    if not isinstance(contact, model):
        abort(404)
    if contact.key != key:
        endpoint = request.endpoint or ""
        if request.method != "GET":
            flash("This record was merged into the one below: nothing was done.", "danger")
            endpoint = (
                "panel_people.person" if contact.kind == "person" else "panel_companies.company"
            )
        abort(redirect(url_for(endpoint, key=contact.key), 303))
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
