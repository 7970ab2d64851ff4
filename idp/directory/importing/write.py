"""Writing checked rows: a fixed number of statements to look a chunk up, then what changed."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import select

from idp.database import db
from idp.directory import changes, fields
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, Person, email_key
from idp.directory.fields import CustomField, FieldValue
from idp.directory.importing.report import Report
from idp.directory.importing.rows import Row, RowRefused

Kind = TypeVar("Kind", Person, Company)


class _Writer(Generic[Kind]):
    """What writing people and companies has in common."""

    model: type[Kind]

    def __init__(self, report: Report, custom: Iterable[CustomField]) -> None:
        self.report = report
        self.custom = {field.key: field for field in custom}
        self.seen_keys: set[str] = set()

    def write(self, chunk: Sequence[Row]) -> None:
        """Write a chunk of rows into the transaction at hand."""
        known = self.look_up(chunk)
        taken: list[tuple[Row, Kind, bool]] = []
        for row in chunk:
            contact = self.of_row(row, known)
            try:
                self.check(row, contact)
            except RowRefused as error:
                self.report.refused.append(error.refusal)
                continue
            if contact is None:
                # A key from the start: a later row of this chunk may be about the same contact.
                contact = self.model(**row.values, key=row.key or str(uuid.uuid4()))
                self.refer(row, contact)
                db.session.add(contact)
                self.report.created += 1
                taken.append((row, contact, True))
                self.remember(contact)
            else:
                changed = self.apply(row, contact)
                taken.append((row, contact, changed))
                self.report.updated += changed
                self.report.unchanged += not changed
            self.seen_keys.add(contact.key)
        db.session.flush()
        self.write_values(taken)
        self.write_more(taken)

    def look_up(self, chunk: Sequence[Row]) -> dict[str, Kind]:
        """The contacts that the rows of a chunk are, by key."""
        keys = [row.key for row in chunk if row.key]
        found = db.session.scalars(select(Contact).where(Contact.key.in_(keys))).all()
        # Keys are one namespace: a person cannot have a company's.
        self.others = {contact.key for contact in found if not isinstance(contact, self.model)}
        return {contact.key: contact for contact in found if isinstance(contact, self.model)}

    def of_row(self, row: Row, known: dict[str, Kind]) -> Kind | None:
        """The contact that a row is about, if there is one already."""
        return known.get(row.key)

    def remember(self, contact: Kind) -> None:
        """Keep a contact that was just made for the rows after it."""

    def check(self, row: Row, contact: Kind | None) -> None:
        """Refuse a row that does not fit the others. Raises ``RowRefused``."""
        if row.key and row.key in self.seen_keys:
            raise row.refused("key", "duplicate_key", "An earlier row has this key.")
        if row.key and contact is None and row.key in self.others:
            raise row.refused("key", "duplicate_key", "A contact of the other kind has this key.")

    def refer(self, _row: Row, _contact: Kind, /) -> bool:
        """Point the contact at what its row refers to; says whether that changed anything."""
        raise NotImplementedError

    def apply(self, row: Row, contact: Kind) -> bool:
        """Give a known contact the row's values; says whether any is new."""
        changed = False
        for name, value in row.values.items():
            if getattr(contact, name) != value:
                setattr(contact, name, value)
                changed = True
        return self.refer(row, contact) or changed

    def write_values(self, taken: Sequence[tuple[Row, Kind, bool]]) -> None:
        """Write the custom fields of a chunk."""
        if not self.custom:
            return
        ids = [contact.id for _, contact, _ in taken]
        kept: dict[tuple[int, str], list[FieldValue]] = {}
        for value in db.session.scalars(
            select(FieldValue).where(FieldValue.contact_id.in_(ids)).order_by(FieldValue.id)
        ):
            kept.setdefault((value.contact_id, value.field.key), []).append(value)
        for row, contact, counted in taken:
            changed = False
            for key, given in row.custom.items():
                rows = kept.get((contact.id, key), [])
                changed |= fields.replace_rows(contact, self.custom[key], rows, given)
            if changed and not counted:
                self.report.updated += 1
                self.report.unchanged -= 1

    def write_more(self, taken: Sequence[tuple[Row, Kind, bool]]) -> None:
        """Write what only one kind has."""

    def finish(self) -> None:
        """Write what needs every row to be there."""


class PeopleWriter(_Writer[Person]):
    """Writes people, their accounts and their custom fields."""

    model = Person

    def look_up(self, chunk: Sequence[Row]) -> dict[str, Person]:
        """Also: who has the chunk's addresses, accounts and companies."""
        known = super().look_up(chunk)
        addresses = {email_key(row.values["email"]) for row in chunk if row.values.get("email")}
        people = db.session.scalars(select(Person).where(Person.email_key.in_(addresses)))
        self.by_address: dict[str | None, Person] = {}
        for person in people:
            self.by_address.setdefault(person.email_key, person)
        self.by_member_id = {
            person.member_id: person
            for person in db.session.scalars(
                select(Person).where(
                    Person.member_id.in_(
                        {row.values.get("member_id", "") for row in chunk if not row.key} - {""}
                    )
                )
            )
        }
        accounts = select(Account).where(Account.email_key.in_(addresses))
        self.holders = {row.email_key: row.person_id for row in db.session.scalars(accounts)}
        companies = select(Company).where(
            Company.key.in_({row.refers_to for row in chunk if row.refers_to})
        )
        self.companies = {company.key: company for company in db.session.scalars(companies)}
        return known

    def of_row(self, row: Row, known: dict[str, Person]) -> Person | None:
        """A row without a key is about who has its address, else about who has its member ID."""
        if row.key:
            return known.get(row.key)
        address = row.values.get("email")
        if address and email_key(address) in self.by_address:
            return self.by_address[email_key(address)]
        return self.by_member_id.get(row.values.get("member_id", ""))

    def remember(self, contact: Person) -> None:
        """An address or a member ID belongs to the first row that has it."""
        if contact.email_key:
            self.by_address[contact.email_key] = contact
        if contact.member_id:
            self.by_member_id.setdefault(contact.member_id, contact)

    def check(self, row: Row, contact: Person | None) -> None:
        """Also: the address is nobody else's, the company is known."""
        super().check(row, contact)
        if row.values.get("email"):
            address = email_key(row.values["email"])
            owner = self.by_address.get(address)
            if owner is not None and owner is not contact and owner.email_key == address:
                raise row.refused(
                    "email", "duplicate_email", f"{owner.title} has this e-mail address."
                )
            holder = self.holders.get(address)
            if holder is not None and (contact is None or holder != contact.id):
                raise row.refused(
                    "email", "duplicate_email", "Another account signs in with this address."
                )
        if contact is not None and contact.key in self.seen_keys:
            raise row.refused("key", "duplicate_key", "An earlier row is about the same person.")
        if row.refers_to and row.refers_to not in self.companies:
            raise row.refused("company_key", "unknown_company", "There is no company of this key.")

    def refer(self, row: Row, contact: Person, /) -> bool:
        """Point the person at their company."""
        if "company_key" not in row.columns:
            return False
        company = self.companies.get(row.refers_to)
        if contact.company is company:
            return False
        contact.company = company
        return True

    def write_more(self, taken: Sequence[tuple[Row, Person, bool]]) -> None:
        """Make the accounts: invited, without a password. None is taken away."""
        wanted = {contact.id: contact for row, contact, _ in taken if row.has_account}
        have = set(
            db.session.scalars(select(Account.person_id).where(Account.person_id.in_(wanted)))
        )
        counted = {contact.id: changed for _, contact, changed in taken}
        for person_id, person in wanted.items():
            if person_id in have:
                continue
            db.session.add(Account(person=person, email_key=person.email_key or "", epoch=0))
            if not counted[person_id]:
                self.report.updated += 1
                self.report.unchanged -= 1


class CompanyWriter(_Writer[Company]):
    """Writes companies; parents follow when every company of the file is there."""

    model = Company

    def __init__(self, report: Report, custom: Iterable[CustomField]) -> None:
        super().__init__(report, custom)
        self.parents: list[tuple[Row, str, bool]] = []

    def refer(self, _row: Row, _contact: Company, /) -> bool:
        """A parent may come later in the file: noted here, set by ``finish``."""
        return False

    def write_more(self, taken: Sequence[tuple[Row, Company, bool]]) -> None:
        """Note each company's parent."""
        self.parents += [
            (row, contact.key, counted)
            for row, contact, counted in taken
            if "parent_key" in row.columns
        ]

    def finish(self) -> None:
        """Set the parents. A company whose parent is unknown is refused as a whole row would be:
        it is kept as it was, without the new parent, and named."""
        keys = {key for _, key, _ in self.parents} | {row.refers_to for row, _, _ in self.parents}
        by_key: dict[str, Company] = {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), changes.CHUNK):
            part = ordered[start : start + changes.CHUNK]
            found = db.session.scalars(select(Company).where(Company.key.in_(part)))
            by_key |= {company.key: company for company in found}
        for row, key, counted in self.parents:
            company = by_key[key]
            parent = by_key.get(row.refers_to)
            if row.refers_to and (parent is None or parent is company):
                refusal = row.refused(
                    "parent_key", "unknown_company", "There is no other company of this key."
                ).refusal
                self.report.refused.append(refusal)
            elif company.parent is not parent:
                company.parent = parent
                if not counted:
                    self.report.updated += 1
                    self.report.unchanged -= 1
