"""Records: what Higher Logic is to be told of some contacts, in our own words.

Built from the database as it is now (docs/architecture.md, decision 2), with a fixed
number of statements for any number of contacts. A change that is kept while records are being
built is not lost: it has counted the ledger's *wanted* up beyond what was claimed.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from idp import photo_files
from idp.database import db
from idp.directory.contacts import ADDRESS, NAMES, PHONE_TYPES, PHONES, WEB_ADDRESSES
from idp.directory.photos import Photo
from sync import ledger, scope
from sync.records import deactivated, entries
from sync.records.entries import FieldEntry, GroupEntry


@dataclass(frozen=True)
class Wanted:
    """What the association wants told beyond the minimum, and whom it calls a member.

    ``member_statuses`` are compared without regard to letter case. ``deactivated`` is what is said
    of who is deactivated.
    """

    bio: bool
    photo: bool
    web: bool
    member_statuses: frozenset[str]
    deactivated: str = "keep"


class Web(NamedTuple):
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


class Record(NamedTuple):
    """Everything Higher Logic is told of one contact.

    ``company_key`` is empty until Higher Logic has the company (a person's own, a company's
    parent). ``bio``, ``photo`` and ``web`` are ``None`` while their switch is off: they are left
    out of the payload, for an empty one could blank what the member wrote at Higher Logic.
    ``photo`` is the public address of the contact's photo, empty when there is none.
    ``is_active`` is false of a record that was merged into another: it has a name, and neither an
    e-mail address nor a group. It may be false of who is deactivated, or their groups empty
    (``deactivated``); it is of nobody else.
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
    groups = entries.groups(contact_ids)
    fields = entries.fields(contact_ids)
    return {
        row.id: _record(row, wanted, groups.get(row.id, ()), fields.get(row.id, ()))
        for row in _contacts(contact_ids, wanted.deactivated)
    }


def _contacts(contact_ids: Collection[int], policy: str) -> Iterable[Any]:
    contact = scope.contacts("contact_told")
    company, main = scope.contacts("company_told"), scope.contacts("main_contact")
    company_row, own_row = ledger.table.alias("company_row"), ledger.table.alias("own_row")
    # Only one of the two is set: a person has a company, a company has a parent.
    company_id = func.coalesce(contact.c.company_id, contact.c.parent_id)
    query = (
        select(
            # First, so that a record is made of them as they come.
            *(contact.c[name] for name in (*_PLAIN, *WEB_ADDRESSES)),
            *(contact.c[name] for name in ("id", "kind", "member_status", "in_directory", "bio")),
            scope.alias(contact).label("is_alias"),
            deactivated.told(contact, policy).label("is_deactivated"),
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
                deactivated.told(contact, policy),
            ),
        )
    )
    return db.session.execute(query)


def _record(
    row: Any, wanted: Wanted, groups: Iterable[GroupEntry], fields: Iterable[FieldEntry]
) -> Record:
    is_company, alias = row.kind == "company", row.is_alias
    said = wanted.deactivated if row.is_deactivated else ""
    plain = dict(zip(_PLAIN, row[: len(_PLAIN)], strict=True))
    if is_company:
        plain |= dict.fromkeys(NAMES, "")
    return Record(
        **plain,
        is_company=is_company,
        is_active=not alias and said != deactivated.INACTIVE,
        is_member=row.member_status.strip().casefold() in wanted.member_statuses,
        in_directory=is_company or row.in_directory,
        company_name=row.name if is_company else row.company_name or "",
        company_key=row.company_key if row.company_accepted_at is not None else "",
        main_contact_key=(row.main_contact_key or "") if is_company else "",
        # What somebody wrote there is not to be blanked for it: it is the kept record's to tell.
        bio=row.bio if wanted.bio and not alias else None,
        photo=_photo(row.photo_token) if wanted.photo and not alias else None,
        web=Web(**{name: getattr(row, name) for name in WEB_ADDRESSES})
        if wanted.web and not alias
        else None,
        groups=() if alias or said == deactivated.NO_GROUPS else tuple(groups),
        fields=() if alias else tuple(fields),
    )


def _photo(token: str | None) -> str:
    return photo_files.address(token) if token is not None else ""
