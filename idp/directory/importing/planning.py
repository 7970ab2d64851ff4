"""What a chunk of rows would do: looked up in a fixed number of statements, writing nothing.

A dry run, the guard and a real run all plan alike, so they refuse alike. What earlier rows of the
file did is remembered here (keys, addresses, member IDs), so that a plan need not be written for
the next to know of it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select

from idp.database import db
from idp.directory import fields
from idp.directory.contacts import Contact, email_key
from idp.directory.fields import Value
from idp.directory.importing import columns, saying
from idp.directory.importing.guard import Losses
from idp.directory.importing.report import SHOWN_VALUE, Refusal, Report
from idp.directory.importing.rows import Reader, Refused, Row
from idp.directory.importing.tables import CONTACTS, VALUE_COLUMNS, VALUES

contact = CONTACTS.c
value = VALUES.c
# Of each known contact, before the columns of the file.
_FIXED = (
    "id",
    "key",
    "kind",
    "active",
    "email",
    "email_key",
    "company_id",
    "main_contact_id",
    "name",
    "merged_into_id",
)
MOST_REMEMBERED = 50_000

Facts = tuple[Any, ...]


class RowRefused(Exception):
    """A row that does not fit the others."""

    def __init__(self, name: str, given: str, reason: str, message: str) -> None:
        self.name = name
        self.given = given
        self.reason = reason
        super().__init__(message)


@dataclass(slots=True)
class Plan:
    """What one row does. ``contact_id`` is ``None`` for a contact to be made.

    ``changed`` are the contact's columns, ``gone`` the ids of custom values to be deleted and
    ``more`` the rows to be added, by the field's place. ``new_account`` makes an account,
    ``account_moves`` gives it another address, ``account_ends`` ends its sessions. ``before`` are
    the contact's columns that change, as they are, and ``custom`` its values of custom fields that
    do, before and after, by the field's key: for the audit, of a plan that is to be written.
    """

    row: Row
    contact_id: int | None
    key: str
    changed: dict[str, Any]
    gone: list[int] = field(default_factory=list)
    more: list[tuple[int, Facts]] = field(default_factory=list)
    new_account: bool = False
    account_moves: str | None = None
    account_ends: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.contact_id is None
            or self.changed
            or self.gone
            or self.more
            or self.new_account
            or self.account_ends
        )


@dataclass(slots=True)
class Known:
    """A contact that there is: the fixed columns, then those of the file."""

    record: Any
    role: str | None = None
    has_account: bool = False

    @property
    def id(self) -> int:
        return int(self.record[0])

    @property
    def key(self) -> str:
        return str(self.record[1])


class Planner:
    """Plans the rows of a file, chunk by chunk, in their order. ``lock`` takes the contacts that
    it looks up for the transaction at hand: nobody changes them until it is kept."""

    model_kind: str

    def __init__(self, reader: Reader, report: Report, *, lock: bool = False) -> None:
        self.reader = reader
        self.report = report
        self.lock = lock
        # Whom rows that were taken are about, and whom those that were refused.
        self.seen_ids: set[int] = set()
        self.present_ids: set[int] = set()
        self._seen_keys: set[str] = set()
        self._custom_ids = [one.id for one in reader.custom]
        self._wanted: list[dict[Any, list[Facts]]] = [{} for _ in reader.custom]
        self._offset = len(_FIXED)
        self._columns = [contact[name] for name in (*_FIXED, *reader.names)]
        self.losses = Losses(records=_count(self.model_kind))
        self.losses.labels = {name: columns.label(name) for name in reader.names}
        self.losses.labels |= {one.key: one.label for one in reader.custom}
        report.losses = self.losses

    def plan(self, chunk: Sequence[Row | Refused]) -> list[Plan]:
        """The plans of those rows of a chunk that are taken; the others are refused."""
        rows = [row for row in chunk if isinstance(row, Row)]
        self.look_up(rows, [row for row in chunk if isinstance(row, Refused)])
        plans = []
        for row in chunk:
            if isinstance(row, Refused):
                self.note_present(row)
                self.report.refuse(row.refusal)
                continue
            try:
                plans.append(self._plan(row))
            except RowRefused as error:
                self.note_present(row)
                self.report.refuse(
                    Refusal(
                        row.number,
                        self.column_of(error.name),
                        error.given[:SHOWN_VALUE],
                        error.reason,
                        str(error),
                    )
                )
        self._plan_values(plans)
        for plan in plans:
            if plan.contact_id is None:
                self.report.created += 1
            elif plan.writes:
                self.report.updated += 1
            else:
                self.report.unchanged += 1
        return plans

    def column_of(self, name: str) -> str:
        """The file's own name of the column that holds one of our fields."""
        return self.reader.columns.get(name, name)

    def look_up(self, rows: Sequence[Row], refused: Sequence[Refused]) -> None:
        """Look up the contacts that a chunk is about."""
        keys = {row.key for row in rows if row.key} | {row.key for row in refused if row.key}
        self.known: dict[str, Known] = {}
        self.others: set[str] = set()
        aliases: dict[int, list[str]] = {}
        for record in self.find(contact.key.in_(keys)):
            if record.merged_into_id is not None:
                aliases.setdefault(record.merged_into_id, []).append(record.key)
            # Keys are one namespace: a person cannot have a company's.
            elif record.kind == self.model_kind:
                self.known[record.key] = Known(record)
            else:
                self.others.add(record.key)
        # The key of a record that was merged still finds the one that was kept.
        if aliases:
            for record in self.find(contact.id.in_(aliases)):
                self.known.update(dict.fromkeys(aliases[record.id], Known(record)))

    def find(self, *where: Any) -> Sequence[Any]:
        """Contacts, with the columns that are needed of them."""
        query: Select[Any] = select(*self._columns).where(*where).order_by(contact.id)
        if self.lock:
            query = query.with_for_update(key_share=True)
        return db.session.execute(query).all()

    def of_row(self, row: Row) -> Known | None:
        """The contact that a row is about, if there is one already."""
        return self.known.get(row.key)

    def note_present(self, row: Row | Refused) -> None:
        """A refused row is about somebody all the same: they are not absent."""
        known = self.known.get(row.key)
        if known is not None:
            self.present_ids.add(known.id)

    def check(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:  # noqa: ARG002
        """Refuse a row that does not fit the others. Raises ``RowRefused``."""
        if row.key and row.key in self._seen_keys:
            raise RowRefused("key", row.key, "duplicate_key", "An earlier row has this key.")
        if row.key and known is None and row.key in self.others:
            raise RowRefused(
                "key", row.key, "duplicate_key", "A contact of the other kind has this key."
            )

    def more(self, plan: Plan, known: Known | None) -> None:
        """What only one of the two kinds has."""

    def _plan(self, row: Row) -> Plan:
        known = self.of_row(row)
        names = self.reader.names
        if known is None:
            changed = dict(zip(names, row.values, strict=True))
        else:
            changed = {
                name: given
                for name, given, there in zip(
                    names, row.values, known.record[self._offset :], strict=True
                )
                if given != there
            }
        self.refer(row, known, changed)
        self.check(row, known, changed)
        if "email" in changed:
            changed["email_key"] = email_key(changed["email"]) if changed["email"] else None
        key = known.key if known is not None else row.key or str(uuid.uuid4())
        plan = Plan(row, known.id if known is not None else None, key, changed)
        self.more(plan, known)
        if known is not None:
            if self.lock:
                plan.before = {name: getattr(known.record, name) for name in changed}
            self.seen_ids.add(known.id)
            self._count_losses(known, changed)
        if row.key:
            self._seen_keys.add(row.key)
        return plan

    def refer(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:
        """Add what the row refers to to what changes."""

    def _count_losses(self, known: Known, changed: dict[str, Any]) -> None:
        for name, given in changed.items():
            if name == "active":
                if not given:
                    self.losses.add("deactivated", known.key)
            elif name == "company_id":
                if given is None and known.record.company_id is not None:
                    self.losses.add("company", known.key)
            elif name in ("email_key", "in_directory", "main_contact_id"):
                continue
            elif getattr(known.record, name):
                if not given:
                    self.losses.add(f"emptied:{name}", known.key)
                elif name == "member_status":
                    self.losses.add("status", known.key)

    def _plan_values(self, plans: Sequence[Plan]) -> None:
        custom = self.reader.custom
        if not custom:
            return
        kept = self._kept([plan.contact_id for plan in plans if plan.contact_id is not None])
        for plan in plans:
            for place, given in enumerate(plan.row.custom):
                wanted = self._facts(place, given) if given is not None else []
                there = kept.get((plan.contact_id, place))
                if self.lock and plan.contact_id is not None:
                    self._note_value(plan, place, there or [], wanted)
                if there is None:
                    plan.more += [(place, facts) for facts in wanted]
                    continue
                missing = dict.fromkeys(wanted)
                for row_id, facts in there:
                    if facts in missing:
                        del missing[facts]
                    else:
                        plan.gone.append(row_id)
                plan.more += [(place, facts) for facts in missing]
                if not wanted:
                    self.losses.add(f"emptied:{custom[place].key}", plan.key)

    def _note_value(
        self, plan: Plan, place: int, there: Sequence[tuple[int, Facts]], wanted: Sequence[Facts]
    ) -> None:
        before = {facts for _, facts in there}
        if before != set(wanted):
            of = self.reader.custom[place]
            plan.custom[of.key] = [saying.said(of, part) for part in (before, wanted)]

    def _kept(self, ids: Sequence[int]) -> dict[tuple[int | None, int], list[tuple[int, Facts]]]:
        """The ids and facts of the values that there are, by contact and the field's place."""
        place_of = {one: place for place, one in enumerate(self._custom_ids) if one is not None}
        kept: dict[tuple[int | None, int], list[tuple[int, Facts]]] = {}
        if ids and place_of:
            typed = [value[name] for name in VALUE_COLUMNS]
            query = select(value.id, value.contact_id, value.field_id, *typed).where(
                value.contact_id.in_(ids), value.field_id.in_(place_of)
            )
            for row_id, contact_id, field_id, *facts in db.session.execute(query).all():
                where = (contact_id, place_of[field_id])
                kept.setdefault(where, []).append((row_id, tuple(facts)))
        return kept

    def _facts(self, place: int, given: Value) -> list[Facts]:
        key = tuple(given) if isinstance(given, list) else given
        # True and 1 are one key of a dict, but one field has only one of them.
        remembered = self._wanted[place]
        found = remembered.get(key)
        if found is None:
            found = [
                tuple(row.get(name) for name in VALUE_COLUMNS)
                for row in fields.rows_for(self.reader.custom[place], given)
            ]
            if len(remembered) < MOST_REMEMBERED // 10:
                remembered[key] = found
        return found


def _count(kind: str) -> int:
    query = (
        select(func.count())
        .select_from(Contact.__table__)
        .where(contact.kind == kind, contact.merged_into_id.is_(None))
    )
    return db.session.scalar(query) or 0
