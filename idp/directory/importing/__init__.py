"""Import of companies and people from a member system's export.

In use::

    seen = importing.inspect("people", path)            # how it is read, columns, suggestions
    dry = importing.run("people", path, mapping=seen.mapping, dry_run=True)
    try:
        report = importing.run("people", path, mapping=seen.mapping)
    except importing.GuardTripped as stopped:           # in numbers: stopped.report.losses
        report = importing.run("people", path, mapping=…, allow=stopped.report.losses)

``reading`` makes a table of a file (``separated``: CSV, ``workbook``: XLSX), ``columns`` knows
what columns are called, ``kinds`` what their values suggest, ``mapping`` says where they go and
``named`` keeps that under a name. ``rows`` checks a row for itself, ``planning`` against the
directory and the rows before it, ``guard`` counts what a file takes away, ``write`` writes,
``report`` counts, ``load`` runs it all. A file is written in chunks that each commit whole; a
second run of the same file changes nothing.
"""

from idp.directory.importing import named
from idp.directory.importing.columns import MADE_OF, Kind
from idp.directory.importing.errors import GuardTripped, ImportFailed
from idp.directory.importing.guard import Guard, Losses
from idp.directory.importing.inspecting import Cancelled, ColumnSeen, Inspection, inspect
from idp.directory.importing.load import run
from idp.directory.importing.mapping import IGNORE, ColumnMapping, InvalidMapping, Target
from idp.directory.importing.reading import ReadingOptions, Taken
from idp.directory.importing.report import (
    Refusal,
    Remark,
    Report,
    SuggestedField,
    read_findings,
)

__all__ = [
    "IGNORE",
    "MADE_OF",
    "Cancelled",
    "ColumnMapping",
    "ColumnSeen",
    "Guard",
    "GuardTripped",
    "ImportFailed",
    "Inspection",
    "InvalidMapping",
    "Kind",
    "Losses",
    "ReadingOptions",
    "Refusal",
    "Remark",
    "Report",
    "SuggestedField",
    "Taken",
    "Target",
    "inspect",
    "named",
    "read_findings",
    "run",
]
