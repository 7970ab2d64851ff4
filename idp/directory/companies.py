"""What companies point to: a parent company, never in a circle, and a main contact, a person.

A company may be part of another, however many there are above it, but none of those is itself.
Whoever sets a parent is told at once; what two transactions do side by side, or a statement that
no model saw, is looked at again before it is kept.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import event, func, inspect, select
from sqlalchemy.orm import Session

from idp.database import db
from idp.directory.contacts import Company, Contact, InvalidValue, Person

# Any number that no other advisory lock of this database has.
_LOCK = 7_355_373


def above(company: Company) -> list[Company]:
    """The companies that one is part of, the nearest first."""
    found: list[Company] = []
    with db.session.no_autoflush:
        parent = company.parent
        while parent is not None and parent not in found:
            found.append(parent)
            parent = parent.parent
    return found


def in_a_circle(company_ids: Collection[int]) -> list[int]:
    """Which of some companies are their own parent's parent, as it is written now. One statement
    of the transaction at hand; on Postgres nobody else gives a company a parent until it ends."""
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    company = Contact.__table__.alias("company")
    line = (
        select(company.c.id.label("start"), company.c.parent_id.label("above"))
        .where(company.c.id.in_(company_ids), company.c.parent_id.is_not(None))
        .cte("line", recursive=True)
    )
    # UNION, not UNION ALL: a circle further up ends there.
    further = line.union(
        select(line.c.start, company.c.parent_id)
        .join(company, company.c.id == line.c.above)
        .where(company.c.parent_id.is_not(None))
    )
    query = select(further.c.start).where(further.c.start == further.c.above)
    return list(db.session.scalars(query.distinct()))


def circle(company: Company) -> InvalidValue:
    """What is said of a parent that would make a circle."""
    return InvalidValue(
        "parent",
        "circle_of_parents",
        f"{company.title} would be part of itself: choose a company that is not below it.",
    )


@event.listens_for(Company.parent, "set")
def _no_circle(target: Company, parent: Company | None, _old: Any, _initiator: Any) -> None:
    if parent is not None and (parent is target or target in above(parent)):
        raise circle(target)


@event.listens_for(Company.main_contact, "set")
def _a_person(_target: Company, main: Contact | None, _old: Any, _initiator: Any) -> None:
    if main is not None and not isinstance(main, Person):
        raise InvalidValue(
            "main_contact", "not_a_person", f"{main.title} is a company: choose a person."
        )


@event.listens_for(Session, "after_flush")
def _look_again(session: Session, _context: Any) -> None:
    # What was written has waited for whoever held what it points to: it is seen as it is kept.
    rows = [row for row in (*session.new, *session.dirty) if isinstance(row, Contact)]
    pointed_at = {pointed for row in rows for pointed in _moved(row)}
    if not pointed_at:
        return
    with session.no_autoflush:
        merged = session.scalar(
            select(Contact.id)
            .where(Contact.id.in_(pointed_at), Contact.merged_into_id.is_not(None))
            .limit(1)
        )
        if merged is not None:
            raise InvalidValue(
                "company", "merged", "What it points to was just merged: choose it again."
            )
        moved = {row.id: row for row in rows if isinstance(row, Company) and _moved(row)}
        found = in_a_circle(moved) if moved else []
    if found:
        raise circle(moved[found[0]])


def _moved(row: Contact) -> list[int]:
    """What a contact has just been pointed at, by id."""
    attributes = inspect(row).attrs
    return [
        getattr(row, name)
        for name in ("company_id", "parent_id", "main_contact_id")
        if name in attributes
        and attributes[name].history.has_changes()
        and getattr(row, name) is not None
    ]
