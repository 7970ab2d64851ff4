"""Planning companies; their parents follow when every company is there (``parents``)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from idp.database import db
from idp.directory.importing.planning import Known, Plan, Planner, RowRefused
from idp.directory.importing.report import SHOWN_VALUE, Remark, Report
from idp.directory.importing.rows import Reader, Refused, Row
from idp.directory.importing.tables import CONTACTS


class CompanyPlanner(Planner):
    """Plans companies. Their parents follow when every company is there (``parents``)."""

    model_kind = "company"

    def __init__(self, reader: Reader, report: Report, *, lock: bool = False) -> None:
        super().__init__(reader, report, lock=lock)
        self._names: dict[str, int] = {}

    def look_up(self, rows: Sequence[Row], refused: Sequence[Refused]) -> None:
        """Also: which companies have the names of the rows without a key."""
        super().look_up(rows, refused)
        self.by_name: dict[str, Known] = {}
        names = {self._name(row) for row in rows if not row.key}
        if names:
            mine = (CONTACTS.c.kind == self.model_kind) & CONTACTS.c.merged_into_id.is_(None)
            for record in self.find(CONTACTS.c.name.in_(names), mine):
                self.by_name.setdefault(record.name, Known(record))
        self._look_up_people({row.main_contact for row in rows if row.main_contact})

    def _look_up_people(self, keys: set[str]) -> None:
        kept = func.coalesce(CONTACTS.c.merged_into_id, CONTACTS.c.id)
        query = select(CONTACTS.c.key, kept).where(
            CONTACTS.c.key.in_(keys), CONTACTS.c.kind == "person"
        )
        self.people: dict[str, int] = dict(db.session.execute(query).all()) if keys else {}

    def of_row(self, row: Row) -> Known | None:
        """A row without a key is about the first company of its name."""
        if row.key:
            return self.known.get(row.key)
        name = self._name(row)
        if name in self._names:
            raise RowRefused(
                "name", name, "duplicate_key", f"Row {self._names[name]} has this name, and no key."
            )
        return self.by_name.get(name)

    def note_present(self, row: Row | Refused) -> None:
        """Found as ``of_row`` does."""
        if isinstance(row, Row) and not row.key and self._name(row) in self.by_name:
            self.present_ids.add(self.by_name[self._name(row)].id)
        else:
            super().note_present(row)

    def check(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:
        """Also: no two rows about one company."""
        super().check(row, known, changed)
        if known is not None and known.id in self.seen_ids:
            raise RowRefused(
                "name", self._name(row), "duplicate_key", "An earlier row is about this company."
            )

    def refer(self, row: Row, known: Known | None, changed: dict[str, Any]) -> None:
        """Point the company at its main contact, where that person is there already.

        Companies are imported before their people: who is still to come is no reason to refuse
        the company, and is named.
        """
        if "main_contact_key" not in self.reader.columns:
            return
        main_id = self.people.get(row.main_contact)
        if row.main_contact and main_id is None:
            self.report.remark(
                Remark(
                    row.number,
                    self.column_of("main_contact_key"),
                    row.main_contact[:SHOWN_VALUE],
                    "unknown_person",
                    "There is no person of this key yet: import the people, then this file again.",
                )
            )
        elif known is None or known.record.main_contact_id != main_id:
            changed["main_contact_id"] = main_id

    def more(self, plan: Plan, _known: Known | None) -> None:
        """Also: the name is taken by a row without a key."""
        if not plan.row.key:
            self._names[self._name(plan.row)] = plan.row.number

    def _name(self, row: Row) -> str:
        place = self.reader.place("name")
        return str(row.values[place]) if place is not None else ""
