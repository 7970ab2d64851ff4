"""People and companies with all that is kept of them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, true

from idp import exporting
from idp.database import db
from idp.directory import fields
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.exporting.columns import Column, columns_of
from idp.directory.fields import COLUMNS, WITH_CHOICES, FieldValue
from idp.directory.groups import Group
from idp.directory.importing.columns import MADE_OF, TOLD_ONLY, Kind
from idp.directory.membership import Membership
from idp.exporting import Cells, Table

_CONTACT, _ACCOUNT = Contact.__table__.c, Account.__table__.c


def people(found: ColumnElement[bool] | None = None) -> Table:
    """Everybody, or those of the contact table whom a search finds."""
    company = Contact.__table__.alias("company")
    query = (
        select(
            *(_CONTACT[name] for name in _plain("people")),
            company.c.key.label("company_key"),
            company.c.name.label("company_name"),
            _ACCOUNT.id.label("account_id"),
            _ACCOUNT.password_hash.is_not(None).label("has_password"),
            _ACCOUNT.deactivated_at,
        )
        .select_from(Contact.__table__)
        .outerjoin(company, company.c.id == _CONTACT.company_id)
        .outerjoin(Account.__table__, _ACCOUNT.person_id == _CONTACT.id)
    )
    more: dict[str, Callable[[Any], Any]] = {
        "Account state": _account_state,
        "Company": lambda row: row.company_name,
    }
    special = {"has_account": lambda row: row.account_id is not None}
    return _contacts("people", "person", query, found, special, more)


def companies(found: ColumnElement[bool] | None = None) -> Table:
    """Every company, or those of the contact table that a search finds."""
    parent, main = (Contact.__table__.alias(name) for name in ("parent", "main_contact"))
    query = (
        select(
            *(_CONTACT[name] for name in _plain("companies")),
            parent.c.key.label("parent_key"),
            main.c.key.label("main_contact_key"),
        )
        .select_from(Contact.__table__)
        .outerjoin(parent, parent.c.id == _CONTACT.parent_id)
        .outerjoin(main, main.c.id == _CONTACT.main_contact_id)
    )
    return _contacts("companies", "company", query, found, {}, {})


def _plain(kind: Kind) -> list[str]:
    """What an import takes that is a column of the contact itself."""
    return ["id", "updated_at", *(name for name in MADE_OF[kind] if name in _CONTACT)]


def _contacts(
    kind: Kind,
    contact_kind: str,
    query: Any,
    found: ColumnElement[bool] | None,
    special: dict[str, Callable[[Any], Any]],
    more: dict[str, Callable[[Any], Any]],
) -> Table:
    custom = columns_of(fields.all_fields(contact_kind), kind)

    def make(rows: Sequence[Any]) -> Iterator[Cells]:
        ids = [row.id for row in rows]
        values, groups = _values(ids, custom), _groups(ids)
        for row in rows:
            told = values[row.id]
            yield [
                *(special[name](row) if name in special else getattr(row, name) for name in names),
                *(told.get(field_id, "") for field_id in custom),
                *(said(row) for said in more.values()),
                "; ".join(groups[row.id]),
                row.updated_at,
            ]

    names = list(MADE_OF[kind])
    header = [
        *(name.replace("_", " ").capitalize() for name in names),
        *(column.name for column in custom.values()),
        *(f"{name}{TOLD_ONLY}" for name in (*more, "Groups", "Changed")),
    ]
    query = query.where(
        _CONTACT.kind == contact_kind,
        _CONTACT.merged_into_id.is_(None),
        true() if found is None else found,
    )
    return exporting.table(kind, header, query, _CONTACT.id, make)


def _account_state(row: Any) -> str:
    if row.account_id is None:
        return "none"
    if row.deactivated_at is not None or not row.active:
        return "deactivated"
    return "active" if row.has_password else "invited"


def _values(
    contact_ids: Sequence[int], custom: dict[int, Column]
) -> defaultdict[int, dict[int, str]]:
    """What some contacts have in custom fields, as an import reads it. One statement."""
    value = FieldValue.__table__.c
    chosen: defaultdict[tuple[int, int], list[tuple[int, str]]] = defaultdict(list)
    told: defaultdict[int, dict[int, str]] = defaultdict(dict)
    if not custom:
        return told
    query = select(FieldValue.__table__).where(value.contact_id.in_(contact_ids))
    for row in db.session.execute(query):
        column = custom.get(row.field_id)
        if column is None:
            continue
        if row.kind in WITH_CHOICES:
            chosen[row.contact_id, row.field_id].append(column.choices[row.choice_id])
        else:
            told[row.contact_id][row.field_id] = fields.text_of(getattr(row, COLUMNS[row.kind]))
    for (contact_id, field_id), several in chosen.items():
        told[contact_id][field_id] = "|".join(text for _, text in sorted(several))
    return told


def _groups(contact_ids: Sequence[int]) -> defaultdict[int, list[str]]:
    """The names of the groups that some contacts are in. One statement."""
    query = (
        select(Membership.contact_id, Group.name)
        .join(Group, Group.id == Membership.group_id)
        .where(Membership.contact_id.in_(contact_ids))
        .distinct()
        .order_by(Membership.contact_id, Group.name)
    )
    names: defaultdict[int, list[str]] = defaultdict(list)
    for row in db.session.execute(query):
        names[row.contact_id].append(row.name)
    return names
