"""Merging: two records of one person, or of one company, become one.

One is kept. The other stays in the table as an alias: its key still finds the kept one, and that
is all that is left of it. Whose values win is chosen part by part (``parts``); what nobody chose
is the kept record's, and the other's where the kept one has nothing. The answers of *several of*
fields, and what staff declared of groups by hand, are put together.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update

from idp import audit
from idp.database import db
from idp.directory import accounts, changes, companies, fields
from idp.directory.contacts import (
    NAMES,
    PHONE_TYPES,
    TEXTS,
    WEB_ADDRESSES,
    Company,
    Contact,
    InvalidValue,
    Person,
)
from idp.directory.merging import account, belonging
from idp.directory.merging.account import Whose
from idp.directory.merging.parts import CUSTOM, PARTS, Compared, compare, custom_fields

__all__ = ["Compared", "Whose", "compare", "merge", "suggested"]

_POINTERS = {"person": ("main_contact_id",), "company": ("company_id", "parent_id")}
# Set by themselves: an address with its account, a parent without a circle.
_APART = ("email", "parent")


def suggested(kept: Contact, other: Contact) -> set[str]:
    """The parts that had best be the other's: the address of the only account there is."""
    if not isinstance(kept, Person) or not isinstance(other, Person) or not other.email:
        return set()
    alone = accounts.of_person(kept) is None and accounts.of_person(other) is not None
    return {"email"} if alone else set()


def merge(
    kept: Contact, other: Contact, *, take: Collection[str] = (), whose: Whose | None = None
) -> None:
    """Merge ``other`` into ``kept``, in the transaction at hand.

    ``take`` names the parts (``Compared.name``) that are to be the other's, whatever the kept
    record has there. ``whose`` says which account stays, where both have one. People, companies
    below and main contacts that point to the other point to the kept one from then on; so do the
    records that were merged into the other before.

    Raises ``InvalidValue`` with the reasons ``same_record``, ``other_kind``, ``merged``,
    ``unknown_part``, ``circle_of_parents`` or one of ``account``; the caller rolls back.
    """
    _check(kept, other)
    _lock(kept, other)
    unknown = set(take) - {row.name for row in compare(kept, other)}
    if unknown:
        raise InvalidValue("take", "unknown_part", f"Neither has a {min(unknown)[:80]}.")
    before = _values(kept)
    notes: dict[str, Any] = {}
    if isinstance(kept, Person) and isinstance(other, Person):
        notes = _join_people(kept, other, take, whose)
    elif isinstance(kept, Company) and isinstance(other, Company):
        _join_companies(kept, other, take)
    for part in PARTS[kept.kind]:
        gap = part.empty(kept) and not part.empty(other)
        if part.name not in _APART and (gap or part.name in take):
            for column in part.columns:
                setattr(kept, column, getattr(other, column))
    _unite_fields(kept, other, take)
    belonging.unite(kept, other)
    _point_to(kept, other)
    if isinstance(kept, Company) and companies.in_a_circle([kept.id]):
        raise companies.circle(kept)
    _make_alias(other, kept)
    db.session.flush()
    after = _values(kept)
    audit.record(
        audit.Event.CONTACT_MERGED,
        kept.key,
        also_about=other.key,
        merged=other.key,
        changed={
            name: [before[name], after[name]] for name in after if after[name] != before[name]
        },
        **notes,
    )


def _check(kept: Contact, other: Contact) -> None:
    if kept is other:
        raise InvalidValue("other", "same_record", "This is the very same record.")
    if kept.kind != other.kind:
        raise InvalidValue(
            "other", "other_kind", "A person and a company cannot be merged with each other."
        )


def _lock(kept: Contact, other: Contact) -> None:
    """Hold both records, as they are now."""
    db.session.scalars(
        select(Contact)
        .where(Contact.id.in_([kept.id, other.id]))
        .order_by(Contact.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for one in (kept, other):
        if one.merged_into_id is not None:
            raise InvalidValue("other", "merged", f"{one.title} was merged already.")


def _join_people(
    kept: Person, other: Person, take: Collection[str], whose: Whose | None
) -> dict[str, Any]:
    """Join accounts and addresses; gives what the audit is told of it."""
    mine, its = accounts.of_person(kept), accounts.of_person(other)
    stays, goes = account.chosen(mine, its, whose)
    indispensable = stays is not None and accounts.is_last_owner(stays)
    address = other.email if "email" in take or not kept.email else kept.email
    account.end(stays, goes, kept)
    other.email = ""
    db.session.flush()
    if stays is not None:
        account.hand_over(stays, kept, address)
        stays_in_use = other.active if "active" in take else kept.active
        if indispensable and not stays_in_use:
            raise InvalidValue("active", "last_owner", "The last owner's record stays in use.")
    kept.email = address
    if goes is not None:
        return {"account": "kept" if stays is mine else "other"}
    return {"account": "other"} if its is not None else {}


def _join_companies(kept: Company, other: Company, take: Collection[str]) -> None:
    kept.email = other.email if "email" in take or not kept.email else kept.email
    # Where one of them is above the other, what is above both is all that can be.
    mine = None if other in companies.above(kept) else kept.parent
    its = None if kept in companies.above(other) else other.parent
    other.parent = None
    kept.parent = its if mine is None or ("parent" in take and its is not None) else mine


def _unite_fields(kept: Contact, other: Contact, take: Collection[str]) -> None:
    mine, its = fields.values_of(kept), fields.values_of(other)
    for field in custom_fields(mine, its):
        held, offered = mine.get(field.key, []), its.get(field.key, [])
        if CUSTOM + field.key in take:
            for row in held:
                db.session.delete(row)
            db.session.flush()
            held = []
        choices = {row.choice_id for row in held}
        for row in offered:
            fits = not held or (field.kind == "several_of" and row.choice_id not in choices)
            if fits:
                row.contact = kept
            else:
                db.session.delete(row)


def _point_to(kept: Contact, other: Contact) -> None:
    """Have what points to the other point to the kept record."""
    db.session.flush()
    table: Any = Contact.__table__
    for name in _POINTERS[kept.kind]:
        # Held in one order, and announced by id: in turn, which a SELECT would not wait for.
        pointing = db.session.scalars(
            select(table.c.id)
            .where(table.c[name] == other.id)
            .order_by(table.c.id)
            .with_for_update(key_share=True)
        ).all()
        changes.announce(pointing)
        db.session.execute(update(table).where(table.c[name] == other.id).values({name: kept.id}))
    db.session.execute(
        update(table).where(table.c.merged_into_id == other.id).values(merged_into_id=kept.id)
    )
    db.session.expire_all()


def _make_alias(other: Contact, kept: Contact) -> None:
    """Leave the other's key and name, and nothing else that anybody told us."""
    for name in (*TEXTS, *WEB_ADDRESSES, *PHONE_TYPES, "email", "bio"):
        if name not in (*NAMES, "name") and getattr(other, name):
            setattr(other, name, "")
    other.joined_on = other.expires_on = None
    if isinstance(other, Person):
        other.company = None
    elif isinstance(other, Company):
        other.parent = other.main_contact = None
    other.active = False
    other.merged_into = kept


def _values(contact: Contact) -> dict[str, str]:
    return {part.name: part.shown(contact) for part in PARTS[contact.kind]}
