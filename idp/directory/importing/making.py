"""The custom fields of a file: those that there are, and those that an import makes.

They are made when the whole file was read and the guard let it through. Until then they are
objects that no session knows, so that a dry run can read values with them and write nothing.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from idp import audit
from idp.database import db
from idp.directory import fields
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField
from idp.directory.importing import columns
from idp.directory.importing.columns import Kind
from idp.directory.importing.errors import ImportFailed
from idp.directory.importing.inspecting import custom_fields
from idp.directory.importing.mapping import Target
from idp.directory.importing.report import SuggestedField


class FieldsOfFile:
    """The custom field of each column that goes to one.

    ``by_column`` has them for reading values; ``make`` writes the new ones and new choices, after
    which they have ids. Raises ``ImportFailed`` for a column that can be no field.
    """

    def __init__(
        self, kind: Kind, targets: Mapping[str, Target], there: Sequence[CustomField]
    ) -> None:
        self._kind = kind
        self._new: dict[str, Target] = {}
        self.by_column: dict[str, CustomField] = {}
        self.suggested: list[SuggestedField] = []
        by_key = {one.key: one for one in there}
        for column, target in targets.items():
            if target.to == "custom":
                self.by_column[column] = by_key[target.name]
            elif target.to == "new":
                found = columns.matching(target.name, there)
                if found is None:
                    self._new[column] = target
                    found = self._made(column, target)
                    db.session.expunge(found)
                    self.suggested.append(
                        SuggestedField(
                            column, found.key, target.kind or "text", list(target.choices)
                        )
                    )
                self.by_column[column] = found
        db.session.rollback()

    def make(self, choices: Mapping[int, Sequence[str]]) -> list[CustomField]:
        """Make the new fields, and new choices by the field's place; gives all the fields in
        their order, with ids and let go of by the session. Commits."""
        keys = []
        for place, (column, known) in enumerate(self.by_column.items()):
            if column in self._new:
                field = self._made(column, self._new[column])
                db.session.flush()
                audit.record(
                    audit.Event.FIELD_CREATED,
                    field.key,
                    changed={"label": [None, field.label], "kind": [None, field.kind]},
                )
                suggested = next(one for one in self.suggested if one.column == column)
                suggested.key, suggested.created = field.key, True
            else:
                field = db.session.scalars(
                    select(CustomField).where(CustomField.id == known.id)
                ).one()
            added = [label for label in choices.get(place, ()) if field.choice(label) is None]
            before = [choice.label for choice in field.choices if not choice.retired]
            for label in added:
                field.add_choice(label)
            if added and column not in self._new:
                audit.record(
                    audit.Event.FIELD_CHANGED,
                    field.key,
                    changed={"choices": [before, [*before, *added]]},
                )
            keys.append(field.key)
        db.session.commit()
        by_key = {one.key: one for one in custom_fields(self._kind)}
        return [by_key[key] for key in keys]

    def _made(self, column: str, target: Target) -> CustomField:
        try:
            with db.session.no_autoflush:
                return fields.create(
                    target.name,
                    target.kind or "text",
                    applies_to="company" if self._kind == "companies" else "person",
                    choices=target.choices,
                    in_members_section=True,
                )
        except InvalidValue as error:
            db.session.rollback()
            raise ImportFailed(f"Column {column[:80]!r} cannot be a field: {error}") from None
