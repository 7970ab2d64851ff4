"""What the audit has of an import: of each contact that it changes, what changed.

Of a contact that it makes it has that alone: what it was made with stands in the record, and what
is changed later has its before. Written with the chunk, so that both are kept or neither.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import case, func, select

from idp import audit
from idp.audit import Noted
from idp.database import db
from idp.directory.importing.planning import Plan
from idp.directory.importing.tables import CONTACTS

# A hundred thousand rows, each with a biography, are not to be kept a third time.
LONGEST_TEXT = 200
MOST_FIELDS = 60
# Columns that point to another contact, by what people call it.
_POINTERS = {"company_id": "company", "main_contact_id": "main_contact", "parent_id": "parent"}


def note(plans: Sequence[Plan], made: frozenset[str]) -> None:
    """Note what plans change, in the transaction at hand; ``made`` are the keys of those contacts
    that they make."""
    pointed_at = _titles(
        value
        for plan in plans
        for name in plan.changed.keys() & _POINTERS.keys()
        for value in (plan.before.get(name), plan.changed[name])
    )
    audit.record_many(
        audit.Event.CREATED_BY_IMPORT, [Noted(plan.key) for plan in plans if plan.key in made]
    )
    audit.record_many(
        audit.Event.CHANGED_BY_IMPORT,
        [
            Noted(plan.key, {"changed": _bounded(_changed(plan, pointed_at))})
            for plan in plans
            if plan.key not in made
        ],
    )


def note_absent(keys: Iterable[str]) -> None:
    """Note who is put out of use since no row is about them."""
    detail = {"changed": {"active": [True, False]}}
    audit.record_many(audit.Event.DEACTIVATED_BY_IMPORT, [Noted(key, detail) for key in keys])


def note_parents(pairs: Sequence[tuple[int, int | None]]) -> None:
    """Note which companies (by id) get which parents, before they do."""
    contact = CONTACTS.c
    there = db.session.execute(
        select(contact.id, contact.key, contact.parent_id).where(
            contact.id.in_([one for one, _ in pairs])
        )
    ).all()
    wanted = dict(pairs)
    titles = _titles(one for row in there for one in (row.parent_id, wanted[row.id]))
    audit.record_many(
        audit.Event.CHANGED_BY_IMPORT,
        [
            Noted(
                row.key,
                {"changed": {"parent": [titles.get(row.parent_id), titles.get(wanted[row.id])]}},
            )
            for row in there
        ],
    )


def _changed(plan: Plan, pointed_at: dict[int | None, str]) -> dict[str, list[Any]]:
    changed: dict[str, list[Any]] = {}
    for name, value in plan.changed.items():
        before = plan.before.get(name)
        if name in _POINTERS:
            changed[_POINTERS[name]] = [pointed_at.get(before), pointed_at.get(value)]
        elif name != "email_key":
            changed[name] = [before, value]
    changed |= plan.custom
    if plan.new_account:
        changed["account"] = [None, "member"]
    return changed


def _bounded(changed: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        name: [_cut(value) for value in pair] for name, pair in list(changed.items())[:MOST_FIELDS]
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}…"
    return value


def _titles(ids: Iterable[int | None]) -> dict[int | None, str]:
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    contact = CONTACTS.c
    title = case(
        (contact.kind == "company", contact.name),
        else_=func.trim(contact.first_name + " " + contact.last_name),
    )
    found = db.session.execute(select(contact.id, title).where(contact.id.in_(wanted)))
    return dict(found.all())
