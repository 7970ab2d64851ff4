"""Membership: which contacts are in which group, materialised.

It follows the contacts inside the transaction that changes them: for one contact's change by
asking every group's condition about that contact only, for a group's change by one set
difference in the database. Either way what joined or left is announced
(docs/architecture.md, decision 4).
"""

import datetime as dt
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    delete,
    except_,
    insert,
    inspect,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Base, UTCDateTime, db, now
from idp.directory import changes, conditions
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, Person
from idp.directory.fields import Choice, CustomField, FieldValue
from idp.directory.groups import Group

KINDS = {"people": ("person",), "companies": ("company",), "both": ("person", "company")}


class Membership(Base):
    """A contact in a group. ``origin`` says what put it there: ``rule``, the group's condition."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("group_id", "contact_id", "origin"),
        Index("ix_membership_contact_id", "contact_id", "group_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    origin: Mapped[str] = mapped_column(String(10), default="rule", server_default="rule")
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime, default=now)


def contact_ids_of(group_id: int) -> Select[int]:
    """A SELECT of the ids of the contacts in a group."""
    return select(Membership.contact_id).where(Membership.group_id == group_id)


def matching(tree: conditions.Tree, selects: str) -> Select[int]:
    """A SELECT of the ids of the contacts that a condition selects."""
    contact = Contact.__table__.c
    return select(contact.id).where(
        contact.kind.in_(KINDS[selects]), conditions.compile_condition(tree)
    )


def refresh_group(group: Group) -> None:
    """Make a group's memberships what its condition says now, by set difference."""
    wanted = matching(group.condition, group.selects)
    ours = (Membership.group_id == group.id, Membership.origin == "rule")
    present = select(Membership.contact_id).where(*ours)
    # EXCEPT, and not NOT IN: Postgres answers that row by row once a group outgrows its memory.
    leaving = select(except_(present, wanted).subquery().c[0])
    joining = except_(wanted, present).subquery()
    # Announced before they go: afterwards nothing says who they were.
    if group.sync:
        changes.announce(leaving)
    db.session.execute(
        delete(Membership)
        .where(*ours, Membership.contact_id.in_(leaving))
        .execution_options(synchronize_session=False)
    )
    moment = now()
    db.session.execute(
        insert(Membership).from_select(
            ["contact_id", "group_id", "origin", "since"],
            select(
                joining.c[0],
                literal(group.id),
                literal("rule"),
                literal(moment, type_=UTCDateTime()),
            ),
        )
    )
    if group.sync:
        changes.announce(select(Membership.contact_id).where(*ours, Membership.since == moment))


@changes.follows
def _follow(contact_ids: Collection[int]) -> None:
    """Make the memberships of some contacts what every group's condition says now."""
    # Columns, not objects: what was loaded before others were waited for may be old by now.
    groups = db.session.execute(select(Group.id, Group.selects, Group.condition)).all()
    if not groups:
        return
    known = conditions.known_fields()
    contact = Contact.__table__.c
    # Two transactions may have changed one contact, each a part that the other does not see yet:
    # the second waits here, and then sees both.
    db.session.execute(
        select(contact.id)
        .where(contact.id.in_(contact_ids))
        .order_by(contact.id)
        .with_for_update(key_share=True)
    )
    asked = union_all(
        *(
            select(literal(group.id).label("group_id"), contact.id.label("contact_id")).where(
                contact.id.in_(contact_ids),
                contact.kind.in_(KINDS[group.selects]),
                conditions.compile_condition(group.condition, known),
            )
            for group in groups
        )
    )
    wanted = {(row.group_id, row.contact_id) for row in db.session.execute(asked)}
    kept = {
        (row.group_id, row.contact_id): row.id
        for row in db.session.execute(
            select(Membership.group_id, Membership.contact_id, Membership.id).where(
                Membership.contact_id.in_(contact_ids), Membership.origin == "rule"
            )
        )
    }
    gone = [row_id for pair, row_id in kept.items() if pair not in wanted]
    if gone:
        db.session.execute(delete(Membership).where(Membership.id.in_(gone)))
    new: list[dict[str, Any]] = [
        {"group_id": group_id, "contact_id": contact_id, "origin": "rule", "since": now()}
        for group_id, contact_id in sorted(wanted - kept.keys())
    ]
    if new:
        db.session.execute(insert(Membership), new)


def _contact_written(row: Contact, deleted: bool) -> None:
    if deleted:
        return
    changes.announce([row.id])
    if isinstance(row, Company) and _changed(row, "name"):
        # The company's name travels in the records of its people.
        changes.later(
            ("people of", row.id),
            lambda: changes.announce(select(Person.id).where(Person.company_id == row.id)),
        )


def _account_written(row: Account, deleted: bool) -> None:
    if deleted or _changed(row, "deactivated_at", "person_id"):
        changes.announce([row.person_id])


def _value_written(row: FieldValue, _deleted: bool) -> None:
    changes.announce([row.contact_id])


def _field_written(row: CustomField | Choice, deleted: bool) -> None:
    # Neither is ever deleted: a choice is retired, a field's sync is switched off.
    field_id = row.id if isinstance(row, CustomField) else row.field_id
    if not deleted and _changed(row, "sync", "label"):
        changes.later(
            ("values of", field_id),
            lambda: changes.announce(
                select(FieldValue.contact_id).where(FieldValue.field_id == field_id).distinct()
            ),
        )


def _group_written(row: Group, deleted: bool) -> None:
    if deleted:
        return
    if _changed(row, "condition", "selects"):
        changes.later(("members of", row.id), lambda: refresh_group(row))
    if _changed(row, "sync") or (row.sync and _changed(row, "name", "type", "community_type")):
        # The group's name and type travel in every member's record.
        changes.later(("record of", row.id), lambda: changes.announce(contact_ids_of(row.id)))


def _changed(row: Any, *names: str) -> bool:
    attributes = inspect(row).attrs
    return any(attributes[name].history.has_changes() for name in names if name in attributes)


changes.watch(Contact, _contact_written)
changes.watch(Account, _account_written)
changes.watch(FieldValue, _value_written)
changes.watch(CustomField, _field_written)
changes.watch(Choice, _field_written)
changes.watch(Group, _group_written)
