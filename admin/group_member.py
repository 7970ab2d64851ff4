"""One contact in a group: why they are in it, added by hand with roles and dates, shut out."""

from typing import Any

from flask import abort, flash, redirect, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from wtforms import DateField, StringField, validators

from admin import lookups
from admin.access import page
from admin.group_members import MembersPages, found, held
from admin.lists import searched
from idp.database import db
from idp.directory import contacts, membership
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.groups import Group
from idp.directory.membership import ROLE_LENGTH, Addition, PastMembership

STANDINGS = {"to_come": "Begins later", "current": "Counts today", "over": "Over"}
MOST_PAST = 50
# As high as the column counts: no database can even look for more.
_NUMBER = "<int(max=2147483647):number>"


class AdditionForm(FlaskForm):  # type: ignore[misc]
    """Role and dates of an addition; each page may hold several."""

    role = StringField("Role", [validators.Length(max=ROLE_LENGTH)])
    begin_on = DateField("From", [validators.Optional()])
    end_on = DateField("Until", [validators.Optional()])


class NewMemberForm(AdditionForm):
    """Whom to add, as ``lookups`` writes them."""

    contact = StringField("Person or company", [validators.Length(max=400)])


class MemberPages(MembersPages):
    """The pages about one contact in a group, as a part of the groups' view."""

    @page("/<key:key>/members/search")
    def search_contacts(self, key: str) -> dict[str, list[str]]:
        """A few people and companies, for a form to offer."""
        found(key)
        text = searched()
        # A dozen people of a name hide no company of that name.
        companies = lookups.offered("company", text)[: lookups.MOST_FOUND // 2]
        people = lookups.offered("person", text)[: lookups.MOST_FOUND - len(companies)]
        return {"found": people + companies}

    @page("/<key:key>/members/add", methods=("GET", "POST"), get="change")
    def add_member(self, key: str) -> Any:
        """Add a person or a company by hand."""
        group = found(key)
        form = NewMemberForm()
        if form.validate_on_submit():
            try:
                contact = _named(form.contact.data or "")
                _add(group, contact, form)
                db.session.commit()
            except InvalidValue as error:
                db.session.rollback()
                _say(form, error)
            except IntegrityError:
                db.session.rollback()
                form.form_errors.append("Somebody else has just added them: look at the members.")
            else:
                return self._back(group, contact, f"{contact.title} is added.")
        return self.of_group("panel/group_add.html", group, form=form)

    @page("/<key:key>/member/<key:contact>", methods=("GET", "POST"))
    def member(self, key: str, contact: str) -> Any:
        """One contact in a group: why, in which roles, since when; the form adds a role."""
        group, whom = found(key), _contact(contact)
        form = AdditionForm(prefix="new")
        if form.validate_on_submit() and self._kept(form, lambda: _add(group, whom, form)):
            return self._back(group, whom, "The role is added.")
        return self._member(group, whom, form)

    @page(f"/<key:key>/member/<key:contact>/change/{_NUMBER}", methods=("POST",))
    def change_addition(self, key: str, contact: str, number: int) -> Any:
        """Change role and dates of an addition."""
        group, whom = found(key), _contact(contact)
        addition = _addition(group, whom, number)
        form = AdditionForm(prefix=f"a{number}")
        if form.validate_on_submit() and self._kept(
            form,
            lambda: membership.change(
                addition,
                role=form.role.data or "",
                begin_on=form.begin_on.data,
                end_on=form.end_on.data,
            ),
        ):
            return self._back(group, whom, "The role is changed.")
        return self._member(group, whom, AdditionForm(None, prefix="new"), form, number)

    @page(f"/<key:key>/member/<key:contact>/remove/{_NUMBER}", methods=("POST",))
    def remove_addition(self, key: str, contact: str, number: int) -> Any:
        """Take an addition back."""
        group, whom = found(key), _contact(contact)
        membership.remove(_addition(group, whom, number))
        db.session.commit()
        return self._back(group, whom, "It is removed. What it was stays in the history.")

    @page("/<key:key>/member/<key:contact>/shut-out", methods=("POST",))
    def shut_out(self, key: str, contact: str) -> Any:
        """Shut a contact out of a group."""
        return self._in_or_out(key, contact, membership.shut_out, "shut out of this group")

    @page("/<key:key>/member/<key:contact>/let-in", methods=("POST",))
    def let_in(self, key: str, contact: str) -> Any:
        """Let a contact in again."""
        return self._in_or_out(key, contact, membership.let_in, "no longer shut out")

    def _in_or_out(self, key: str, contact: str, work: Any, words: str) -> Any:
        group, whom = found(key), _contact(contact)
        try:
            work(group, whom)
            db.session.commit()
        except (InvalidValue, IntegrityError):  # somebody else was faster: it is as it was asked
            db.session.rollback()
        return self._back(group, whom, f"{whom.title} is {words}.")

    def _kept(self, form: FlaskForm, work: Any) -> bool:
        try:
            work()
            db.session.commit()
        except InvalidValue as error:
            db.session.rollback()
            _say(form, error)
            return False
        except IntegrityError:
            db.session.rollback()
            form.form_errors.append("Somebody else has just saved this role: try again.")
            return False
        except StaleDataError:  # somebody else has just removed it
            db.session.rollback()
            abort(404)
        return True

    def _back(self, group: Group, contact: Contact, words: str) -> Any:
        flash(words, "success")
        return redirect(url_for("panel_groups.member", key=group.key, contact=contact.key), 303)

    def _member(
        self,
        group: Group,
        contact: Contact,
        new: AdditionForm,
        wrong: AdditionForm | None = None,
        number: int = 0,
    ) -> str:
        additions = membership.additions_of(group, contact)
        return self.of_group(
            "panel/group_member.html",
            group,
            contact=contact,
            new=new,
            additions=[
                (
                    one,
                    STANDINGS[one.standing(membership.day.today())],
                    wrong
                    if wrong is not None and one.id == number
                    else AdditionForm(None, obj=one, prefix=f"a{one.id}"),
                )
                for one in additions
            ],
            held=held(group, [contact.id]).get(contact.id, []),
            past=db.session.scalars(
                select(PastMembership)
                .where(PastMembership.group_id == group.id, PastMembership.contact_id == contact.id)
                .order_by(PastMembership.left_at.desc(), PastMembership.id.desc())
                .limit(MOST_PAST)
            ).all(),
            shut_out=membership.exclusion_of(group, contact),
        )


def _contact(key: str) -> Contact:
    contact = contacts.find(key)
    if contact is None:
        abort(404)
    return contact


def _addition(group: Group, contact: Contact, number: int) -> Addition:
    addition = db.session.get(Addition, number)
    if addition is None or (addition.group_id, addition.contact_id) != (group.id, contact.id):
        abort(404)
    return addition


def _named(text: str) -> Contact:
    """The person or the company that a text names. Raises ``InvalidValue``."""
    try:
        contact = lookups.resolved("person", text, "contact")
    except InvalidValue as error:
        if error.reason != "unknown_person":
            raise
        try:
            contact = lookups.resolved("company", text, "contact")
        except InvalidValue as other:
            if other.reason != "unknown_company":
                raise
            raise InvalidValue(
                "contact", "unknown_contact", f"There is no person and no company “{text[:80]}”."
            ) from None
    if contact is None:
        raise InvalidValue("contact", "missing_contact", "Whom? Type a part of the name.")
    return contact


def _add(group: Group, contact: Contact, form: AdditionForm) -> None:
    membership.add(
        group,
        contact,
        role=form.role.data or "",
        begin_on=form.begin_on.data,
        end_on=form.end_on.data,
    )


def _say(form: FlaskForm, error: InvalidValue) -> None:
    if error.field in form:
        form[error.field].errors = [str(error)]
    else:
        form.form_errors.append(str(error))
