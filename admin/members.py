"""Members as staff pick them to try something with: who has an account and can sign in."""

from sqlalchemy import select

from idp.database import db
from idp.directory import accounts, contacts, searching
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, InvalidValue, Person

MOST_FOUND = 12


def offered(text: str) -> list[dict[str, str]]:
    """A few members of whom a text says a part; ``value`` is what ``find`` takes."""
    if not text:
        return []
    person, account = Contact.__table__.c, Account.__table__.c
    rows = db.session.execute(
        select(person.email, (person.first_name + " " + person.last_name).label("title"))
        .join(Account, account.person_id == person.id)
        .where(
            account.deactivated_at.is_(None),
            person.active,
            searching.beginning(text),
        )
        .order_by(person.last_name, person.first_name, person.id)
        .limit(MOST_FOUND)
    )
    return [{"value": row.email, "label": row.title} for row in rows]


def find(field: str, text: str) -> Account:
    """The account of a member who can sign in, by e-mail address or key. Raises
    ``InvalidValue``."""
    text = text.strip()
    account = accounts.find(text)
    if account is None:
        person = contacts.find(text)
        account = accounts.of_person(person) if isinstance(person, Person) else None
    if account is None:
        raise InvalidValue(field, "unknown_member", f"“{text[:80]}” is nobody’s e-mail address.")
    if not account.may_sign_in:
        raise InvalidValue(
            field, "deactivated", f"{account.person.title} cannot sign in: choose somebody else."
        )
    return account
