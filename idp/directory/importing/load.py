"""Importing a file: read and check all of it, ask the guard, then write in chunks.

Each chunk commits whole. A run that is killed or cancelled leaves whole chunks behind, and the
same file run again does the rest: what is written already is unchanged by then.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlalchemy import text

from idp import audit
from idp.database import db
from idp.database import reading as only_reading
from idp.directory.fields import CustomField
from idp.directory.importing import absent as absence
from idp.directory.importing import columns, inspecting, mapping, parents, under_way
from idp.directory.importing.columns import Kind
from idp.directory.importing.companies import CompanyPlanner
from idp.directory.importing.errors import GuardTripped, ImportFailed
from idp.directory.importing.guard import Guard, Losses
from idp.directory.importing.inspecting import Cancelled
from idp.directory.importing.making import FieldsOfFile
from idp.directory.importing.mapping import ColumnMapping, InvalidMapping
from idp.directory.importing.people import PeoplePlanner
from idp.directory.importing.planning import Planner
from idp.directory.importing.reading import ReadingOptions, Table, open_table
from idp.directory.importing.report import Report
from idp.directory.importing.rows import Reader, Refused, Row
from idp.directory.importing.spool import CHUNK, Spool
from idp.directory.importing.write import Writer

Progress = Callable[[int, int], None]
Absent = Literal["leave", "deactivate"]


def run(
    kind: Kind,
    path: Path,
    *,
    dry_run: bool = False,
    new_fields: bool = True,
    progress: Progress | None = None,
    mapping: ColumnMapping | None = None,
    reading: ReadingOptions | None = None,
    cancelled: Callable[[], bool] | None = None,
    guard: Guard | None = None,
    allow: Losses | None = None,
    absent: Absent = "leave",
    findings: Path | None = None,
    keeping: Callable[[Report], None] | None = None,
    owners: bool = False,
) -> Report:
    """Import a file of companies or people and say what it did. Ends the transaction at hand.

    A dry run checks everything that a real run would, and writes nothing; it says what would
    have been created, updated and refused, and does not raise ``GuardTripped`` but says so in
    the report.

    ``mapping`` says which column goes where. Without one, columns go by their names, and those
    that are no field yet become custom fields of the kind that their values suggest, unless
    ``new_fields`` is off: then they are left out and suggested only.

    ``progress`` is called with rows done and rows in all: (0, rows read so far) while the file is
    read, then (rows done, rows) while it is written, or checked in a dry run. ``cancelled`` is
    asked at each chunk; the report then says ``cancelled`` and how far it came.

    ``guard`` is what may be taken away without asking (default: as the deployment's settings say);
    beyond it ``GuardTripped`` is raised before anything is written, and a second run with that
    report's ``losses`` as ``allow`` goes through as long as it takes away no more. ``absent`` says
    what happens to contacts in use that no row is about.

    ``findings`` is a file that gets every refused row and remark (``report.read_findings``).
    ``keeping`` is called with the report so far in each chunk's transaction, before it commits:
    what it writes is kept together with the chunk, or not at all.

    ``owners`` says that whoever asks may give an owner of the association another address, and put
    their record out of use and back: without it, a row that would is refused.

    Raises ``ImportFailed`` and ``GuardTripped``, both before anything was written.
    """
    report = Report(dry_run=dry_run)
    with ExitStack() as stack:
        if findings is not None:
            report.findings = stack.enter_context(findings.open("w", encoding="utf-8"))
        try:
            table = stack.enter_context(closing(open_table(path, reading)))
            report.read_as = table.taken.as_json()
            spool = stack.enter_context(Spool[Row | Refused]())
            file = _File(kind, report, spool, progress, cancelled, keeping, owners)
            file.read(table, mapping, new_fields)
            report = file.import_(guard or Guard.of_deployment(), allow, absent)
        except Cancelled:
            db.session.rollback()
            report.cancelled = True
    report.findings = None
    return report


class _File:
    """One file on its way in. Raises ``ImportFailed``, ``Cancelled``."""

    def __init__(
        self,
        kind: Kind,
        report: Report,
        spool: Spool[Row | Refused],
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
        keeping: Callable[[Report], None] | None,
        owners: bool,
    ) -> None:
        self._keeping = keeping
        self._owners = owners
        self._kind = kind
        self._report = report
        self._rows = spool
        self._progress = progress
        self._cancelled = cancelled

    def read(self, table: Table, given: ColumnMapping | None, new_fields: bool) -> None:
        """Read and check every row by itself."""
        kind, report = self._kind, self._report
        there = inspecting.custom_fields(kind)
        chosen = given or self._suggested(table, new_fields, there)
        self._check(chosen, there)
        header = set(table.header)
        targets = {column: one for column, one in chosen.columns.items() if column in header}
        report.ignored_columns = [
            column
            for column in table.header
            if column and (column not in targets or targets[column].to == "ignore")
        ]
        # A mapping may name more than the file has; what is needed must be there.
        self._check(ColumnMapping(kind, targets), there)
        self._fields = FieldsOfFile(kind, targets, there)
        if given is not None or new_fields:
            report.suggested_fields = self._fields.suggested
        self._reader = Reader(
            kind,
            table.header,
            {column: one.name for column, one in targets.items() if one.to == "field"},
            self._fields.by_column,
            frozenset(column for column, one in targets.items() if one.new_choices),
        )
        for number, cells in table.rows():
            self._rows.add(self._reader.read(number, cells))
            if self._rows.count % CHUNK == 0:
                self._say(0, self._rows.count)
        report.rows = self._rows.count

    def import_(self, guard: Guard, allow: Losses | None, absent: Absent) -> Report:
        """Plan it, and unless it is a dry run, write it. Raises ``GuardTripped``."""
        report = self._report
        db.session.rollback()
        if report.dry_run:
            with only_reading():
                self._plan_all(report, absent, say=True)
            report.guard_tripped = bool(report.losses.beyond(guard, allow))
            return report
        with only_reading():
            planned = replace(report, refused=[], remarks=[], losses=Losses())
            # What has so few records cannot lose more than passes anyway.
            looked = self._planner(planned).losses.records > guard.least
            if looked:
                self._plan_all(planned, absent, say=False)
            db.session.rollback()
        if planned.losses.beyond(guard, allow):
            planned.guard_tripped, planned.rows_done = True, 0
            raise GuardTripped(planned)
        made = self._reader.choices_made or self._fields.suggested
        if looked and not (planned.created or planned.updated or made):
            self._say(report.rows, report.rows)
            report = planned
            if self._keeping is not None:
                self._keeping(report)
            self._finish(report)
            return report
        if report.findings is not None:
            report.findings.seek(0)
            report.findings.truncate()
        self._reader.custom = self._fields.make(self._reader.choices_made)
        with under_way.noted() as still:
            self._write_all(absent, still)
        return report

    def _plan_all(self, report: Report, absent: Absent, *, say: bool) -> None:
        plans = self._planner(report)
        of_companies = parents.Parents(self._reader, report)
        for chunk in self._rows.chunks():
            of_companies.note(plans.plan(chunk))
            db.session.rollback()
            report.rows_done += len(chunk)
            self._say(report.rows_done if say else 0, report.rows)
        for _ in of_companies.found():
            db.session.rollback()
        if absent == "deactivate":
            for part in absence.found(plans):
                for one in part:
                    plans.losses.add("absent", one.key)
                self._say(report.rows_done if say else 0, report.rows)
                report.updated += len(part)
        db.session.rollback()

    def _write_all(self, absent: Absent, still: Callable[[], None]) -> None:
        report = self._report
        plans = self._planner(report, lock=True)
        of_companies = parents.Parents(self._reader, report)
        writer = Writer(plans.model_kind, self._reader.custom)
        db.session.rollback()
        cancelled, analyse_at = False, CHUNK
        for chunk in self._rows.chunks():
            planned = plans.plan(chunk)
            writer.write(planned)
            report.rows_done += len(chunk)
            if self._keeping is not None:
                self._keeping(report)
            still()
            db.session.commit()
            of_companies.note(planned)
            if report.created >= analyse_at:
                # What was true of the tables when this began is not any more.
                db.session.execute(text("ANALYZE"))
                db.session.commit()
                analyse_at *= 4
            try:
                self._say(report.rows_done, report.rows)
            except Cancelled:
                cancelled = report.rows_done < report.rows
                if cancelled:
                    break
        if not cancelled:
            of_companies.write()
            if absent == "deactivate":
                self._put_out_of_use(plans, still)
        report.cancelled = cancelled
        self._finish(report)

    def _finish(self, report: Report) -> None:
        audit.record(
            audit.Event.IMPORTED,
            self._kind,
            rows=report.rows,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            refused=report.refused_count,
            cancelled=report.cancelled,
        )
        # Whoever asks next, a group's condition say, should not be planned for an empty table.
        db.session.execute(text("ANALYZE"))
        db.session.commit()

    def _put_out_of_use(self, plans: Planner, still: Callable[[], None]) -> None:
        for part in absence.found(plans):
            absence.deactivate(part)
            still()
            db.session.commit()
            for one in part:
                plans.losses.add("absent", one.key)
            self._report.updated += len(part)

    def _planner(self, report: Report, *, lock: bool = False) -> Planner:
        if self._kind == "companies":
            return CompanyPlanner(self._reader, report, lock=lock)
        return PeoplePlanner(self._reader, report, lock=lock, owners=self._owners)

    def _suggested(
        self, table: Table, new_fields: bool, there: Sequence[CustomField]
    ) -> ColumnMapping:
        # Where no column can be a new field, the values need not be looked at.
        by_name = mapping.suggested(self._kind, table.header, there)
        self._check_meant(by_name)
        unknown = [
            column
            for column, one in by_name.columns.items()
            if one == mapping.IGNORE and not columns.is_told_only(column)
        ]
        if not unknown:
            return by_name
        self._check(by_name, there)
        seen, _, _ = inspecting.look(table, unknown, self._cancelled)
        if not new_fields:
            self._report.suggested_fields = [column.suggestion for column in seen.values()]
            return by_name
        new = {name: inspecting.as_new(column.suggestion) for name, column in seen.items()}
        return mapping.suggested(self._kind, table.header, there, new)

    def _check_meant(self, by_name: ColumnMapping) -> None:
        # Nobody said which of two columns is meant.
        taken = {one.name: column for column, one in by_name.columns.items() if one.to == "field"}
        for column, one in by_name.columns.items():
            name = columns.built_in(self._kind, column)
            if one == mapping.IGNORE and name is not None and name in taken:
                first, second = [one for one in by_name.columns if one in (column, taken[name])]
                raise ImportFailed(
                    f"“{first}” and “{second}” are the same field: keep one, or say where they go "
                    "by a mapping."
                )

    def _check(self, chosen: ColumnMapping, there: Sequence[CustomField]) -> None:
        try:
            if chosen.kind != self._kind:
                raise InvalidMapping("", "other_kind", f"The mapping is for {chosen.kind}.")
            chosen.check(there)
        except InvalidMapping as error:
            column = f"Column {error.field[:80]!r}: " if error.field else ""
            raise ImportFailed(column + str(error)) from None

    def _say(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)
        if self._cancelled is not None and self._cancelled():
            raise Cancelled
