"""Contacts as staff pick them in a form: by a part of the name, then one from a list.

A company is written as its name, and with its key where several have that name; a person as their
name with the e-mail address, or with the key where it is not theirs alone.
"""

from collections.abc import Sequence

from sqlalchemy import exists, select

from idp.database import db
from idp.directory import contacts, searching
from idp.directory.contacts import Company, Contact, InvalidValue, Kind, Person
from idp.directory.searching import title
from idp.folding import folded, given

MOST_FOUND = 12
_MODELS: dict[Kind, type[Contact]] = {"person": Person, "company": Company}


def offered(kind: Kind, text: str, *, exact: bool = False) -> list[str]:
    """A few contacts of a kind whose name holds what was typed, as ``resolved`` takes them.

    Found as a list finds them (``searching``). Three statements at most.
    """
    if not text:
        return []
    model, contact = _MODELS[kind], Contact.__table__
    query = select(model).where(model.merged_into_id.is_(None)).order_by(title(contact), model.id)
    query = query.limit(MOST_FOUND)
    found = (
        db.session.scalars(query.where(searching.beginning(text))).all()
        or db.session.scalars(query.where(searching.holding(text))).all()
    )
    shared = _shared(kind, found)
    return [_written(one, exact or one.id in shared) for one in found]


def written(contact: Contact, *, exact: bool = False) -> str:
    """A contact as a form's field holds it, such that ``resolved`` finds it again."""
    kind: Kind = "company" if isinstance(contact, Company) else "person"
    return _written(contact, exact or contact.id in _shared(kind, [contact]))


def resolved(kind: Kind, text: str, field: str) -> Contact | None:
    """The contact that a text names, as ``written`` gives it, or by its key or its name alone.

    Raises ``InvalidValue`` when there is none, or more than one.
    """
    text = text.replace("\x00", "").strip()
    if not text:
        return None
    inner = text[text.rindex("(") + 1 : -1] if text.endswith(")") and "(" in text else text
    named = _named(kind, text)
    if len(named) == 1:
        return named[0]
    for inside in dict.fromkeys((inner, text)):
        found = _by_key_or_address(kind, inside)
        if found is not None:
            return found
    if len(named) > 1:
        raise InvalidValue(
            field, f"several_{kind}", "Several have this name: pick one from the list."
        )
    raise InvalidValue(field, f"unknown_{kind}", f"There is no {kind} “{text[:80]}”.")


def _named(kind: Kind, text: str) -> list[Contact]:
    model, contact = _MODELS[kind], Contact.__table__
    query = select(model).where(
        folded(title(contact).element) == given(text),
        contact.c.kind == kind,
        contact.c.merged_into_id.is_(None),
    )
    return list(db.session.scalars(query.limit(2)))


def _by_key_or_address(kind: Kind, text: str) -> Contact | None:
    found = contacts.find(text)
    if isinstance(found, _MODELS[kind]):
        return found
    if kind == "company":
        return None
    return contacts.only_person_by_email(text)


def _written(contact: Contact, exact: bool) -> str:
    if isinstance(contact, Company):
        return f"{contact.name} ({contact.key})" if exact else contact.name
    return f"{contact.title} ({contact.key if exact or not contact.email else contact.email})"


def _shared(kind: Kind, found: Sequence[Contact]) -> set[int]:
    """Which of some contacts, by id, share what they are told by with another."""
    contact = Contact.__table__
    other = contact.alias("namesake")
    alike = (
        folded(other.c.name) == folded(contact.c.name)
        if kind == "company"
        else other.c.email_key == contact.c.email_key
    )
    namesake = exists().where(
        other.c.id != contact.c.id, other.c.kind == kind, other.c.merged_into_id.is_(None), alike
    )
    ids = [one.id for one in found]
    return set(db.session.scalars(select(contact.c.id).where(contact.c.id.in_(ids), namesake)))
