"""The members of a group: who is in it and why, who was, who is shut out; adding by hand."""

from collections import defaultdict
from typing import Any

from flask import abort, flash, redirect, url_for
from flask_wtf import FlaskForm
from sqlalchemy import Select, distinct, func, select
from sqlalchemy.exc import IntegrityError
from wtforms import DateField, StringField, validators

from admin import group_sync, lookups
from admin.access import page
from admin.changes import ChangesPages, Subject
from admin.lists import matches, page_of, searched, title
from idp.database import db
from idp.directory import contacts, groups, membership
from idp.directory.contacts import Contact, InvalidValue
from idp.directory.groups import Group
from idp.directory.membership import (
    ROLE_LENGTH,
    Addition,
    Exclusion,
    Membership,
    PastMembership,
)
from sync.standing import status

ORIGINS = {"rule": "By the condition", "hand": "Added by hand", "import": "Added by an import"}
STANDINGS = {"to_come": "Begins later", "current": "Counts today", "over": "Over"}
MOST_PAST = 50
_SEARCHED = "first_name last_name name email member_id".split()


class AdditionForm(FlaskForm):  # type: ignore[misc]
    """Role and dates of an addition; each page may hold several."""

    role = StringField("Role", [validators.Length(max=ROLE_LENGTH)])
    begin_on = DateField("From", [validators.Optional()])
    end_on = DateField("Until", [validators.Optional()])


class NewMemberForm(AdditionForm):
    """Whom to add, as ``lookups`` writes them."""

    contact = StringField("Person or company", [validators.Length(max=400)])


class MembersPages(ChangesPages):
    """The pages about a group's members, as a part of the groups' view."""

    def changed(self, key: str) -> Subject:
        """The group with a key."""
        group = found(key)
        return Subject(group.name, url_for("panel_groups.group", key=group.key), (group.key,))

    @page("/<key:key>/members")
    def members(self, key: str) -> str:
        """Who is in a group, by what and in which roles, and who of them syncs."""
        group = found(key)
        listing = page_of(group_sync.members(group, searched()))
        return self._list(
            "panel/group_members.html",
            group,
            listing=listing,
            held=_held(group, [row.id for row in listing.rows]),
            reasons=status.REASONS,
            numbers=_numbers(group),
        )

    @page("/<key:key>/members/past")
    def past_members(self, key: str) -> str:
        """Who was in a group, the last to leave first."""
        group = found(key)
        listing = page_of(_past(group, searched()))
        return self._list("panel/group_past.html", group, listing=listing)

    @page("/<key:key>/members/shut-out")
    def shut_out_members(self, key: str) -> str:
        """Who is shut out of a group."""
        group = found(key)
        listing = page_of(_shut_out(group, searched()))
        return self._list("panel/group_shut_out.html", group, listing=listing)

    @page("/<key:key>/members/added")
    def added_members(self, key: str) -> str:
        """Every addition to a group, those to come and those that are over as well."""
        group = found(key)
        listing = page_of(_added(group, searched()))
        return self._list("panel/group_added.html", group, listing=listing, today=association_day())

    @page("/<key:key>/members/search")
    def search_contacts(self, key: str) -> dict[str, list[str]]:
        """A few people and companies, for a form to offer."""
        found(key)
        text = searched()
        offered = lookups.offered("person", text) + lookups.offered("company", text)
        return {"found": offered[: lookups.MOST_FOUND]}

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
        return self._list("panel/group_add.html", group, form=form)

    @page("/<key:key>/member/<key:contact>", methods=("GET", "POST"))
    def member(self, key: str, contact: str) -> Any:
        """One contact in a group: why, in which roles, since when; the form adds a role."""
        group, whom = found(key), _contact(contact)
        form = AdditionForm(prefix="new")
        if form.validate_on_submit() and self._kept(form, lambda: _add(group, whom, form)):
            return self._back(group, whom, "The role is added.")
        return self._member(group, whom, form)

    @page("/<key:key>/member/<key:contact>/change/<int:number>", methods=("POST",))
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

    @page("/<key:key>/member/<key:contact>/remove/<int:number>", methods=("POST",))
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
        return True

    def _back(self, group: Group, contact: Contact, words: str) -> Any:
        flash(words, "success")
        return redirect(url_for("panel_groups.member", key=group.key, contact=contact.key), 303)

    def _list(self, template: str, group: Group, **values: Any) -> str:
        return self.render(
            template,
            group=group,
            size=size(group),
            pages=group_sync.PAGES,
            origins=ORIGINS,
            **values,
        )

    def _member(
        self,
        group: Group,
        contact: Contact,
        new: AdditionForm,
        wrong: AdditionForm | None = None,
        number: int = 0,
    ) -> str:
        additions = membership.additions_of(group, contact)
        return self._list(
            "panel/group_member.html",
            group,
            contact=contact,
            new=new,
            additions=[
                (
                    one,
                    STANDINGS[one.standing(association_day())],
                    wrong
                    if wrong is not None and one.id == number
                    else AdditionForm(None, obj=one, prefix=f"a{one.id}"),
                )
                for one in additions
            ],
            held=_held(group, [contact.id]).get(contact.id, []),
            past=db.session.scalars(
                select(PastMembership)
                .where(PastMembership.group_id == group.id, PastMembership.contact_id == contact.id)
                .order_by(PastMembership.left_at.desc(), PastMembership.id.desc())
                .limit(MOST_PAST)
            ).all(),
            shut_out=membership.exclusion_of(group, contact),
        )


def found(key: str) -> Group:
    """The group with a key; there is a 404 otherwise."""
    group = groups.find(key)
    if group is None:
        abort(404)
    return group


def size(group: Group) -> int:
    """How many contacts are in a group."""
    query = select(func.count(distinct(Membership.contact_id))).where(
        Membership.group_id == group.id
    )
    return db.session.scalar(query) or 0


def association_day() -> Any:
    """The association's day."""
    return membership.day.today()


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


def _held(group: Group, contact_ids: list[int]) -> dict[int, list[Membership]]:
    """The memberships of some contacts in a group, by contact."""
    held: defaultdict[int, list[Membership]] = defaultdict(list)
    for row in db.session.scalars(
        select(Membership)
        .where(Membership.group_id == group.id, Membership.contact_id.in_(contact_ids))
        .order_by(Membership.origin.desc(), Membership.role, Membership.id)
    ):
        held[row.contact_id].append(row)
    return held


def _numbers(group: Group) -> dict[str, int]:
    def count(model: Any) -> int:
        query = select(func.count()).select_from(model).where(model.group_id == group.id)
        return db.session.scalar(query) or 0

    return {"past": count(PastMembership), "shut_out": count(Exclusion), "added": count(Addition)}


def _about(model: Any, group: Group, search: str, *columns: Any) -> Select[Any]:
    contact = Contact.__table__
    query = (
        select(contact.c.key, contact.c.kind, title(contact), *columns)
        .select_from(model)
        .join(contact, contact.c.id == model.contact_id)
        .where(model.group_id == group.id)
    )
    if search:
        query = query.where(matches(search, *(contact.c[name] for name in _SEARCHED)))
    return query


def _past(group: Group, search: str) -> Select[Any]:
    row = PastMembership
    columns = (row.origin, row.role, row.since, row.left_at)
    return _about(row, group, search, *columns).order_by(row.left_at.desc(), row.id.desc())


def _shut_out(group: Group, search: str) -> Select[Any]:
    query = _about(Exclusion, group, search, Exclusion.created_at)
    return query.order_by(Exclusion.id.desc())


def _added(group: Group, search: str) -> Select[Any]:
    row = Addition
    columns = (row.origin, row.role, row.begin_on, row.end_on)
    return _about(row, group, search, *columns).order_by(row.id.desc())
