"""Planning people, with their companies and accounts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from idp.database import db
from idp.directory import accounts
from idp.directory.contacts import email_key
from idp.directory.importing.planning import MOST_REMEMBERED, Known, Plan, Planner, RowRefused
from idp.directory.importing.report import Remark, Report
from idp.directory.importing.rows import Reader, Refused, Row
from idp.directory.importing.tables import ACCOUNTS, CONTACTS


class PeoplePlanner(Planner):
    """Plans people, with their companies and accounts."""

    model_kind = "person"

    def __init__(
        self, reader: Reader, report: Report, *, lock: bool = False, owners: bool = False
    ) -> None:
        super().__init__(reader, report, lock=lock)
        self._manages_owners = owners
        self._email = reader.place("email")
        self._member_id = reader.place("member_id")
        # Of this file: which row has an address, which addresses were given up, by whom.
        self._claimed: dict[str, int] = {}
        self._moved: dict[int, str | None] = {}
        self._member_ids: set[str] = set()
        self._companies: dict[str, int | None] = {}
        self._owners = accounts.owners()
        self._owners_ended: set[int] = set()

    def look_up(self, rows: Sequence[Row], refused: Sequence[Refused]) -> None:
        """Also: who has the chunk's addresses and member IDs, accounts and companies."""
        super().look_up(rows, refused)
        addresses = set()
        for row in rows:
            address = self._address(row)
            known = self.known.get(row.key)
            if address and (known is None or known.record.email_key != address or row.has_account):
                addresses.add(address)
        addresses |= {address for one in refused if not one.key and (address := _key(one.email))}
        self.by_address: dict[str, Known] = {}
        if addresses:
            mine = (CONTACTS.c.kind == self.model_kind) & CONTACTS.c.merged_into_id.is_(None)
            for record in self.find(CONTACTS.c.email_key.in_(addresses), mine):
                self.by_address.setdefault(record.email_key, Known(record))
        everybody: list[Row | Refused] = [*rows, *refused]
        member_ids = {
            member_id for row in everybody if not row.key and (member_id := self._member_id_of(row))
        }
        self.by_member_id: dict[str, Known] = {}
        if member_ids:
            query = select(CONTACTS.c.member_id, CONTACTS.c.id).where(
                CONTACTS.c.member_id.in_(member_ids),
                CONTACTS.c.kind == self.model_kind,
                CONTACTS.c.merged_into_id.is_(None),
            )
            found = dict(db.session.execute(query.order_by(CONTACTS.c.id.desc())).all())
            there = {
                record.id: Known(record) for record in self.find(CONTACTS.c.id.in_(found.values()))
            }
            self.by_member_id = {
                member_id: there[one] for member_id, one in found.items() if one in there
            }
        self._look_up_accounts(addresses)
        self._look_up_companies({row.refers_to for row in rows if row.refers_to})

    def _look_up_accounts(self, addresses: set[str]) -> None:
        people = [*self.known.values(), *self.by_address.values(), *self.by_member_id.values()]
        by_id: dict[int, list[Known]] = {}
        for known in people:
            by_id.setdefault(known.id, []).append(known)
        query = select(ACCOUNTS.c.person_id, ACCOUNTS.c.role).where(ACCOUNTS.c.person_id.in_(by_id))
        if by_id:
            for person_id, role in db.session.execute(query):
                for known in by_id[person_id]:
                    known.has_account, known.role = True, role
        self.holders: dict[str, int] = {}
        if addresses:
            held = select(ACCOUNTS.c.email_key, ACCOUNTS.c.person_id).where(
                ACCOUNTS.c.email_key.in_(addresses)
            )
            self.holders = dict(db.session.execute(held).all())

    def _look_up_companies(self, keys: set[str]) -> None:
        # What is written is looked up with each chunk: staff may merge two companies meanwhile.
        if self.lock or len(self._companies) > MOST_REMEMBERED:
            self._companies.clear()
        missing = keys - self._companies.keys()
        if missing:
            kept = func.coalesce(CONTACTS.c.merged_into_id, CONTACTS.c.id)
            query = select(CONTACTS.c.key, kept).where(
                CONTACTS.c.key.in_(missing), CONTACTS.c.kind == "company"
            )
            self._companies.update(dict.fromkeys(missing))
            self._companies.update(db.session.execute(query).all())

    def of_row(self, row: Row) -> Known | None:
        """A row without a key is about who has its address, else about who has its member ID."""
        if row.key:
            return self.known.get(row.key)
        address, member_id = self._address(row), self._member_id_of(row)
        if address:
            if address in self._claimed:
                raise RowRefused(
                    "email",
                    address,
                    "duplicate_key",
                    f"Row {self._claimed[address]} is about the same person.",
                )
            known = self._owner(address)
            if known is not None:
                return known
        if member_id:
            if member_id in self._member_ids:
                raise RowRefused(
                    "member_id",
                    member_id,
                    "duplicate_key",
                    "An earlier row is about the same person.",
                )
            return self.by_member_id.get(member_id)
        return None

    def note_present(self, row: Row | Refused) -> None:
        """Found as ``of_row`` does."""
        if row.key:
            super().note_present(row)
            return
        address = self._address(row) if isinstance(row, Row) else _key(row.email)
        known = self.by_address.get(address or "")
        known = known or self.by_member_id.get(self._member_id_of(row))
        if known is not None:
            self.present_ids.add(known.id)

    def check(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:
        """Also: the address is nobody else's, an account keeps one, an owner stays."""
        super().check(row, known, changed)
        if known is not None and known.id in self.seen_ids:
            raise RowRefused(
                "key", row.key, "duplicate_key", "An earlier row is about the same person."
            )
        self._check_staff(known, changed)
        self._check_address(row, known, changed)
        if known is not None and known.has_account and changed.get("email") == "":
            raise RowRefused(
                "email", "", "account_without_email", "An account needs an e-mail address."
            )
        if row.has_account and not self._address_of(known, changed):
            raise RowRefused(
                "has_account", "", "account_without_email", "An account needs an e-mail address."
            )
        if row.refers_to and self._companies.get(row.refers_to) is None:
            raise RowRefused(
                "company_key", row.refers_to, "unknown_company", "There is no company of this key."
            )
        if (
            known is not None
            and changed.get("active") is False
            and known.role == "owner"
            and self._owners_left() <= {known.id}
        ):
            raise RowRefused(
                "active", "", "last_owner", "The last owner of the association stays in use."
            )

    def _owners_left(self) -> set[int]:
        """The owners that can sign in when what is planned so far is done."""
        if self.lock:
            # Written now: staff may have ended another one since the file was checked.
            accounts.hold_owners()
            self._owners = accounts.owners()
        return self._owners - self._owners_ended

    def _check_staff(self, known: Known | None, changed: dict[str, Any]) -> None:
        # A link to choose a password goes to the address: whoever sets it opens the panel as them.
        if self._manages_owners or known is None or known.role in {None, "member"}:
            return
        owner = known.role == "owner"
        for name in ("email", "active"):
            if name in changed:
                raise RowRefused(
                    name,
                    str(changed[name]) if name == "email" else "",
                    "owner" if owner else "staff",
                    f"The address of {'an owner' if owner else 'somebody who works in the panel'}, "
                    "and whether their record is in use, are changed on their own page"
                    f"{', by an owner' if owner else ''}.",
                )

    def _check_address(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:
        address = _key(changed.get("email", "")) or (
            known.record.email_key
            if known is not None and row.has_account and not known.has_account
            else None
        )
        if not address:
            return
        if address in self._claimed:
            raise RowRefused(
                "email",
                address,
                "duplicate_email",
                f"Row {self._claimed[address]} has this e-mail address.",
            )
        if "email" in changed and _differs(known, address):
            owner = self._owner(address)
            if owner is not None and (known is None or owner.id != known.id):
                raise RowRefused(
                    "email",
                    changed["email"],
                    "duplicate_email",
                    f"The contact with the key {owner.key} has this e-mail address.",
                )
        holder = self.holders.get(address)
        if (
            holder is not None
            and (known is None or holder != known.id)
            and self._moved.get(holder, address) == address
        ):
            raise RowRefused(
                "email", address, "duplicate_email", "Another account signs in with this address."
            )

    def refer(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:
        """Point the person at their company."""
        if not self.reader.refers:
            return
        company_id = self._companies.get(row.refers_to) if row.refers_to else None
        if known is None or known.record.company_id != company_id:
            changed["company_id"] = company_id

    def more(self, plan: Plan, known: Known | None) -> None:
        """Also: what happens to the account. None is taken away."""
        row, changed = plan.row, plan.changed
        address = self._address_of(known, changed)
        if address:
            self._claimed[address] = row.number
        if known is not None and "email_key" in changed:
            self._moved[known.id] = address
        if member_id := self._member_id_of(row):
            self._member_ids.add(member_id)
        has_account = known is not None and known.has_account
        plan.new_account = row.has_account and not has_account
        if plan.new_account or (has_account and "email_key" in changed):
            plan.account_moves = address
        if known is not None and known.has_account:
            if changed.get("active") is False:
                plan.account_ends = True
                self._owners_ended.add(known.id)
            if "has_account" in self.reader.columns and not row.has_account:
                self.report.remark(
                    Remark(
                        row.number,
                        self.column_of("has_account"),
                        "No",
                        "account_stays",
                        "There is an account; an import takes none away.",
                    )
                )

    def _owner(self, address: str) -> Known | None:
        known = self.by_address.get(address)
        if known is None or self._moved.get(known.id, address) != address:
            return None
        return known

    def _address(self, row: Row) -> str | None:
        if self._email is None or not row.values[self._email]:
            return None
        return email_key(row.values[self._email])

    @staticmethod
    def _address_of(known: Known | None, changed: dict[str, Any]) -> str | None:
        if "email" in changed:
            return _key(changed["email"])
        return known.record.email_key if known is not None else None

    def _member_id_of(self, row: Row | Refused) -> str:
        if isinstance(row, Refused):
            return row.member_id
        return str(row.values[self._member_id]) if self._member_id is not None else ""


def _differs(known: Known | None, address: str) -> bool:
    return known is None or bool(known.record.email_key != address)


def _key(address: str) -> str | None:
    return email_key(address) if address else None
