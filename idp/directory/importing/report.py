"""What an import did, row by row where it matters."""

from dataclasses import dataclass, field
from typing import Any

from idp.directory.fields import FieldKind

SHOWN_VALUE = 200


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken. ``row`` counts as a spreadsheet does, the header being row 1;
    ``reason`` is a stable code, ``message`` says it in words."""

    row: int
    column: str
    value: str
    reason: str
    message: str


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
    """Counts of an import and every refused row."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    suggested_fields: list[SuggestedField] = field(default_factory=list)
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """The report as a script reads it."""
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "dry_run": self.dry_run,
            "refused": [
                {
                    "row": refusal.row,
                    "column": refusal.column,
                    "value": refusal.value,
                    "reason": refusal.reason,
                    "message": refusal.message,
                }
                for refusal in self.refused
            ],
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
