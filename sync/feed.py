"""Records: what Higher Logic is to be told of some contacts, in our own words.

Built from the database as it is now (docs/architecture.md, decision 2), with a fixed
number of statements for any number of contacts. A change that is kept while records are being
built is not lost: it has counted the ledger's *wanted* up beyond what was claimed.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select

from idp import photo_files
from idp.database import db
from idp.directory.contacts import ADDRESS, NAMES, PHONE_TYPES, PHONES, WEB_ADDRESSES
from idp.directory.fields import COLUMNS, WITH_CHOICES, Choice, CustomField, FieldValue
from idp.directory.groups import Group
from idp.directory.membership import Membership
from idp.directory.photos import Photo
from sync import ledger, scope


@dataclass(frozen=True)
class Wanted:
    """What the association wants told beyond the minimum, and whom it calls a member.

    ``member_statuses`` are compared without regard to letter case.
    """

    bio: bool
    photo: bool
    web: bool
    member_statuses: frozenset[str]


@dataclass(frozen=True)
class GroupEntry:
    """A synced group that the contact is in; of a community one entry for each role held there.

    Who holds no role has one entry, with an empty ``role``. ``begin_on`` is the day that staff gave
    or, of who is in by the condition, the day of joining, in UTC. ``end_on`` is the last day.
    """

    key: str
    name: str
    type: str
    community_type: str
    begin_on: dt.date
    role: str = ""
    end_on: dt.date | None = None


@dataclass(frozen=True)
class ChoiceEntry:
    """A choice of a *one of* or *several of* field."""

    key: str
    label: str


@dataclass(frozen=True)
class FieldEntry:
    """A custom field marked for sync, with the contact's value."""

    key: str
    label: str
    value: str | bool | int | Decimal | dt.date | tuple[ChoiceEntry, ...]


@dataclass(frozen=True)
class Web:
    """Web addresses, sent as one: they are behind one switch."""

    website: str
    linkedin: str
    twitter: str
    facebook: str
    youtube: str
    google_plus: str
    blogger: str
    wordpress: str
    other_blog: str


@dataclass(frozen=True)
class Record:
    """Everything Higher Logic is told of one contact.

    ``company_key`` is empty until Higher Logic has the company (a person's own, a company's
    parent). ``bio``, ``photo`` and ``web`` are ``None`` while their switch is off: they are left
    out of the payload, for an empty one could blank what the member wrote at Higher Logic.
    ``photo`` is the public address of the contact's photo, empty when there is none.
    ``is_active`` is false of a record that was merged into another, and of no other: it has a name,
    and neither an e-mail address nor a group.
    """

    key: str
    is_company: bool
    is_active: bool
    member_id: str
    is_member: bool
    prefix: str
    first_name: str
    middle_name: str
    last_name: str
    suffix: str
    informal_name: str
    designation: str
    job_title: str
    email: str
    phone_1: str
    phone_1_type: str
    phone_2: str
    phone_2_type: str
    phone_3: str
    phone_3_type: str
    phone_4: str
    phone_4_type: str
    address_1: str
    address_2: str
    address_3: str
    city: str
    state: str
    postal_code: str
    country: str
    joined_on: dt.date | None
    expires_on: dt.date | None
    in_directory: bool
    company_name: str
    company_key: str
    main_contact_key: str
    bio: str | None
    photo: str | None
    web: Web | None
    groups: tuple[GroupEntry, ...]
    fields: tuple[FieldEntry, ...]


_PLAIN = (
    *("key", "member_id", "email", "joined_on", "expires_on"),
    *(*NAMES, *PHONES, *PHONE_TYPES, *ADDRESS),
)


def build(contact_ids: Collection[int], wanted: Wanted) -> dict[int, Record]:
    """The records of those of the contacts that may be told of, by id. Three statements."""
    groups = _groups(contact_ids)
    fields = _fields(contact_ids)
    return {
        row["id"]: _record(row, wanted, groups[row["id"]], fields[row["id"]])
        for row in _contacts(contact_ids)
    }


def _contacts(contact_ids: Collection[int]) -> Iterable[Any]:
    contact = scope.contacts("contact_told")
    company, main = scope.contacts("company_told"), scope.contacts("main_contact")
    company_row, own_row = ledger.table.alias("company_row"), ledger.table.alias("own_row")
    # Only one of the two is set: a person has a company, a company has a parent.
    company_id = func.coalesce(contact.c.company_id, contact.c.parent_id)
    query = (
        select(
            *(contact.c[name] for name in ("id", "kind", "member_status", "in_directory", "bio")),
            scope.alias(contact).label("is_alias"),
            *(contact.c[name] for name in (*_PLAIN, *WEB_ADDRESSES)),
            contact.c.name,
            company.c.name.label("company_name"),
            company.c.key.label("company_key"),
            company_row.c.accepted_at.label("company_accepted_at"),
            main.c.key.label("main_contact_key"),
            Photo.token.label("photo_token"),
        )
        .select_from(contact)
        .outerjoin(company, company.c.id == company_id)
        .outerjoin(company_row, company_row.c.contact_id == company.c.id)
        .outerjoin(main, main.c.id == contact.c.main_contact_id)
        .outerjoin(Photo, Photo.contact_id == contact.c.id)
        .outerjoin(own_row, own_row.c.contact_id == contact.c.id)
        .where(
            contact.c.id.in_(contact_ids),
            or_(
                scope.eligible(contact),
                # Also where a push had no clear answer: Higher Logic may have it.
                and_(scope.alias(contact), own_row.c.last_pushed_at.is_not(None)),
            ),
        )
    )
    return db.session.execute(query).mappings()


def _record(
    row: Any, wanted: Wanted, groups: Iterable[GroupEntry], fields: Iterable[FieldEntry]
) -> Record:
    is_company, alias = row["kind"] == "company", row["is_alias"]
    plain = {name: row[name] for name in _PLAIN}
    if is_company:
        plain |= dict.fromkeys(NAMES, "")
    return Record(
        **plain,
        is_company=is_company,
        is_active=not alias,
        is_member=row["member_status"].strip().casefold() in wanted.member_statuses,
        in_directory=is_company or row["in_directory"],
        company_name=row["name"] if is_company else row["company_name"] or "",
        company_key=row["company_key"] if row["company_accepted_at"] is not None else "",
        main_contact_key=(row["main_contact_key"] or "") if is_company else "",
        # What somebody wrote there is not to be blanked for it: it is the kept record's to tell.
        bio=row["bio"] if wanted.bio and not alias else None,
        photo=_photo(row["photo_token"]) if wanted.photo and not alias else None,
        web=Web(**{name: row[name] for name in WEB_ADDRESSES})
        if wanted.web and not alias
        else None,
        groups=() if alias else tuple(groups),
        fields=() if alias else tuple(fields),
    )


def _photo(token: str | None) -> str:
    return photo_files.address(token) if token is not None else ""


def _groups(contact_ids: Collection[int]) -> defaultdict[int, list[GroupEntry]]:
    query = (
        select(
            *(Membership.contact_id, Membership.role, Membership.since),
            *(Membership.begin_on, Membership.end_on),
            *(Group.key, Group.name, Group.type, Group.community_type),
        )
        .join(Group, Group.id == Membership.group_id)
        .where(Membership.contact_id.in_(contact_ids), Group.sync)
        .order_by(Group.key, func.lower(Membership.role), Membership.id)
    )
    held: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in db.session.execute(query):
        held[row.contact_id, row.key].append(row)
    entries: defaultdict[int, list[GroupEntry]] = defaultdict(list)
    for (contact_id, _), rows in held.items():
        entries[contact_id] += _entries(rows)
    return defaultdict(list, {one: in_order(found) for one, found in entries.items()})


def in_order(entries: Iterable[GroupEntry]) -> list[GroupEntry]:
    """The order that a record has its groups in: the same whatever the database sorts by, so that
    an entry put back later (``guard``) is where it was."""
    return sorted(entries, key=lambda entry: (entry.key, entry.role.casefold()))


def _entries(rows: Sequence[Any]) -> Iterable[GroupEntry]:
    """What is told of one contact's memberships of one group, however many reasons there are."""
    with_role = [row for row in rows if row.role] if rows[0].type == "community" else []
    by_role: defaultdict[str, list[Any]] = defaultdict(list)
    for row in with_role or rows:
        by_role[row.role.casefold() if with_role else ""].append(row)
    for same in by_role.values():
        first, ends = same[0], [row.end_on for row in same]
        yield GroupEntry(
            key=first.key,
            name=first.name,
            type=first.type,
            community_type=first.community_type,
            begin_on=min(row.begin_on or row.since.date() for row in same),
            role=first.role if with_role else "",
            # One that does not end keeps the contact in.
            end_on=None if None in ends else max(ends),
        )


def _fields(contact_ids: Collection[int]) -> defaultdict[int, list[FieldEntry]]:
    field, value, choice = CustomField.__table__.c, FieldValue.__table__.c, Choice.__table__.c
    query = (
        select(
            *(value.contact_id, *(value[name] for name in sorted(set(COLUMNS.values())))),
            *(field.key, field.label, field.kind),
            choice.key.label("choice_key"),
            choice.label.label("choice_label"),
        )
        .select_from(FieldValue.__table__)
        .join(CustomField.__table__, field.id == value.field_id)
        .outerjoin(Choice.__table__, choice.id == value.choice_id)
        .where(value.contact_id.in_(contact_ids), field.sync)
        # Not by position: a new order on the staff's pages is nothing to tell Higher Logic.
        .order_by(field.id, choice.id)
    )
    rows: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in db.session.execute(query):
        rows[row.contact_id, row.key].append(row)
    entries: defaultdict[int, list[FieldEntry]] = defaultdict(list)
    for (contact_id, key), found in rows.items():
        entries[contact_id].append(FieldEntry(key, found[0].label, _value(found)))
    return entries


def _value(rows: list[Any]) -> Any:
    first = rows[0]
    if first.kind in WITH_CHOICES:
        return tuple(ChoiceEntry(row.choice_key, row.choice_label) for row in rows)
    return getattr(first, COLUMNS[first.kind])
