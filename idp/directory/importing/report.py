"""What an import did, or would do, row by row where it matters."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from idp.directory.fields import FieldKind
from idp.directory.importing.guard import Losses

SHOWN_VALUE = 200
MOST_KEPT = 1000


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken. ``row`` counts as a spreadsheet does, the header being row 1;
    ``reason`` is a stable code, ``message`` says it in words."""

    row: int
    column: str
    value: str
    reason: str
    message: str


@dataclass(frozen=True)
class Remark(Refusal):
    """Something to know about a row that was taken."""


@dataclass
class SuggestedField:
    """A column that is no built-in field, as the custom field that its values suggest."""

    column: str
    key: str
    kind: FieldKind
    choices: list[str]
    created: bool = False


@dataclass
class Report:
    """Counts of an import, with the first refused rows and remarks.

    ``refused`` and ``remarks`` hold the first 1,000 of each, in the order of the rows;
    ``refused_count`` and ``remarks_count`` count all of them, and the file given as ``findings``
    has all. ``read_as`` says how the file was read, ``rows_done`` how far it came when it was
    ``cancelled``. ``losses`` is what the file takes away from what was there before;
    ``guard_tripped``: a dry run found that it is more than the guard lets through.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    refused_count: int = 0
    remarks: list[Remark] = field(default_factory=list)
    remarks_count: int = 0
    suggested_fields: list[SuggestedField] = field(default_factory=list)
    dry_run: bool = False
    read_as: dict[str, Any] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)
    rows_done: int = 0
    cancelled: bool = False
    losses: Losses = field(default_factory=Losses)
    guard_tripped: bool = False
    findings: IO[str] | None = field(default=None, repr=False, compare=False)

    def refuse(self, refusal: Refusal) -> None:
        """Add a refused row."""
        self.refused_count += 1
        if len(self.refused) < MOST_KEPT:
            self.refused.append(refusal)
        self._keep("refused", refusal)

    def remark(self, remark: Remark) -> None:
        """Add something to know about a row that is taken."""
        self.remarks_count += 1
        if len(self.remarks) < MOST_KEPT:
            self.remarks.append(remark)
        self._keep("remark", remark)

    def as_json(self) -> dict[str, Any]:
        """The report as a script reads it."""
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "dry_run": self.dry_run,
            "cancelled": self.cancelled,
            "rows_done": self.rows_done,
            "read_as": self.read_as,
            "ignored_columns": self.ignored_columns,
            "refused_count": self.refused_count,
            "refused": [asdict(refusal) for refusal in self.refused],
            "remarks_count": self.remarks_count,
            "remarks": [asdict(remark) for remark in self.remarks],
            "losses": self.losses.as_json(),
            "guard_tripped": self.guard_tripped,
            "suggested_fields": [
                {
                    "column": suggested.column,
                    "key": suggested.key,
                    "kind": suggested.kind,
                    "choices": suggested.choices,
                    "created": suggested.created,
                }
                for suggested in self.suggested_fields
            ],
        }

    def _keep(self, what: Literal["refused", "remark"], finding: Refusal) -> None:
        if self.findings is not None:
            line = json.dumps({"what": what, **asdict(finding)}, ensure_ascii=False)
            self.findings.write(line + "\n")


def read_findings(path: Path) -> Iterator[tuple[Literal["refused", "remark"], Refusal]]:
    """All refused rows and remarks of an import that was given this file as ``findings``."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            what = found.pop("what")
            yield what, (Refusal if what == "refused" else Remark)(**found)
