"""A plain reading of the database: what Higher Logic should hold.

Written from what is known of Higher Logic's push and from the brief, in simple Python over rows:
nothing of ``sync`` is used, and of who is in a group only what staff declared: the condition is
read here anew.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select, text

from idp.database import db, reading
from idp.directory.accounts import Account
from idp.directory.contacts import Contact
from idp.directory.fields import Choice, CustomField, FieldValue
from idp.directory.groups import Group
from idp.directory.membership import Addition, Exclusion, Membership, day
from tests.directory.condition_reading import Known, meets

MEMBER_STATUSES = {"current", "grace"}
KINDS = {"people": {"person"}, "companies": {"company"}, "both": {"person", "company"}}
TEXTS = {
    "LegacyContactKey": "key",
    "MemberId": "member_id",
    "EmailAddress": "email",
    "Phone1": "phone_1",
    "Phone1Type": "phone_1_type",
    "Phone2": "phone_2",
    "Phone2Type": "phone_2_type",
    "Phone3": "phone_3",
    "Phone3Type": "phone_3_type",
    "Phone4": "phone_4",
    "Phone4Type": "phone_4_type",
    "Address1": "address_1",
    "Address2": "address_2",
    "Address3": "address_3",
    "City": "city",
    "State": "state",
    "PostalCode": "postal_code",
    "Country": "country",
}
OF_PEOPLE = {
    "PrefixCode": "prefix",
    "FirstName": "first_name",
    "MiddleName": "middle_name",
    "LastName": "last_name",
    "SuffixCode": "suffix",
    "Designation": "designation",
    "InformalName": "informal_name",
    "Title": "job_title",
}

Record = dict[str, Any]


@dataclass
class Reading:
    """What the database says at one moment, by key: the records that Higher Logic would have of
    those whom it may be told of, and who of them is in a synced group or employs somebody there.

    ``out_of_use`` are those that it is told of all the same, by the association's choice; none when
    the choice is that what it has stays as it is."""

    records: dict[str, Record] = field(default_factory=dict)
    in_scope: set[str] = field(default_factory=set)
    out_of_use: dict[str, Record] = field(default_factory=dict)
    merged: dict[str, Record] = field(default_factory=dict)
    company_of: dict[str, str] = field(default_factory=dict)
    """The key of a person's company and of a company's parent."""


def read() -> Reading:
    """Read everything. Ends the transaction at hand."""
    db.session.rollback()
    with reading():
        try:
            return _Plain().reading()
        finally:
            db.session.rollback()


def _rows(model: Any) -> list[Any]:
    table: Table = model.__table__
    return list(db.session.execute(select(table).order_by(*table.primary_key)).all())


class _Plain:
    """The tables as lists, and what follows from them."""

    def __init__(self) -> None:
        self.today = day.today()
        chosen = db.session.scalar(text("SELECT deactivated FROM higher_logic_connection"))
        self.deactivated: str = chosen or "keep"
        self.contacts = {row.id: row for row in _rows(Contact)}
        self.accounts = {row.person_id: row for row in _rows(Account)}
        self.fields = {row.id: row for row in _rows(CustomField)}
        self.choices = {row.id: row for row in _rows(Choice)}
        self.values: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        for row in _rows(FieldValue):
            self.values[row.contact_id, row.field_id].append(row)
        self.additions: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        for row in _rows(Addition):
            self.additions[row.group_id, row.contact_id].append(row)
        self.excluded = {(row.group_id, row.contact_id) for row in _rows(Exclusion)}
        self.joined = {
            (row.group_id, row.contact_id, row.origin, row.role): row.since.date()
            for row in _rows(Membership)
        }
        self.known = {one: self._known(row) for one, row in self.contacts.items()}
        for one, row in self.contacts.items():
            self.known[one].company = self.known.get(row.company_id)
        self.members = self._members()

    def reading(self) -> Reading:
        found = Reading()
        synced: set[int] = {
            contact_id
            for group, members in self.members
            if group.sync
            for contact_id in members
            if self._eligible(contact_id)
        }
        employers = {self.contacts[one].company_id for one in synced}
        for one, row in self.contacts.items():
            if row.merged_into_id is not None:
                found.merged[row.key] = self._record(row, alias=True)
            elif self._eligible(one):
                found.records[row.key] = self._record(row)
                if one in synced or one in employers:
                    found.in_scope.add(row.key)
            elif self.deactivated != "keep" and (not row.active or one in self.accounts):
                found.out_of_use[row.key] = self._record(row, out_of_use=self.deactivated)
            above = self.contacts.get(row.company_id or row.parent_id)
            if above is not None:
                found.company_of[row.key] = above.key
        return found

    def _eligible(self, contact_id: int) -> bool:
        row, account = self.contacts[contact_id], self.accounts.get(contact_id)
        if not row.active:
            return False
        return row.kind == "company" or (account is not None and account.deactivated_at is None)

    def _known(self, row: Any) -> Known:
        values = dict(row._mapping)
        values["has_account"] = row.id in self.accounts
        for one in self.fields.values():
            values[one.key] = self._value(row.id, one)
        return Known(values=values)

    def _value(self, contact_id: int, one: Any) -> Any:
        rows = self.values.get((contact_id, one.id), [])
        if one.kind == "several_of":
            return [self.choices[row.choice_id].key for row in rows]
        if not rows:
            return None
        (row,) = rows
        if one.kind == "one_of":
            return self.choices[row.choice_id].key
        kinds = {"yes_no": "truth", "whole_number": "number", "date": "date", "decimal": "decimal"}
        return getattr(row, kinds.get(one.kind, "text"))

    def _members(self) -> list[tuple[Any, dict[int, list[Any]]]]:
        """Each group with its members, and why each is in: (role, first day, last day)."""
        kinds = {one.key: one.kind for one in self.fields.values()}
        kinds |= {"member_status": "text", "city": "text", "has_account": "yes_no"}
        found = []
        # In the order of their keys: a group asks only about those before it.
        for group in sorted(_rows(Group), key=lambda row: row.key):
            members: dict[int, list[Any]] = {}
            for one, row in self.contacts.items():
                reasons = list(self._by_hand(group, one))
                if (
                    row.merged_into_id is None
                    and row.kind in KINDS[group.selects]
                    and meets(group.condition, self.known[one], kinds, self.today)
                ):
                    began = self.joined.get((group.id, one, "rule", ""), self.today)
                    reasons.append(("", began, None))
                if reasons and (group.id, one) not in self.excluded:
                    members[one] = reasons
                    self.known[one].groups.add(group.key)
            found.append((group, members))
        return found

    def _by_hand(self, group: Any, contact_id: int) -> Iterable[Any]:
        for one in self.additions.get((group.id, contact_id), []):
            begun = one.begin_on is None or one.begin_on <= self.today
            if begun and (one.end_on is None or one.end_on >= self.today):
                since = self.joined.get((group.id, contact_id, one.origin, one.role), self.today)
                yield one.role, one.begin_on or since, one.end_on

    def _record(self, row: Any, *, alias: bool = False, out_of_use: str = "") -> Record:
        company = row.kind == "company"
        details = {name: getattr(row, column) for name, column in TEXTS.items()}
        for name, column in OF_PEOPLE.items():
            details[name] = "" if company else getattr(row, column)
        above = self.contacts.get(row.company_id or row.parent_id)
        main = self.contacts.get(row.main_contact_id)
        named = row.name if company else (above.name if above is not None else "")
        details |= {
            "MemberSince": _day(row.joined_on),
            "MemberExpiresOn": _day(row.expires_on),
            "ExcludeFromDirectory": not company and not row.in_directory,
            "IsActive": not alias and out_of_use != "inactive",
            "IsMember": row.member_status.strip().lower() in MEMBER_STATUSES,
            "CompanyName": named,
            "IsOrganization": company,
            "PrimaryContactLegacyContactKey": main.key if company and main is not None else "",
        }
        if not alias:
            details["Bio"] = row.bio
        groups = [] if alias or out_of_use == "no_groups" else list(self._groups(row.id))
        return {
            "MemberDetails": details,
            "SecurityGroups": [one for kind, one in groups if kind == "security"],
            "CommunityGroups": [one for kind, one in groups if kind == "community"],
            "Demographics": [] if alias else list(self._demographics(row.id)),
            "Education": [],
            "JobHistory": [],
        }

    def _groups(self, contact_id: int) -> Iterable[tuple[str, Record]]:
        for group, members in self.members:
            if not group.sync or contact_id not in members:
                continue
            reasons = members[contact_id]
            roles = {role for role, _, _ in reasons if role} if group.type == "community" else set()
            for told in sorted(roles) or [""]:
                because = [one for one in reasons if not roles or one[0] == told]
                lasts = [last for _, _, last in because]
                entry = {
                    "GroupKey": group.key,
                    "GroupName": group.name,
                    "GroupType": "Security" if group.type == "security" else group.community_type,
                    "RoleDescription": told or None,
                    "SinceDate": "",
                    "BeginDate": _day(min(first for _, first, _ in because)),
                    "EndDate": "" if None in lasts else _day(max(lasts)),
                }
                if group.type == "community":
                    entry |= {"GroupSubType": "", "ParentCommunityKey": ""}
                yield group.type, entry

    def _demographics(self, contact_id: int) -> Iterable[Record]:
        for one in self.fields.values():
            value = self._value(contact_id, one)
            if not one.sync or value in (None, []):
                continue
            if one.kind in {"one_of", "several_of"}:
                rows = self.values[contact_id, one.id]
                said = [(self.choices[row.choice_id].key, self.choices[row.choice_id].label)
                        for row in rows]  # fmt: skip
            elif one.kind == "yes_no":
                said = [("Yes", "Yes") if value else ("No", "No")]
            else:
                said = [("", value.isoformat() if isinstance(value, dt.date) else str(value))]
            for key, label in said:
                yield {
                    "DemographicTypeKey": one.key,
                    "DemographicTypeValue": one.label,
                    "DemographicKey": key,
                    "DemographicValue": label,
                    "IsFreeForm": key == "",
                }


def _day(value: dt.date | None) -> str:
    return value.isoformat() if value is not None else ""
