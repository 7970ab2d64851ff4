"""Companies: search, a company's page, its record; and finding one by what was typed."""

from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy import and_, func, select

from admin import contact_filters, exports, lookups, person_page, records
from admin.access import page
from admin.contact_forms import (
    COMMON,
    CompanyForm,
    form_with,
    note,
    present,
    say,
    take,
)
from admin.contact_photos import PhotoPages
from admin.lists import searched
from admin.merge import MergeableView
from admin.sent import SentPages, after_resend
from admin.walking import Order, stretch_of
from idp import custom_inputs
from idp.database import db
from idp.directory import contacts, exporting, fields, photos
from idp.directory.contacts import (
    KNOWN_PHONE_TYPES,
    PHONE_TYPES,
    Company,
    Contact,
    InvalidValue,
    Kind,
)
from idp.folding import folded
from sync import resend

MOST_PEOPLE = 20
POINTED_AT: dict[str, Kind] = {"parent": "company", "main_contact": "person"}


_COMPANY = Contact.__table__
ORDERS = {
    "name": Order("Name", (folded(_COMPANY.c.name), _COMPANY.c.id)),
    "newest": Order("Newest first", (_COMPANY.c.id,), downwards=True),
    "oldest": Order("Oldest first", (_COMPANY.c.id,)),
}


class CompaniesView(PhotoPages, SentPages, MergeableView):
    """`/panel/companies/`."""

    model = Company

    def contact(self, key: str) -> Company:
        """The company with a key; 404 for any other."""
        return _found(key)

    @page("/")
    def index(self) -> str:
        """The companies, or those that a search and the filters find."""
        person = _COMPANY.alias("employee")
        people = (
            select(func.count())
            .where(person.c.company_id == _COMPANY.c.id, person.c.merged_into_id.is_(None))
            .correlate(_COMPANY)
            .scalar_subquery()
        )
        custom = fields.all_fields("company")
        asked = contact_filters.asked("company", custom)
        query = select(
            *(_COMPANY.c[name] for name in "id key name email city country".split()),
            _COMPANY.c.member_status,
            _COMPANY.c.active,
            people.label("people"),
        ).where(*records.of_kind("company"), *asked.conditions)
        listing = stretch_of(
            query, _COMPANY.c.key, ORDERS, narrowed=asked.narrowed, within=asked.within
        )
        shown = contact_filters.columns(custom)
        return self.render(
            "panel/companies.html",
            listing=listing,
            asked=asked,
            custom=custom,
            columns=shown,
            cells=contact_filters.cells(shown, [row.id for row in listing.rows]),
            in_use_words=contact_filters.IN_USE,
        )

    @page("/export", methods=("POST",), post="export")
    def export(self) -> Any:
        """The companies, or those that the search and the filters find, as a file."""
        asked = contact_filters.asked("company", fields.all_fields("company"))
        return exports.download(exporting.companies(asked.condition))

    @page("/search")
    def search(self) -> dict[str, list[str]]:
        """A few companies whose name holds what was typed, for the company field to offer."""
        return {"found": lookups.offered("company", searched())}

    @page("/new", methods=("GET", "POST"), get="change")
    def new(self) -> Any:
        """Add a company."""
        return self._form(None)

    @page("/<key:key>")
    def company(self, key: str) -> str:
        """What is known of a company, who works there, what Higher Logic has of it."""
        company = _found(key)
        person = Contact.__table__
        working = and_(person.c.company_id == company.id, person.c.merged_into_id.is_(None))
        people = db.session.execute(
            select(
                person.c.key,
                person.c.job_title,
                (person.c.first_name + " " + person.c.last_name).label("title"),
            )
            .where(working)
            .order_by(person.c.last_name, person.c.first_name, person.c.id)
            .limit(MOST_PEOPLE)
        ).all()
        return self.render(
            "panel/company.html",
            company=company,
            photo=photos.token_of(company),
            people=people,
            parts_of_it=db.session.scalars(
                select(Company)
                .where(Company.parent_id == company.id, Company.merged_into_id.is_(None))
                .order_by(Company.name, Company.id)
                .limit(MOST_PEOPLE)
            ).all(),
            number=db.session.scalar(select(func.count()).select_from(person).where(working)),
            all_of_them=lookups.written(company, exact=True),
            groups=person_page.groups_of(company),
            custom=person_page.custom_of(company),
            aliases=contacts.aliases(company),
            **person_page.at_higher_logic(company),
        )

    @page("/<key:key>/edit", methods=("GET", "POST"), get="change")
    def edit(self, key: str) -> Any:
        """Change a company's record."""
        return self._form(_found(key))

    @page("/<key:key>/resend", methods=("POST",))
    def resend(self, key: str) -> Any:
        """Send the record to Higher Logic again."""
        company = _found(key)
        number = resend.resend(company.key)
        db.session.commit()
        if number:
            flash("The record is sent to Higher Logic again.", "success")
        else:
            flash("There is nothing to send: nobody of it syncs, or it is out of use.", "danger")
        return after_resend(company)

    def _form(self, company: Company | None) -> Any:
        custom = fields.all_fields("company")
        posted = request.method == "POST"
        values = fields.values_of(company, to_change=posted) if company is not None else {}
        held: dict[str, Any] = dict(zip(PHONE_TYPES, KNOWN_PHONE_TYPES, strict=False))
        if company is not None:
            held = present(company, (*COMMON, "name", "email"))
            for name in POINTED_AT:
                told = getattr(company, name)
                held[name] = lookups.written(told) if told is not None else ""
            held |= custom_inputs.present(custom, values)
        form = form_with(CompanyForm, custom, values)(data=held)
        if form.is_submitted():
            form.validate()
            saved = _save(form, company, custom, values)
            if saved is not None:
                flash("The record is saved.", "success")
                return redirect(url_for("panel_companies.company", key=saved), 303)
        return self.render("panel/company_edit.html", form=form, company=company, custom=custom)


def _found(key: str) -> Company:
    return records.found(Company, key)


def _save(form: Any, company: Company | None, custom: Any, values: Any) -> str | None:
    """Save all or nothing; gives the key, or nothing when something is wrong with the form."""
    if not (form.name.data or "").strip():
        say(form, "name", InvalidValue("name", "missing_name", "A company needs a name."))
        return None
    company = company if company is not None else Company()
    with db.session.no_autoflush:
        changed = take(form, company, [*COMMON, "name", "email"])
        for name, kind in POINTED_AT.items():
            _point(form, company, name, kind, changed)
    return records.save(form, company, changed, custom, values)


def _point(form: Any, company: Company, name: str, kind: Kind, changed: dict[str, Any]) -> None:
    """Point the company at its parent or its main contact, as typed."""
    before = getattr(company, name)
    try:
        after = lookups.resolved(kind, form[name].data or "", name)
        setattr(company, name, after)
    except InvalidValue as error:
        say(form, name, error)
    else:
        note(changed, name, before.key if before else "", after.key if after else "")
