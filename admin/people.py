"""People: search, a person's page, their record."""

from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy import select

from admin import (
    condition_editor,
    contact_filters,
    exports,
    groups_by_name,
    lookups,
    person_forms,
    person_page,
    records,
)
from admin.access import page
from admin.account_pages import LABELS, AccountPages
from admin.contact_forms import PersonForm, form_with
from admin.contact_photos import PhotoPages
from admin.lists import searched
from admin.merge import MergeableView
from admin.role_page import RolePages
from admin.sent import SentPages, after_resend
from admin.walking import Order, stretch_of
from idp.database import db
from idp.directory import exporting, fields
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, Person
from idp.folding import folded
from sync import resend

_PERSON = Contact.__table__
_BY_NAME = (folded(_PERSON.c.last_name), folded(_PERSON.c.first_name), _PERSON.c.id)
ORDERS = {
    "name": Order("Name", _BY_NAME),
    "email": Order("E-mail", (folded(_PERSON.c.email), _PERSON.c.id)),
    "status": Order("Member status", (_PERSON.c.member_status, *_BY_NAME)),
    "newest": Order("Newest first", (_PERSON.c.id,), downwards=True),
    "oldest": Order("Oldest first", (_PERSON.c.id,)),
}


class PeopleView(RolePages, PhotoPages, SentPages, AccountPages, MergeableView):
    """`/panel/people/`."""

    model = Person

    def contact(self, key: str) -> Person:
        """The person with a key; 404 for any other."""
        return _found(key)

    @page("/")
    def index(self) -> str:
        """The people, or those that a search and the filters find."""
        account, employer = Account.__table__, _PERSON.alias("employer")
        custom = fields.all_fields("person")
        asked = contact_filters.asked("person", custom)
        query = (
            select(
                *(_PERSON.c[name] for name in ("id", "key", "email", "member_status", "active")),
                (_PERSON.c.first_name + " " + _PERSON.c.last_name).label("title"),
                employer.c.name.label("company"),
                account.c.id.label("account"),
                account.c.password_hash.is_not(None).label("has_password"),
                account.c.deactivated_at,
            )
            .outerjoin(account, account.c.person_id == _PERSON.c.id)
            .outerjoin(employer, employer.c.id == _PERSON.c.company_id)
            .where(*records.of_kind("person"), *asked.conditions)
        )
        listing = stretch_of(
            query, _PERSON.c.key, ORDERS, narrowed=asked.narrowed, within=asked.within
        )
        shown = contact_filters.columns(custom)
        return self.render(
            "panel/people.html",
            listing=listing,
            asked=asked,
            account_state=_state_of,
            states=LABELS,
            custom=custom,
            columns=shown,
            cells=contact_filters.cells(shown, [row.id for row in listing.rows]),
            account_words=contact_filters.ACCOUNT,
            in_use_words=contact_filters.IN_USE,
        )

    @page("/export", methods=("POST",), post="export", sensitive=("POST",))
    def export(self) -> Any:
        """The people, or those that the search and the filters find, as a file."""
        asked = contact_filters.asked("person", fields.all_fields("person"))
        return exports.download(exporting.people(asked.condition))

    @page("/search")
    def search(self) -> dict[str, list[str]]:
        """A few people whose name or address holds what was typed, for a form to offer."""
        return {"found": lookups.offered("person", searched())}

    @page("/groups")
    def groups(self) -> dict[str, list[str]]:
        """A few groups whose name holds what was typed, for the filter to offer."""
        return {"found": groups_by_name.offered(searched())}

    @page("/values/<field>")
    def values(self, field: str) -> dict[str, list[str]]:
        """The most frequent values of a built-in field, for the filter to offer."""
        return {"found": condition_editor.values_of(field)}

    @page("/new", methods=("GET", "POST"), get="change")
    def new(self) -> Any:
        """Add a person."""
        return self._form(None)

    @page("/<key:key>")
    def person(self, key: str) -> str:
        """Can they sign in, and what does Higher Logic have of them, since when?"""
        return self.render("panel/person.html", **person_page.facts(_found(key)))

    @page("/<key:key>/edit", methods=("GET", "POST"), get="change")
    def edit(self, key: str) -> Any:
        """Change a person's record."""
        return self._form(_found(key))

    @page("/<key:key>/resend", methods=("POST",))
    def resend(self, key: str) -> Any:
        """Send the record to Higher Logic again."""
        person = _found(key)
        number = resend.resend(person.key)
        db.session.commit()
        if number:
            flash("The record is sent to Higher Logic again.", "success")
        else:
            flash("There is nothing to send: they are in no synced group, or out of use.", "danger")
        return after_resend(person)

    def _form(self, person: Person | None) -> Any:
        custom = fields.all_fields("person")
        posted = request.method == "POST"
        values = fields.values_of(person, to_change=posted) if person is not None else {}
        held = person_forms.held(person, custom, values)
        form = form_with(PersonForm, custom, values)(data=held)
        if form.is_submitted():
            form.validate()
            saved = person_forms.save(form, person, custom, values)
            if saved is not None:
                flash("The record is saved.", "success")
                return redirect(url_for("panel_people.person", key=saved), 303)
        return self.render("panel/person_edit.html", form=form, person=person, custom=custom)


def _state_of(row: Any) -> str:
    """The state of the account of a row of the list (``Account.state`` says it of an object)."""
    if row.account is None:
        return "none"
    if row.deactivated_at is not None or not row.active:
        return "deactivated"
    return "active" if row.has_password else "invited"


def _found(key: str) -> Person:
    return records.found(Person, key)
