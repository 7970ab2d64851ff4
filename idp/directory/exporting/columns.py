"""Which column of a file a custom field has, so that an import finds the field again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idp.directory.fields import CustomField
from idp.directory.importing import columns
from idp.directory.importing.columns import TOLD_ONLY, Kind


@dataclass(frozen=True)
class Column:
    """The column of a custom field: its name, and by id each choice's place and text."""

    name: str
    choices: dict[int, tuple[int, str]]


def columns_of(custom: Sequence[CustomField], kind: Kind) -> dict[int, Column]:
    """The columns of custom fields, by the field's id; values, that outlast a transaction."""
    taken = {columns.folded(name) for name in columns.MADE_OF[kind]}
    found: dict[int, Column] = {}
    for field in custom:
        name = next(
            one
            for one in _names(field)
            if columns.folded(one) not in taken
            and (columns.is_told_only(one) or columns.matching(one, custom) is field)
        )
        taken.add(columns.folded(name))
        found[field.id] = Column(name, _choices(field))
    return found


def _names(field: CustomField) -> Iterator[str]:
    # Its label, unless that means something else to an import; then its key, which is unique.
    label = " ".join(field.label.split())
    if not columns.is_told_only(label):
        yield label
    yield field.key
    yield f"{label} ({field.key}){TOLD_ONLY}"


def _choices(field: CustomField) -> dict[int, tuple[int, str]]:
    return {
        choice.id: (
            place,
            choice.label
            if field.choice(choice.label) is choice and "|" not in choice.label
            else choice.key,
        )
        for place, choice in enumerate(field.choices)
    }
