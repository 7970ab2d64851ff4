"""A person's record as a form: what it holds, and saving what was typed, all or nothing."""

from typing import Any

from admin import lookups, records
from admin.access import may_manage, want_password
from admin.contact_forms import COMMON, note, present, say, take
from idp import custom_inputs
from idp.database import db
from idp.directory import accounts
from idp.directory.contacts import (
    KNOWN_PHONE_TYPES,
    NAMES,
    PHONE_TYPES,
    Company,
    InvalidValue,
    Person,
)

OWN = [*NAMES, *COMMON, "email", "in_directory"]


def held(person: Person | None, custom: Any, values: Any) -> dict[str, Any]:
    """What the form of a person, or of a new one, holds before anybody types."""
    if person is None:
        return {"in_directory": True} | dict(zip(PHONE_TYPES, KNOWN_PHONE_TYPES, strict=False))
    shown = present(person, OWN)
    shown["company"] = lookups.written(person.company) if person.company is not None else ""
    return shown | custom_inputs.present(custom, values)


def save(form: Any, person: Person | None, custom: Any, values: Any) -> str | None:
    """Save all or nothing; gives the key, or nothing when something is wrong with the form."""
    if not (form.first_name.data or "").strip() and not (form.last_name.data or "").strip():
        say(form, "last_name", InvalidValue("last_name", "missing_name", "A person needs a name."))
        return None
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
    return records.save(form, person, changed, custom, values)


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
