"""Whom a list of people or of companies shows: what was typed, and the filters beside it.

The address holds all of it, as staff would say it (a company and a group by their names), so that
a list can be kept as a bookmark; a list and its export read it the same way.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, and_, false, select

from admin import groups_by_name, lookups
from admin.lists import searched
from idp.database import db
from idp.directory import fields, searching
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, InvalidValue, Kind
from idp.directory.fields import COLUMNS, WITH_CHOICES, CustomField, FieldValue
from idp.directory.groups import Group
from idp.directory.membership import Membership, contact_ids_of
from idp.directory.searching import matches
from idp.folding import fold, folded

LONGEST = 300
# More values of a field than that are no list to choose from.
MOST_SPELLINGS = 500
ACCOUNT = {
    "": "Anybody",
    "any": "Has an account",
    "active": "Account active",
    "invited": "Invited, no password yet",
    "deactivated": "Account deactivated",
    "none": "No account",
}
IN_USE = {"": "All records", "yes": "In use", "no": "Not in use"}
_CONTACT, _ACCOUNT = Contact.__table__.c, Account.__table__.c
_TEXTS = frozenset({"text", "long_text", "email", "web_address", "key"})


@dataclass(frozen=True)
class Asked:
    """What a request asks of a list: as it was typed, what is wrong with it, and as SQL.

    ``within``: no word begins as was typed, so it is looked for anywhere. ``names`` are the
    filters by what the address calls them.
    """

    search: str
    values: dict[str, str]
    names: tuple[str, ...]
    problems: dict[str, str] = field(default_factory=dict)
    conditions: list[ColumnElement[bool]] = field(default_factory=list)
    within: bool = False

    @property
    def narrowed(self) -> bool:
        """Whether anything was asked at all."""
        return bool(self.search or self.conditions)

    @property
    def filtered(self) -> bool:
        """Whether a filter is set, besides the search."""
        return any(self.values.values())

    @property
    def condition(self) -> ColumnElement[bool] | None:
        """Whom the list shows, of the contact table; ``None``: everybody."""
        return and_(*self.conditions) if self.conditions else None


def asked(kind: Kind, custom: Iterable[CustomField]) -> Asked:
    """What the request asks of the people or of the companies.

    A filter that cannot be understood finds nobody, and ``problems`` says why.
    """
    names: tuple[str, ...] = ("status", "type", "active", "group", "field", "value")
    if kind == "person":
        names = ("status", "type", "company", "account", "active", "group", "field", "value")
    given = {name: _text(name) for name in names}
    if not given["field"]:
        given["value"] = ""
    found = Asked(searched(), given, names)
    for name, made in _MAKERS.items():
        if given.get(name):
            _take(found, name, made)
    if given["field"]:
        _take(found, "value", lambda _text: _has_value(given["field"], given["value"], custom))
    if not found.search:
        return found
    return _with_search(found, kind)


def _text(name: str) -> str:
    return request.args.get(name, "").replace("\x00", "").strip()[:LONGEST]


def _take(found: Asked, name: str, made: Callable[[str], ColumnElement[bool]]) -> None:
    try:
        found.conditions.append(made(found.values[name]))
    except InvalidValue as error:
        found.problems[name] = str(error)
        found.conditions.append(false())


def _with_search(found: Asked, kind: Kind) -> Asked:
    beginning = searching.beginning(found.search)
    one = select(_CONTACT.id).where(
        _CONTACT.kind == kind, _CONTACT.merged_into_id.is_(None), *found.conditions
    )
    within = db.session.scalar(one.where(beginning).limit(1)) is None
    condition = searching.holding(found.search) if within else beginning
    return Asked(
        found.search, found.values, found.names, found.problems,
        [*found.conditions, condition], within,
    )  # fmt: skip


def _company(text: str) -> ColumnElement[bool]:
    # While somebody types, the companies whose names begin so; then the one that they picked.
    try:
        company = lookups.resolved("company", text, "company")
    except InvalidValue:
        begun = Contact.__table__.alias("company")
        some = select(begun.c.id).where(
            begun.c.kind == "company",
            begun.c.merged_into_id.is_(None),
            searching.beginning(text, begun),
        )
        if db.session.scalar(some.limit(1)) is None:
            raise
        return _CONTACT.company_id.in_(some)
    return false() if company is None else _CONTACT.company_id == company.id


def _group(text: str) -> ColumnElement[bool]:
    try:
        return _CONTACT.id.in_(contact_ids_of(groups_by_name.find("group", text).id))
    except InvalidValue:
        group = Group.__table__
        some = select(group.c.id).where(matches(text, group.c.name))
        if db.session.scalar(some.limit(1)) is None:
            raise
        mine = select(Membership.contact_id).where(Membership.group_id.in_(some))
        return _CONTACT.id.in_(mine)


def _told(column: ColumnElement[str]) -> Callable[[str], ColumnElement[bool]]:
    """The filter of a text that many share: this very one, or what begins so where nobody has it.

    Letter case aside: the few spellings that there are are folded here, so that the database looks
    for them by their index.
    """

    def made(text: str) -> ColumnElement[bool]:
        query = select(column).where(_CONTACT.merged_into_id.is_(None)).distinct()
        spellings = db.session.scalars(query.limit(MOST_SPELLINGS)).all()
        if len(spellings) == MOST_SPELLINGS:
            return folded(column).startswith(fold(text), autoescape=True)
        same = [one for one in spellings if fold(one) == fold(text)]
        begun = [one for one in spellings if fold(one).startswith(fold(text))]
        return column.in_(same or begun)

    return made


def _account(state: str) -> ColumnElement[bool]:
    with_account = select(_ACCOUNT.person_id)
    match state:
        case "any":
            return _CONTACT.id.in_(with_account)
        case "none":
            return _CONTACT.id.not_in(with_account)
        case "deactivated":
            off = with_account.where(_ACCOUNT.deactivated_at.is_not(None))
            unused = and_(~_CONTACT.active, _CONTACT.id.in_(with_account))
            return _CONTACT.id.in_(off) | unused
        case "active" | "invited":
            on = with_account.where(_ACCOUNT.deactivated_at.is_(None))
            chosen = _ACCOUNT.password_hash.is_not(None)
            on = on.where(chosen if state == "active" else ~chosen)
            return and_(_CONTACT.active, _CONTACT.id.in_(on))
    raise InvalidValue("account", "unknown", "Choose one of the list.")


def _in_use(text: str) -> ColumnElement[bool]:
    if text not in IN_USE:
        raise InvalidValue("active", "unknown", "Choose one of the list.")
    return _CONTACT.active if text == "yes" else ~_CONTACT.active


def _has_value(key: str, text: str, custom: Iterable[CustomField]) -> ColumnElement[bool]:
    kept = next((one for one in custom if one.key == key), None)
    if kept is None:
        raise InvalidValue("value", "unknown_field", "This field is no longer there.")
    value = FieldValue.__table__.c
    rows = select(value.contact_id).where(value.field_id == kept.id)
    if not text:
        return _CONTACT.id.in_(rows)
    if kept.kind in _TEXTS:
        return _CONTACT.id.in_(rows.where(folded(value.text).contains(fold(text), autoescape=True)))
    read = fields.parsed(kept, text)
    if kept.kind in WITH_CHOICES:
        keys = read if isinstance(read, list) else [read]
        ids = [choice.id for choice in kept.choices if choice.key in keys]
        return _CONTACT.id.in_(rows.where(value.choice_id.in_(ids)))
    return _CONTACT.id.in_(rows.where(value[COLUMNS[kept.kind]] == read))


_MAKERS: dict[str, Callable[[str], ColumnElement[bool]]] = {
    "status": _told(_CONTACT.member_status),
    "type": _told(_CONTACT.member_type),
    "company": _company,
    "account": _account,
    "active": _in_use,
    "group": _group,
}


def columns(custom: Iterable[CustomField]) -> list[CustomField]:
    """The custom fields that the association has chosen for the list, in its order."""
    return [one for one in custom if one.in_lists]


def cells(shown: list[CustomField], contact_ids: list[int]) -> dict[int, dict[str, str]]:
    """What some contacts have in these fields, as people read it, by contact and field key.

    One statement, none where no field is shown.
    """
    if not shown or not contact_ids:
        return {}
    query = select(FieldValue).where(
        FieldValue.contact_id.in_(contact_ids), FieldValue.field_id.in_([one.id for one in shown])
    )
    rows: dict[tuple[int, str], list[Any]] = {}
    for row in db.session.scalars(query.order_by(FieldValue.id)):
        rows.setdefault((row.contact_id, row.field.key), []).append(row)
    found: dict[int, dict[str, str]] = {}
    for (contact_id, key), values in rows.items():
        found.setdefault(contact_id, {})[key] = fields.shown(values)
    return found
