"""Planning companies; their parents follow when every company is there (``parents``)."""

from collections.abc import Sequence
from typing import Any

from idp.directory.importing.planning import Known, Plan, Planner, RowRefused
from idp.directory.importing.report import Report
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

    def more(self, plan: Plan, _known: Known | None) -> None:
        """Also: the name is taken by a row without a key."""
        if not plan.row.key:
            self._names[self._name(plan.row)] = plan.row.number

    def _name(self, row: Row) -> str:
        place = self.reader.place("name")
        return str(row.values[place]) if place is not None else ""
