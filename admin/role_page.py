"""The role of a person: who may see and change what. Only an owner says so."""

from typing import Any

from flask import abort, flash, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import RadioField
from wtforms.fields import SelectChoice

from admin import roles
from admin.access import PanelView, page, signed_in
from idp.database import db
from idp.directory import accounts
from idp.directory.accounts import ROLES
from idp.directory.contacts import InvalidValue, Person

ORDER = ROLES[::-1]


class RoleForm(FlaskForm):  # type: ignore[misc]
    """One of the roles."""

    role = RadioField("Role", choices=[SelectChoice(role, roles.NAMES[role]) for role in ORDER])


class RolePages(PanelView):
    """The page about a person's role, as a part of the people's view."""

    def contact(self, key: str) -> Person:
        """The person with a key; 404 for any other."""
        raise NotImplementedError

    @page(
        "/<key:key>/role",
        methods=("GET", "POST"),
        get="appoint",
        post="appoint",
        sensitive=("GET", "POST"),
    )
    def role(self, key: str) -> Any:
        """Give the person's account another role."""
        person = self.contact(key)
        account = accounts.of_person(person)
        if account is None:
            abort(404)
        oneself = account.id == signed_in().id
        form = RoleForm(data={"role": account.role})
        if form.validate_on_submit() and not oneself:
            role = accounts.role_named(form.role.data)
            try:
                accounts.change_role(account, role)
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                form.role.errors = [str(error)]
            else:
                flash(f"The role of {person.title} is now {roles.NAMES[role]}.", "success")
                return redirect(url_for("panel_people.person", key=key), 303)
        return self.render(
            "panel/person_role.html",
            person=person,
            account_of=account,
            oneself=oneself,
            form=form,
            words=roles.WORDS,
        )
