"""Writing what was planned: a chunk in a few statements over many rows each.

The models' checks were applied to each value when it was read (``rows``), and their listeners
are told here: these statements announce whom they changed (``idp/directory/changes.py``), an
account's end is written through its model, so that whoever listens to that hears of it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from idp.database import db, now
from idp.directory import changes
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.directory.fields import CustomField
from idp.directory.importing import noting
from idp.directory.importing.inserting import insert_rows
from idp.directory.importing.planning import Plan
from idp.directory.importing.tables import ACCOUNTS, CONTACTS, VALUE_COLUMNS, VALUES

# What fits one statement's parameters with room to spare (SQLite: 32,766).
_PARAMETERS = 10_000


class Writer:
    """Writes plans of contacts of one kind (``person`` or ``company``)."""

    def __init__(self, kind: str, custom: Sequence[CustomField]) -> None:
        self._kind = kind
        self._field_ids = [field.id for field in custom]
        self._new: dict[str, Any] = {
            column.name: column.default.arg
            for column in CONTACTS.columns
            if isinstance(column.default, ScalarElementColumnDefault)
        }
        self._new["kind"] = kind

    def write(self, plans: Sequence[Plan]) -> None:
        """Write plans into the transaction at hand, and announce whom they change."""
        plans = [plan for plan in plans if plan.writes]
        if not plans:
            return
        known = [plan for plan in plans if plan.contact_id is not None]
        made = frozenset(plan.key for plan in plans if plan.contact_id is None)
        self._make([plan for plan in plans if plan.contact_id is None])
        self._change(known)
        self._write_values(plans)
        self._write_accounts(plans)
        ids = [plan.contact_id for plan in plans if plan.contact_id is not None]
        changes.announce(ids, of_many=True)
        noting.note(plans, made)

    def _make(self, plans: Sequence[Plan]) -> None:
        if not plans:
            return
        moment = now()
        shared = self._new | {"created_at": moment, "updated_at": moment}
        # Not every new company has a main contact that is there already: all rows get the columns
        # that any of them has.
        blank = {name: shared.get(name) for plan in plans for name in plan.changed}
        rows = [blank | plan.changed | {"key": plan.key} for plan in plans]
        insert_rows(
            CONTACTS, rows, **{name: shared[name] for name in shared if name not in rows[0]}
        )
        ids = _ids({plan.key for plan in plans})
        for plan in plans:
            plan.contact_id = ids[plan.key]

    def _change(self, plans: Sequence[Plan]) -> None:
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        moment = now()
        for plan in plans:
            if plan.changed:
                values = {f"new_{name}": given for name, given in plan.changed.items()}
                row = {"at_id": plan.contact_id, "new_updated_at": moment, **values}
                alike.setdefault(tuple(plan.changed), []).append(row)
        for names, rows in alike.items():
            statement = update(CONTACTS).where(CONTACTS.c.id == bindparam("at_id"))
            values = {name: bindparam(f"new_{name}") for name in (*names, "updated_at")}
            db.session.execute(statement.values(values), rows)
        if self._kind == "company":
            for plan in plans:
                if "name" in plan.changed and plan.contact_id is not None:
                    _announce_people_of(plan.contact_id)

    def _write_values(self, plans: Sequence[Plan]) -> None:
        gone = [row_id for plan in plans for row_id in plan.gone]
        for start in range(0, len(gone), _PARAMETERS):
            part = gone[start : start + _PARAMETERS]
            db.session.execute(delete(VALUES).where(VALUES.c.id.in_(part)))
        rows = [
            {
                "contact_id": plan.contact_id,
                "field_id": self._field_ids[place],
                **dict(zip(VALUE_COLUMNS, facts, strict=True)),
            }
            for plan in plans
            for place, facts in plan.more
        ]
        insert_rows(VALUES, rows)

    def _write_accounts(self, plans: Sequence[Plan]) -> None:
        # In the order of the rows: an address may go from one account to the next.
        moving = [
            {"at_person": plan.contact_id, "new_key": plan.account_moves}
            for plan in plans
            if plan.account_moves is not None and not plan.new_account
        ]
        if moving:
            db.session.execute(
                update(ACCOUNTS)
                .where(ACCOUNTS.c.person_id == bindparam("at_person"))
                .values(email_key=bindparam("new_key")),
                moving,
            )
        made = [
            {"person_id": plan.contact_id, "email_key": plan.account_moves}
            for plan in plans
            if plan.new_account
        ]
        insert_rows(ACCOUNTS, made, role="member", epoch=0, created_at=now())
        end_accounts([plan.contact_id for plan in plans if plan.account_ends and plan.contact_id])


def end_accounts(person_ids: Sequence[int]) -> None:
    """End the sessions and tokens of people whose records are put out of use."""
    if not person_ids:
        return
    for account in db.session.scalars(
        select(Account)
        .where(Account.person_id.in_(person_ids))
        .execution_options(populate_existing=True)
    ):
        account.end_everything()
    db.session.flush()


def _ids(keys: set[str]) -> dict[str, int]:
    query = select(CONTACTS.c.key, CONTACTS.c.id).where(CONTACTS.c.key.in_(keys))
    return dict(db.session.execute(query).all())


def _announce_people_of(company_id: int) -> None:
    # The company's name travels in the records of its people.
    changes.later(
        ("people of", company_id),
        lambda: changes.announce(select(Person.id).where(Person.company_id == company_id)),
    )


def set_parents(parents: Sequence[tuple[int, int | None]]) -> None:
    """Give companies their parents: pairs of ids. In the transaction at hand; whether that makes
    a circle is the caller's to look at."""
    if not parents:
        return
    noting.note_parents(parents)
    moment = now()
    db.session.execute(
        update(CONTACTS)
        .where(CONTACTS.c.id == bindparam("at_id"))
        .values(parent_id=bindparam("new_parent"), updated_at=bindparam("moment")),
        [{"at_id": one, "new_parent": parent, "moment": moment} for one, parent in parents],
    )
    changes.announce([one for one, _ in parents], of_many=True)
